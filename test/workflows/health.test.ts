/** The lists of a release: before admit, after admit, and the bastion's own. Fakes at the edges, everything between them real. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/activities.ts';
import { createFacts } from '../../activities/facts.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { unhealthy } from '../support/fake-health.ts';
import { using } from '../activities/using.ts';
import { FAST } from '../support/release-bench.ts';
import type { HealthCheck } from '../../domain/inventory.ts';
import type { StepInput, StepOutcome } from '../../activities/step-context.ts';
import type { Bench } from '../support/release-bench.ts';

const BEFORE: HealthCheck = { http: { path: '/health', port: '80', method: 'GET', status: [200], version: { json: 'version' } }, passes: 1, intervalMs: 100, timeoutSeconds: 5 };
const AFTER: HealthCheck = { tcp: { port: '80', listener: 'own' }, passes: 1, intervalMs: 100, timeoutSeconds: 5, when: 'after-admit' };
const HEALTH = [BEFORE, AFTER];
const SICK = { lie: unhealthy('health-timeout', 'it does not stand the traffic.') };
/** One failure is borne, so that a release goes on beside it. */
const TOLERANT = { tolerance: { perBatch: 1, total: 1 } };

const callsOn = (bench: Bench, host: string): readonly string[] => bench.traffic.calls.filter((call) => call.endsWith(` ${host}`) && !call.startsWith('observe'));
const eventsOn = async (bench: Bench, id: string, host: string): Promise<readonly string[]> =>
  (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).flatMap(({ type, data }) => ('host' in data && data.host === host ? [`${type}${'step' in data ? ` ${data.step}` : ''}`] : []));

/** A host of a batch in a pool of this size, as every release of it is planned. */
async function victimOf(bench: Bench): Promise<string> {
  const good = await bench.ended(await bench.release({ version: 'v0', health: HEALTH }));
  return good.batches[1]?.targets[0]?.host ?? '';
}

describe('the list after admit', () => {
  test('is asked of every host once it is in service, and of nobody before', async () => {
    await using(8, {}, async (bench) => {
      const release = await bench.ended(await bench.release({ health: HEALTH }));
      expect(release.status).toBe('succeeded');
      for (const host of bench.names) expect(bench.health.places.filter((place) => place.startsWith(host))).toEqual([`${host} health/0`, `${host} health/1`]);
      for (const host of bench.names) expect(callsOn(bench, host)).toEqual([`drain ${host}`, `admit ${host}`]);
      // Both lists count only the answers of what was started, also on the bastion, which joins long after.
      const pidsOf = (host: string): readonly (number | null | undefined)[] => bench.health.places.flatMap((place, index) => (place.startsWith(host) ? [bench.health.pids[index]] : []));
      for (const host of bench.names) expect(pidsOf(host)).toEqual([bench.fleet.hosts.get(host)?.pid, bench.fleet.hosts.get(host)?.pid]);
    });
  });

  test('failing takes the host out again, counts as a failure of that host, and leaves the others alone', async () => {
    await using(8, {}, async (first) => {
      const victim = await victimOf(first);
      await using(8, { health: [{ call: `verify ${victim}`, nth: 2, fault: SICK }] }, async (bench) => {
        const id = await bench.release({ health: HEALTH, strategy: TOLERANT });
        const release = await bench.ended(id);
        expect(release).toMatchObject({ status: 'succeeded', debt: [{ host: victim, cause: 'failed' }] });
        expect(callsOn(bench, victim)).toEqual([`drain ${victim}`, `admit ${victim}`, `drain ${victim}`]);
        expect(bench.traffic.servers.get(victim)).toMatchObject({ admin: 'drain', inService: false });
        for (const host of bench.names.filter((name) => name !== victim)) expect(bench.traffic.servers.get(host)).toMatchObject({ inService: true });
        const target = release.batches.flatMap(({ targets }) => targets).find(({ host }) => host === victim);
        expect(target).toMatchObject({ status: 'failed', error: { step: 'admit', code: 'health-timeout', class: 'bad-build', message: 'it does not stand the traffic. It was in service and is out again.' } });
        expect((await eventsOn(bench, id, victim)).slice(-2)).toEqual(['target-check-failed', 'target-step-failed admit']);
      });
    });
  });

  test('failing on the bastion brakes like any failure of the bastion, and the old version comes back into service without being asked it', async () => {
    await using(8, { health: [{ call: 'verify', nth: 2, fault: SICK }] }, async (bench) => {
      const release = await bench.ended(await bench.release({ health: HEALTH }));
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { cause: 'bastion', restored: 1 } });
      const bastion = release.batches[0]?.targets[0]?.host ?? '';
      expect(bench.health.places).toEqual([`${bastion} health/0`, `${bastion} health/1`, `${bastion} health/0`]);
      expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
    });
  });

  test('that was cut off is asked again by whoever goes on; nothing else is done twice', async () => {
    await using(8, {}, async (first) => {
      const victim = await victimOf(first);
      await using(8, { health: [{ call: `verify ${victim}`, nth: 2, fault: { fail: new Error('the worker died') } }] }, async (bench) => {
        const id = await bench.release({ health: HEALTH });
        expect((await bench.ended(id)).status).toBe('succeeded');
        expect(bench.health.places.filter((place) => place.startsWith(victim))).toEqual([`${victim} health/0`, `${victim} health/1`, `${victim} health/1`]);
        expect(callsOn(bench, victim).filter((call) => call.startsWith('drain'))).toHaveLength(1);
        expect(bench.fleet.hosts.get(victim)?.starts).toEqual(['v2']);
      });
    });
  });

  test('that failed is not asked again when taking the host out is cut off: the host is not put back meanwhile', async () => {
    await using(8, {}, async (first) => {
      const victim = await victimOf(first);
      const faults = { health: [{ call: `verify ${victim}`, nth: 2, fault: SICK }], traffic: [{ call: `drain ${victim}`, nth: 2, fault: { fail: new BalancerDown('nobody answers') } }] };
      await using(8, faults, async (bench) => {
        const release = await bench.ended(await bench.release({ health: HEALTH, strategy: TOLERANT }));
        expect(release.status).toBe('succeeded');
        expect(callsOn(bench, victim)).toEqual([`drain ${victim}`, `admit ${victim}`, `drain ${victim}`, `drain ${victim}`]);
        expect(bench.health.places.filter((place) => place === `${victim} health/1`)).toHaveLength(1);
        expect(bench.traffic.servers.get(victim)).toMatchObject({ inService: false });
      });
    });
  });

  test('is asked again when the host is retried', async () => {
    await using(8, { health: [{ call: 'verify', nth: 2, fault: SICK }] }, async (bench) => {
      const id = await bench.release({ health: HEALTH, strategy: { onFailure: 'hold' } });
      const held = await bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the brake');
      const bastion = held.batches[0]?.targets[0]?.host ?? '';
      expect(bench.traffic.servers.get(bastion)).toMatchObject({ admin: 'drain' });
      expect((await bench.send(id, 'retry')).state).toBe('applied');
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect(bench.traffic.servers.get(bastion)).toMatchObject({ inService: true });
    });
  });

  test('is not asked of a host that somebody else had drained and that stays so', async () => {
    await using(8, {}, async (bench) => {
      bench.traffic.servers.set('web-03', { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false });
      expect((await bench.ended(await bench.release({ health: HEALTH }))).status).toBe('succeeded');
      expect(bench.health.places.filter((place) => place.startsWith('web-03'))).toEqual(['web-03 health/0']);
    });
  });
});

