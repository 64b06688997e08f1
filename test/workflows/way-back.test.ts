/** What a release plans for its way back, and what its rollback leaves behind. */
import { describe, expect, test } from 'vitest';
import { getBlock, liftBlock } from '../../db/blocks.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { hostPasts } from '../../db/host-history.ts';
import { using } from '../activities/using.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { unhealthy } from '../support/fake-health.ts';
import type { Bench } from '../support/release-bench.ts';

const OP = { kind: 'token', name: 'op' } as const;
const hold = { kind: 'hold', name: 'web', pool: 'web-prod' } as const;
const quarantine = (version: string) => ({ kind: 'quarantine', name: `web@${version}`, pool: '' }) as const;
const baking = { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } as const;

function keepsNothing(bench: Bench, host: string): void {
  bench.fleet.hosts.get(host)?.versions.clear();
}

describe('the way back of a release', () => {
  test('is frozen before anything is touched, with package, configuration and steps of every host', async () => {
    await using(4, {}, async (bench) => {
      const release = await bench.ended(await bench.release());
      expect(release.rollbackPlan).toMatchObject({ mode: 'regular', batchPercent: 33, to: 'previous' });
      expect(release.rollbackPlan?.targets).toEqual(bench.names.map((host) => ({
        host, applications: [{ application: 'web', version: 'v1', digest: digestOf('v1'), config: 'config-v1' }], steps: ['drain', 'stop', 'switch', 'start', 'verify', 'admit'], feasible: true, why: null,
      })));
      const types = (await readReleaseEvents(bench.db, { release: release.id })).map(({ type }) => type);
      expect(types.indexOf('rollback-planned')).toBe(types.indexOf('plan-made') - 1);
    });
  });

  test('that one host has not fails the preparation and names it; nothing is touched', async () => {
    await using(4, {}, async (bench) => {
      keepsNothing(bench, 'web-03');
      const release = await bench.ended(await bench.release());
      expect(release).toMatchObject({ status: 'failed', failure: { code: 'rollback-infeasible', message: expect.stringContaining('web-03 could not be brought back') } });
      expect(bench.traffic.calls.filter((call) => call.startsWith('drain'))).toEqual([]);
    });
  });

  test('that one host has not is a warning where the strategy never rolls back by itself', async () => {
    await using(4, {}, async (bench) => {
      keepsNothing(bench, 'web-03');
      const release = await bench.ended(await bench.release({ strategy: { rollback: { on: [], mode: 'regular', batchPercent: null } } }));
      expect(release).toMatchObject({ status: 'succeeded', warnings: [expect.stringContaining('web-03 could not be brought back')] });
    });
  });
});

describe('what the hosts keep', () => {
  test('is known from the log: a release that clears old ones from a host says which are left', async () => {
    await using(4, { executor: [{ call: 'clean web-02', nth: 1, fault: { lie: { ok: true, repeated: false, result: { removed: [digestOf('v1')] } } } }] }, async (bench) => {
      const id = await bench.release();
      expect((await bench.ended(id)).status).toBe('succeeded');
      const cleaned = (await readReleaseEvents(bench.db, { release: id })).filter(({ type }) => type === 'target-cleaned');
      expect(cleaned).toMatchObject([{ data: { host: 'web-02', kept: { web: [digestOf('v2')] } } }]);
      const pasts = await hostPasts(bench.db, { hosts: ['web-01', 'web-02'], application: 'web' });
      expect(pasts.map(({ installs, kept }) => [installs.map(({ version }) => version), kept])).toEqual([
        [['v1', 'v2'], [digestOf('v1'), digestOf('v2')]],
        [['v1', 'v2'], [digestOf('v2')]],
      ]);
    });
  });

  test('and what they ran follows a rollback back: restored is what there was before', async () => {
    await using(4, { health: [{ call: 'verify', nth: 1, fault: { lie: unhealthy('health-timeout', 'no answer') } }] }, async (bench) => {
      const bastion = (await bench.ended(await bench.release())).batches[0]?.targets[0]?.host ?? '';
      const [past] = await hostPasts(bench.db, { hosts: [bastion], application: 'web' });
      expect(past?.installs.map(({ version }) => version)).toEqual(['v1', 'v1']);
    });
  });
});

describe('a rollback by itself', () => {
  test('because of the build quarantines what it took back: a release of it that is not stopped before ends in preparation, another version passes', async () => {
    await using(4, { health: [{ call: 'verify', nth: 1, fault: { lie: unhealthy('health-timeout', 'no answer') } }] }, async (bench) => {
      const bad = await bench.release();
      expect((await bench.ended(bad)).status).toBe('rolled-back');
      expect(await getBlock(bench.db, quarantine('v2'))).toMatchObject({ release: bad, lifted: null, by: { kind: 'signalbox' } });
      expect(await getBlock(bench.db, hold)).toBeNull();
      expect(await bench.ended(await bench.release())).toMatchObject({ status: 'failed', failure: { code: 'quarantined', message: expect.stringContaining(bad) } });
      expect((await bench.ended(await bench.release({ version: 'v3' }))).status).toBe('succeeded');
    });
  });

  test('because of a host quarantines nothing, and the same version may be released next', async () => {
    await using(4, { executor: [{ call: 'switch', nth: 1, fault: { lie: { ok: false, error: 'unexpected-link', message: 'changed by hand', detail: {} } } }] }, async (bench) => {
      expect((await bench.ended(await bench.release())).status).toBe('rolled-back');
      expect(await getBlock(bench.db, quarantine('v2'))).toBeNull();
      expect((await bench.ended(await bench.release())).status).toBe('succeeded');
    });
  });
});

describe("a person's rollback", () => {
  test('holds the application: a release that waited behind it is not begun, and after the lift the next one is', async () => {
    await using(4, {}, async (bench) => {
      const first = await bench.release({ strategy: baking });
      await bench.until(first, ({ waiting }) => waiting?.for === 'bake');
      const waiting = await bench.release({ version: 'v3' });
      await bench.until(waiting, (release) => release.waiting?.for === 'pool', 'the queue');
      expect((await bench.send(first, 'rollback')).state).toBe('applied');
      expect((await bench.ended(first)).status).toBe('rolled-back');
      expect(await getBlock(bench.db, hold)).toMatchObject({ release: first, reason: 'test', by: OP, lifted: null });
      expect(await bench.ended(waiting)).toMatchObject({ status: 'failed', failure: { code: 'held', message: expect.stringContaining(first) } });
      expect([...bench.fleet.hosts.values()].some(({ starts }) => starts.includes('v3'))).toBe(false);
      await liftBlock(bench.db, hold, { reason: 'understood', by: OP });
      expect((await bench.ended(await bench.release({ version: 'v3' }))).status).toBe('succeeded');
    });
  });
});
