import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listFindings } from '../../db/findings.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST, openBench } from '../support/release-bench.ts';
import type { Bench } from '../support/release-bench.ts';

async function using(hosts: number, faults: Parameters<typeof openBench>[1], work: (bench: Bench) => Promise<void>, applications?: readonly string[]): Promise<void> {
  const bench = await openBench(hosts, faults, applications);
  try {
    await work(bench);
  } finally {
    await bench.close();
  }
}

describe('a release on a real Temporal server', () => {
  let shared: Bench;
  beforeAll(async () => {
    shared = await openBench(8);
  });
  afterAll(() => shared.close());

  test('a good version reaches every host, the bastion first, and the projection tells the observed versions', async () => {
    const id = await shared.release();
    const release = await shared.ended(id);
    expect(release.status).toBe('succeeded');
    const targets = release.batches.flatMap((batch) => batch.targets);
    expect(targets.map(({ status }) => status)).toEqual(Array(8).fill('succeeded'));
    expect(targets.every(({ observedVersion }) => observedVersion['web'] === 'v2')).toBe(true);
    expect(release.changes).toEqual([{ application: 'web', from: 'v1', to: 'v2', config: null }]);
    const drains = shared.traffic.calls.filter((call) => call.startsWith('drain'));
    expect(drains[0]).toBe(`drain ${release.batches[0]?.targets[0]?.host}`);
  });

  test('a finished release is taken back by a new one that restores every host to what it ran before', async () => {
    const first = await shared.release({ version: 'v5' });
    await shared.ended(first);
    const before = await shared.view(first);
    const back = await shared.release({ rollbackOf: first });
    const release = await shared.ended(back);
    expect(release.status).toBe('rolled-back');
    expect(release.rollback).toMatchObject({ restored: 8 });
    expect(new Set([...shared.fleet.hosts.values()].map(({ version }) => version))).toEqual(new Set([before.changes[0]?.from]));
  });

  test('a release of 10 targets costs at most 8 activities each and stays under 600 events', async () => {
    await using(10, {}, async (bench) => {
      const id = await bench.release();
      await bench.ended(id);
      const history = await bench.client.workflow.getHandle(`release/${id}`).fetchHistory();
      const events = history.events ?? [];
      const activities = events.filter(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled).map(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? '');
      const perTarget = activities.filter((name) => /Target$/.test(name)).length / 10;
      expect(perTarget).toBeLessThanOrEqual(6);
      expect(activities.filter((name) => name === 'observeTargets' || name === 'stageTargets')).toHaveLength(2);
      expect(events.length).toBeLessThan(600);
    });
  });
});

describe('a bad version', () => {
  test('fails on the bastion: nothing else is touched, the bastion is restored, its error says what to do', async () => {
    await using(8, { health: [{ call: 'verify', nth: 1, fault: { lie: unhealthy('health-timeout', 'no answer') } }] }, async (bench) => {
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('rolled-back');
      expect(release.rollback).toMatchObject({ cause: 'bastion', restored: 1 });
      const bastion = release.batches[0]?.targets[0];
      expect(bastion).toMatchObject({ status: 'restored', error: { code: 'health-timeout', class: 'bad-build' } });
      expect(bench.traffic.calls.filter((call) => !call.startsWith('observe') && !call.endsWith(` ${bastion?.host}`))).toEqual([]);
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    });
  });

  test('fails in batch 2: exactly the begun hosts go back, and one application start per direction', async () => {
    await using(8, {}, async (bench) => {
      const good = await bench.ended(await bench.release());
      const victim = good.batches[2]?.targets[0]?.host ?? '';
      await using(8, { health: [{ call: `verify ${victim}`, nth: 1, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] }, async (bad) => {
        const release = await bad.ended(await bad.release());
        expect(release.status).toBe('rolled-back');
        const begun = release.batches.slice(0, 3).flatMap(({ targets }) => targets);
        for (const { host, status } of begun) {
          if (status !== 'restored') continue;
          expect(bad.fleet.hosts.get(host)?.starts).toEqual(['v2', 'v1']);
        }
        const untouched = release.batches.slice(3).flatMap(({ targets }) => targets.map(({ host }) => host));
        expect(untouched.length).toBeGreaterThan(0);
        for (const host of untouched) expect(bad.fleet.hosts.get(host)?.starts).toEqual([]);
      });
    });
  });

  test('whose old version is sick too ends rollback-incomplete with a per-host list and frees the pool', async () => {
    const sick = (nth: number) => ({ call: 'verify', nth, fault: { lie: unhealthy('health-timeout', 'sick') } });
    await using(4, { health: [sick(1), sick(2)] }, async (bench) => {
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('rollback-incomplete');
      expect(release.unrestored).toMatchObject([{ step: 'verify', failure: { code: 'health-timeout' } }]);
      expect(release.allowedCommands).toEqual(['retry']);
      expect((await bench.ended(await bench.release({ version: 'v3' }))).status).toBe('succeeded');
    });
  });
});

describe('operators', () => {
  test('pause holds before the next target, says when it is quiet, and resume goes on to the end', async () => {
    await using(8, {}, async (bench) => {
      const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      expect((await bench.send(id, 'pause')).state).toBe('applied');
      const paused = await bench.until(id, (release) => release.paused?.quiet === true, 'quiet');
      expect(paused.waiting?.sentence).toContain('Paused by op');
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'refused', refusal: { code: 'already-paused' } });
      expect((await bench.send(id, 'resume')).state).toBe('applied');
      expect((await bench.send(id, 'promote')).state).toBe('applied');
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });

  test('rollback in the middle of a batch fences what is in work and restores everything that was begun', async () => {
    await using(8, { health: [{ call: 'verify', nth: 3, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release();
      await bench.until(id, () => bench.health.calls.length >= 3, 'third verify');
      expect((await bench.send(id, 'rollback', { mode: 'emergency' })).state).toBe('applied');
      const release = await bench.ended(id);
      expect(release.status).toBe('rolled-back');
      expect(release.rollback).toMatchObject({ mode: 'emergency', cause: 'operator', by: 'op' });
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
      expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
    });
  });

  test('abort starts nothing new and leaves finished targets on the new version', async () => {
    await using(8, {}, async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 60 } } });
      await bench.until(id, (release) => release.batches[1]?.status === 'baking', 'batch 1 bakes');
      expect((await bench.send(id, 'abort')).state).toBe('applied');
      const release = await bench.ended(id);
      expect(release.status).toBe('aborted');
      expect([...bench.fleet.hosts.values()].filter(({ version }) => version === 'v2').length).toBeGreaterThan(1);
      expect([...bench.fleet.hosts.values()].filter(({ version }) => version === 'v1').length).toBeGreaterThan(1);
    });
  });

  test('signals and Cancel from the Temporal UI act like the commands, with actor temporal', async () => {
    await using(4, {}, async (bench) => {
      const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      const handle = bench.client.workflow.getHandle(`release/${id}`);
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      await handle.signal('pause', 'lunch');
      expect((await bench.until(id, ({ paused }) => paused !== null)).paused).toMatchObject({ by: 'temporal', reason: 'lunch' });
      await handle.signal('resume');
      await bench.until(id, ({ paused }) => paused === null);
      await handle.cancel();
      const release = await bench.ended(id);
      expect(release.status).toBe('rolled-back');
      expect(release.rollback).toMatchObject({ by: 'temporal', cause: 'operator' });
    });
  });

  test('a held failure is retried by command, and only the failed target runs again', async () => {
    await using(4, { health: [{ call: 'verify', nth: 1, fault: { lie: unhealthy('health-timeout', 'cold') } }] }, async (bench) => {
      const id = await bench.release({ strategy: { onFailure: 'hold' } });
      const held = await bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the brake');
      expect(held.allowedCommands).toEqual(['rollback', 'abort', 'retry', 'skip', 'answer', 'jump']);
      expect(await bench.send(id, 'resume')).toMatchObject({ state: 'refused' });
      expect((await bench.send(id, 'retry')).state).toBe('applied');
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });
});

