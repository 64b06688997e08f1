/** Each deadline at its expiry, on a server whose clock skips while everybody waits, and what does not count against it. */
import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { times } from '../activities/using.ts';
import { FAST } from '../support/release-bench.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import { until } from '../support/until.ts';
import { gateCall } from './gate.ts';
import type { Deadlines, StrategySpec } from '../../domain/inventory.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DEADLINES: Deadlines = { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3600 };

const clock = skippingClock();

const using = (faults: Faults, work: (bench: Bench) => Promise<void>, hosts = 4) => clock.using(work, { hosts, faults });

const eventsOf = (bench: Bench, id: string) => readReleaseEvents(bench.db, { release: id });
const typesOf = async (bench: Bench, id: string) => (await eventsOf(bench, id)).map(({ type }) => type);
const reached = async (bench: Bench, id: string) => (await eventsOf(bench, id)).flatMap((event) => (event.type === 'deadline-reached' ? [event.data] : []));
const historyOf = async (bench: Bench, id: string) => (await bench.client.workflow.getHandle(`release/${id}`).fetchHistory()).events ?? [];
const timersOf = async (bench: Bench, id: string) => (await historyOf(bench, id)).filter(({ timerStartedEventAttributes: started }) => started).length;
const activitiesOf = async (bench: Bench, id: string) => (await historyOf(bench, id)).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? []);

/** Takes a host out behind the release's back: nobody else may be drained until it serves again. */
function takeOut(bench: Bench, ...hosts: readonly string[]): () => void {
  const before = hosts.map((host) => [host, bench.traffic.servers.get(host)] as const);
  for (const [host, seen] of before) if (seen) bench.traffic.servers.set(host, { ...seen, operational: 'down', inService: false });
  return () => before.forEach(([host, seen]) => seen && bench.traffic.servers.set(host, seen));
}

/** A release whose first batch behind the bastion waits for capacity, which is work, not an outage. */
async function starved(bench: Bench, deadlines: Partial<Deadlines>): Promise<{ readonly id: string; readonly bringBack: () => void }> {
  const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 0, promote: 'manual' }, deadlines: { ...DEADLINES, ...deadlines } } });
  await bench.until(id, ({ waiting }) => waiting?.for === 'promote', 'the bastion');
  const bringBack = takeOut(bench, 'web-03', 'web-04');
  await bench.send(id, 'promote');
  await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for capacity');
  return { id, bringBack };
}

describe('a deadline of a release that waits for capacity', () => {
  test('of progress pauses after its time, names who is in work and what for, and counts anew after resume', async () => {
    await using({}, async (bench) => {
      const { id, bringBack } = await starved(bench, {});
      await clock.sleep(9 * MINUTE_MS);
      expect(await reached(bench, id)).toEqual([]);
      await clock.sleep(2 * MINUTE_MS);
      const paused = await bench.until(id, (release) => release.paused !== null, 'the pause');
      expect(paused).toMatchObject({ status: 'releasing', paused: { cause: 'deadline', by: 'signalbox', deadline: null } });
      expect(paused.paused?.reason).toMatch(/^No target of batch 1 has finished for 600 s\. In work: web-\d\d \(drain, waits for capacity: /);
      expect(await reached(bench, id)).toMatchObject([{ which: 'progress', limitSeconds: 600, hosts: [expect.stringMatching(/^web-/)] }]);
      await bench.send(id, 'resume');
      await clock.sleep(9 * MINUTE_MS);
      expect(await reached(bench, id)).toHaveLength(1);
      await clock.sleep(2 * MINUTE_MS);
      await until('the second time', async () => (await reached(bench, id)).length === 2);
      bringBack();
      await bench.send(id, 'resume');
      await clock.sleep(MINUTE_MS);
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });

  test('of the release pauses and never rolls back; resumed, it has its whole time again', async () => {
    await using({}, async (bench) => {
      const { id, bringBack } = await starved(bench, { progressSeconds: 86_400, releaseSeconds: 900 });
      expect((await bench.view(id)).waiting).toMatchObject({ for: 'dependency', until: (await bench.view(id)).deadline?.at });
      await clock.sleep(14 * MINUTE_MS);
      expect(await reached(bench, id)).toEqual([]);
      await clock.sleep(2 * MINUTE_MS);
      const paused = await bench.until(id, (release) => release.paused !== null, 'the pause');
      expect(paused).toMatchObject({ status: 'releasing', paused: { cause: 'deadline', then: 'stay' }, deadline: null });
      expect(await reached(bench, id)).toMatchObject([{ which: 'release', limitSeconds: 900 }]);
      bringBack();
      await bench.send(id, 'resume');
      await clock.sleep(MINUTE_MS);
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect(await typesOf(bench, id)).not.toContain('rollback-started');
    });
  });
});

test('the deadline of a rollback begins no further host, and the end names each of them with what to do', async () => {
  await using({}, async (bench) => {
    const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 600, maxParallel: 1 }, deadlines: { ...DEADLINES, rollbackSeconds: 2 } } });
    await bench.until(id, ({ batches }) => batches[1]?.status === 'baking', 'batch 1');
    const restore = gateCall(bench.fleet.executor, (verb) => verb === 'restore');
    await bench.send(id, 'rollback');
    await until('a host in work', () => restore.held() === 1);
    await until('the deadline', async () => (await reached(bench, id)).length > 0);
    expect((await bench.view(id)).status).toBe('rolling-back');
    restore.open();
    const release = await bench.ended(id);
    expect(release).toMatchObject({ status: 'rollback-incomplete', rollback: { restored: 1 } });
    // One of the batch at hand that had not been begun, and the bastion, whose batch was still to come.
    const left = { step: 'fence', failure: { code: 'rollback-deadline', next: expect.stringContaining('retry') } };
    expect(release.unrestored).toMatchObject([left, left]);
    expect(await reached(bench, id)).toMatchObject([{ which: 'rollback', limitSeconds: 2, hosts: [expect.stringMatching(/^web-/)] }]);
    expect(release.allowedCommands).toEqual(['retry']);
  }, 8);
});