describe('the bastion\'s own list', () => {
  const strategy = { bastion: { ...FAST.bastion, health: [{ ...BEFORE, passes: 3 }] } };

  test('is asked of the bastion after the application\'s, before it joins, and of no other host', async () => {
    await using(8, {}, async (bench) => {
      const release = await bench.ended(await bench.release({ strategy }));
      expect(release.status).toBe('succeeded');
      const bastion = release.batches[0]?.targets[0]?.host ?? '';
      expect(bench.health.places.slice(0, 2)).toEqual([`${bastion} health/0`, `${bastion} bastion.health/0`]);
      expect(bench.health.places.filter((place) => place.includes('bastion'))).toHaveLength(1);
    });
  });

  test('failing rolls the bastion back before it has joined', async () => {
    await using(8, { health: [{ call: 'verify', nth: 2, fault: SICK }] }, async (bench) => {
      const release = await bench.ended(await bench.release({ strategy }));
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { cause: 'bastion' } });
      const bastion = release.batches[0]?.targets[0]?.host ?? '';
      expect(callsOn(bench, bastion)).toEqual([`drain ${bastion}`, `admit ${bastion}`]);
      expect(bench.fleet.hosts.get(bastion)?.starts).toEqual(['v2', 'v1']);
    });
  });
});

describe('a batch that ignores the verification', () => {
  /** The steps of one host as a worker would run them for such a batch. */
  async function ignoring(bench: Bench, run: (activities: ReturnType<typeof createActivities>, input: StepInput) => Promise<void>): Promise<string> {
    const id = await bench.release({ health: HEALTH, strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
    const baking = await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const acquired = (await readReleaseEvents(bench.db, { release: id })).find(({ type }) => type === 'pool-acquired');
    const activities = createActivities({
      db: bench.db, facts: createFacts(bench.db), health: bench.health, executorFor: () => bench.fleet.executor, trafficFor: () => bench.traffic,
      storeFor: () => ({ driver: 'fake', schemes: ['http'], inspect: async () => ({ sizeBytes: null }) }), fetching: (_signal, work) => work(), hostProgram: null,
    });
    const host = baking.batches[1]?.targets[0]?.host ?? '';
    await run(activities, { release: id, host, epoch: acquired?.type === 'pool-acquired' ? acquired.data.epoch : 0, direction: 'forward', round: 0, preImageOf: id, verification: 'ignored' });
    await bench.send(id, 'abort');
    return id;
  }

  test('notes what is sick, admits the host and leaves it in service', async () => {
    const sick = (nth: number) => ({ call: 'verify', nth, fault: SICK });
    await using(8, { health: [sick(2), sick(3)] }, async (bench) => {
      const notes: string[] = [];
      const id = await ignoring(bench, async (activities, input) => {
        const run = (step: (input: StepInput) => Promise<StepOutcome>): Promise<StepOutcome> => new MockActivityEnvironment().run(step, input) as Promise<StepOutcome>;
        for (const step of [activities.drainTarget, activities.stopTarget, activities.switchTarget, activities.startTarget, activities.verifyTarget, activities.admitTarget]) expect(await run(step)).toMatchObject({ ok: true });
        expect(bench.traffic.servers.get(input.host)).toMatchObject({ inService: true });
        for (const event of await readReleaseEvents(bench.db, { release: input.release, limit: 10_000 })) {
          if (event.type === 'target-step-succeeded' && event.data.host === input.host && event.data.result.note !== undefined) notes.push(`${event.data.step}: ${event.data.result.note}`);
        }
      });
      expect(notes).toEqual(['verify: not healthy, which this batch ignores: it does not stand the traffic.', 'admit: not healthy after admit, which is ignored: it does not stand the traffic.']);
      await bench.ended(id);
    });
  });
});