describe('the pool', () => {
  test('a second release waits in the queue and starts when the first has ended; a third with reject is rejected', async () => {
    await using(4, {}, async (bench) => {
      const first = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      await bench.until(first, ({ waiting }) => waiting?.for === 'bake');
      const second = await bench.release({ version: 'v3' });
      const queued = await bench.until(second, ({ waiting }) => waiting?.for === 'pool', 'the queue');
      expect(queued.waiting?.sentence).toContain(first);
      const third = await bench.ended(await bench.release({ version: 'v4', busy: 'reject' }));
      expect(third).toMatchObject({ status: 'rejected' });
      await bench.send(first, 'promote');
      expect((await bench.ended(first)).status).toBe('succeeded');
      const release = await bench.ended(second);
      expect(release.status).toBe('succeeded');
      expect(release.changes[0]?.from).toBe('v2');
    });
  });

  test('supersede ends the queued release and never the running one', async () => {
    await using(4, {}, async (bench) => {
      const first = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      await bench.until(first, ({ waiting }) => waiting?.for === 'bake');
      const second = await bench.release({ version: 'v3' });
      await bench.until(second, ({ waiting }) => waiting?.for === 'pool');
      const third = await bench.release({ version: 'v4', busy: 'supersede' });
      expect(await bench.ended(second)).toMatchObject({ status: 'rejected', failure: { code: 'superseded' } });
      expect((await bench.view(first)).status).toBe('pre-release');
      await bench.send(first, 'promote');
      expect((await bench.ended(third)).status).toBe('succeeded');
    });
  });
});

describe('two applications of one pool in one release', () => {
  test('go out and in together: per host one drain, two switches, one admit', async () => {
    await using(4, {}, async (bench) => {
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('succeeded');
      for (const host of bench.names) {
        expect(bench.traffic.calls.filter((call) => call === `drain ${host}`)).toHaveLength(1);
        expect(bench.traffic.calls.filter((call) => call === `admit ${host}`)).toHaveLength(1);
        expect(bench.fleet.executor.calls.filter((call) => call === `switch ${host}`)).toHaveLength(2);
        expect(bench.fleet.executor.calls.filter((call) => call === `start ${host}`)).toHaveLength(2);
      }
    }, ['api', 'web']);
  });
});

describe('a host that somebody changed between preparation and its turn', () => {
  test('is not touched: the release pauses, the change is a finding, and skipping the host lets the rest go on', async () => {
    await using(4, {}, async (bench) => {
      const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      const baking = await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      const changed = baking.batches[1]?.targets[0]?.host ?? '';
      const host = bench.fleet.hosts.get(changed);
      if (host) host.digest = digestOf('by-hand');
      await bench.send(id, 'promote');
      const held = await bench.until(id, ({ paused }) => paused !== null, 'the pause');
      expect(held.paused).toMatchObject({ cause: 'drift' });
      expect(bench.traffic.calls).not.toContain(`drain ${changed}`);
      expect(await listFindings(bench.db)).toMatchObject([{ kind: 'drift', subject: changed }]);
      expect((await bench.send(id, 'skip')).state).toBe('applied');
      expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: changed, cause: 'skipped' }] });
    });
  });
});