test('progress of a batch in slices is that of all of them together: it pauses when the last host hangs, and names it', { timeout: 120_000 }, async () => {
  await using({ health: [{ call: 'verify web-63', nth: 1, fault: 'hang' }] }, async (bench) => {
    const strategy: Partial<StrategySpec> = { batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 20 }, deadlines: { ...DEADLINES, stepSeconds: 15, progressSeconds: 5 }, tolerance: { perBatch: 1, total: 1 } };
    const id = await bench.release({ strategy });
    const { paused } = await bench.until(id, (release) => release.paused !== null, 'the pause');
    expect(paused).toMatchObject({ cause: 'deadline', reason: 'No target of batch 1 has finished for 5 s. In work: web-63 (verify)' });
    expect(bench.health.calls.length).toBeGreaterThanOrEqual(63);
    // Its own deadline ends it, also while the release is paused; resumed before, the release would soon pause again.
    await bench.until(id, (release) => release.paused?.quiet === true, 'quiet');
    await bench.send(id, 'resume');
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-63' }] });
  }, 63);
});

describe('what does not count', () => {
  test('a balancer that is away puts the deadline off by its time, and the release succeeds', async () => {
    await using({ traffic: times(5, 'drain', { fail: new BalancerDown('nobody answers') }) }, async (bench) => {
      const id = await bench.release({ strategy: { deadlines: { ...DEADLINES, progressSeconds: 3, releaseSeconds: 4 } } });
      expect((await bench.ended(id)).status).toBe('succeeded');
      const types = await typesOf(bench, id);
      expect(types).toContain('deadline-extended');
      expect(types).not.toContain('deadline-reached');
    });
  });

  test('a bake and a pause of a day cost one timer of their own and nothing of the deadline of an hour', async () => {
    await using({}, async (bench) => {
      const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 86_400, promote: 'auto' }, deadlines: { ...DEADLINES, releaseSeconds: 3600 } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
      expect((await bench.view(id)).deadline).toBeNull();
      await clock.sleep(12 * HOUR_MS);
      await bench.send(id, 'pause');
      await clock.sleep(12 * HOUR_MS);
      await bench.send(id, 'resume');
      await clock.sleep(13 * HOUR_MS);
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect((await typesOf(bench, id)).filter((type) => type.startsWith('deadline-'))).toEqual([]);
      // The bake twice (before and after the pause), the pause, and the clock of the deadlines before the bake and after it.
      expect(await timersOf(bench, id)).toBeLessThanOrEqual(5);
      expect(await activitiesOf(bench, id)).not.toContain('weighDeadline');
    });
  });
});
