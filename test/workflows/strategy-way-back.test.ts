/** Rollbacks under a strategy that names where they lead. */
import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { Bench } from '../support/release-bench.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

/** Hosts of a bench run v1 at first; this brings them to v2 as well, so that v1 is one further back than what runs. */
async function onV2(bench: Bench): Promise<void> {
  expect((await bench.ended(await bench.release())).status).toBe('succeeded');
}

const golden = (to: string) => ({ rollback: { ...FAST.rollback, to } });
const SICK = unhealthy('health-timeout', 'no answer');

function versionsOf(bench: Bench): Record<string, string | null> {
  return Object.fromEntries([...bench.fleet.hosts].map(([name, { version }]) => [name, version]));
}

/** The hosts a rollback went to, by what they run now; all others have to run v2. */
function expectTouchedOn(bench: Bench, release: ReleaseView, touched: readonly string[], version: string): void {
  expect(release.rollback).not.toBeNull();
  expect(versionsOf(bench)).toEqual(Object.fromEntries(bench.names.map((host) => [host, touched.includes(host) ? version : 'v2'])));
}

async function touchedBy(bench: Bench, release: string): Promise<readonly string[]> {
  const events = await readReleaseEvents(bench.db, { release, limit: 10_000 });
  return [...new Set(events.flatMap((event) => (event.type === 'target-fenced' ? [event.data.host] : [])))];
}

describe('a rollback by itself, under a strategy that names a version', () => {
  test('of the bastion brings it to that version and nobody else anywhere; the way was frozen before, host by host', async () => {
    // The first four answers are those of the release that brings v2.
    await using(4, { health: [{ call: 'verify', nth: 5, fault: { lie: SICK } }] }, async (bench) => {
      await onV2(bench);
      const id = await bench.release({ version: 'v3', strategy: golden('v1') });
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { web: 'v1' } }, warnings: [expect.stringContaining('to web v1; hosts it did not touch keep what they run')] });
      expect(release.rollbackPlan?.targets).toEqual(bench.names.map((host) => expect.objectContaining({ host, applications: [expect.objectContaining({ application: 'web', version: 'v1', digest: digestOf('v1'), config: 'config-v1' })], feasible: true })));
      const touched = await touchedBy(bench, id);
      expect(touched).toEqual(release.batches[0]?.targets.map(({ host }) => host));
      expectTouchedOn(bench, release, touched, 'v1');
      expect(bench.fleet.hosts.get(touched[0] ?? '')?.starts).toEqual(['v2', 'v3', 'v1']);
    });
  });

  test('in the middle of the batches brings every touched host there, and verifies that version on each', async () => {
    await using(8, { health: [{ call: 'verify', nth: 12, fault: { lie: SICK } }] }, async (bench) => {
      await onV2(bench);
      const id = await bench.release({ version: 'v3', strategy: golden('web@v1') });
      const release = await bench.ended(id);
      expect(release.status).toBe('rolled-back');
      const touched = await touchedBy(bench, id);
      expect(touched.length).toBeGreaterThan(2);
      expect(touched.length).toBeLessThan(8);
      expectTouchedOn(bench, release, touched, 'v1');
      const verified = (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).flatMap((event) => (event.type === 'target-step-succeeded' && event.data.direction === 'back' && event.data.step === 'verify' ? [event.data.result.observedVersion] : []));
      expect(verified).toEqual(touched.map(() => ({ web: 'v1' })));
      expect(bench.traffic.calls.filter((call) => call.startsWith('admit')).length).toBeGreaterThanOrEqual(8 + touched.length);
    });
  });

  test('that is sick on the way back, too, ends incomplete; its retry goes to that version again and passes nobody who is elsewhere', async () => {
    await using(4, { health: [5, 6].map((nth) => ({ call: 'verify', nth, fault: { lie: SICK } })) }, async (bench) => {
      await onV2(bench);
      const bad = await bench.release({ version: 'v3', strategy: golden('v1') });
      const failed = await bench.ended(bad);
      expect(failed).toMatchObject({ status: 'rollback-incomplete', unrestored: [{ step: 'verify' }] });
      const [host] = failed.unrestored.map((one) => one.host);
      const retry = await bench.ended(await bench.release({ rollbackOf: bad, strategy: golden('v1') }));
      expect(retry).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { web: 'v1' }, targets: [{ host, applications: [{ version: 'v1' }] }] } });
      expect(versionsOf(bench)).toEqual(Object.fromEntries(bench.names.map((name) => [name, name === host ? 'v1' : 'v2'])));
    });
  });

  test('that a person asks for while it runs goes there as well', async () => {
    await using(4, {}, async (bench) => {
      await onV2(bench);
      const id = await bench.release({ version: 'v3', strategy: { ...golden('v1'), bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      expect((await bench.send(id, 'rollback')).state).toBe('applied');
      expectTouchedOn(bench, await bench.ended(id), await touchedBy(bench, id), 'v1');
    });
  });
});

describe('a release of it that has ended well', () => {
  test('is taken back to that version by the release of a rollback, also a host that somebody has put back by hand to what it ran before', async () => {
    await using(4, {}, async (bench) => {
      await onV2(bench);
      const byHand = bench.fleet.hosts.get('web-02');
      if (byHand === undefined) throw new Error('the bench has no web-02');
      const { digest, config, version } = byHand;
      const last = await bench.release({ version: 'v3', strategy: golden('v1') });
      expect((await bench.ended(last)).status).toBe('succeeded');
      Object.assign(byHand, { digest, config, version });
      const back = await bench.ended(await bench.release({ rollbackOf: last, strategy: golden('v1') }));
      expect(back).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { web: 'v1' } } });
      expect(Object.values(versionsOf(bench))).toEqual(bench.names.map(() => 'v1'));
    });
  });
});

describe('a pause that nobody ends', () => {
  const clock = skippingClock();

  test('takes the release back to that version once its deadline has come', { timeout: 120_000 }, async () => {
    await clock.using(async (bench) => {
      await onV2(bench);
      const id = await bench.release({ version: 'v3', strategy: { ...golden('v1'), bastion: { count: 1, bakeSeconds: 0, promote: 'manual' }, pause: { deadlineHours: 1, then: 'rollback' } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'promote', 'the bastion');
      await bench.send(id, 'pause');
      expect(await touchedBy(bench, id)).toEqual([]);
      await clock.sleep(61 * 60_000);
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { by: 'signalbox' } });
      expectTouchedOn(bench, release, await touchedBy(bench, id), 'v1');
    });
  });
});

describe('what stands in its way is found in preparation', () => {
  test('a host that does not keep the version fails it, and the versions that can be had are named', async () => {
    await using(4, {}, async (bench) => {
      await onV2(bench);
      bench.fleet.hosts.get('web-03')?.versions.delete(digestOf('v1'));
      const release = await bench.ended(await bench.release({ version: 'v3', strategy: golden('v1') }));
      expect(bench.traffic.calls.filter((call) => call.startsWith('drain'))).toHaveLength(bench.names.length);
      expect(release).toMatchObject({ status: 'failed', failure: { class: 'refused', code: 'not-kept', message: expect.stringContaining('web v1 is not kept on web-03'), next: 'Versions that can be had: v2.' } });
    });
  });
});
