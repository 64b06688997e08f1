import { describe, expect, test } from 'vitest';
import { using } from '../activities/using.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import { gateCall } from './gate.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

/** One batch of 62 behind the bastion: two slices of 31. */
const SLICED_HOSTS = 63;
const lanes = (maxParallel: number): StrategySpec['batches'] => ({ ...FAST.batches, percent: [50], mode: 'window', maxParallel });

const drained = (bench: Bench) => bench.traffic.calls.filter((call) => call.startsWith('drain ')).length;
const outOfService = (bench: Bench) => [...bench.traffic.servers.entries()].filter(([, { inService }]) => !inService).map(([name]) => name);
const onNew = (bench: Bench) => [...bench.fleet.hosts.values()].filter(({ version }) => version === 'v2').length;
const ended = (bench: Bench, id: string) => until('the end', async () => ((await bench.view(id)).finishedAt === null ? null : bench.view(id)), 100_000);

const eventsOf = async (bench: Bench, id: string) => (await bench.client.workflow.getHandle(`release/${id}`).fetchHistory()).events ?? [];
const slicesBegun = async (bench: Bench, id: string) => (await eventsOf(bench, id)).filter(({ startChildWorkflowExecutionInitiatedEventAttributes: begun }) => begun).length;

/** The release knows that its first slice has ended and has done all it does about it. */
async function tookNoteOfItsEnd(bench: Bench, id: string): Promise<boolean> {
  const events = await eventsOf(bench, id);
  const end = events.findIndex(({ childWorkflowExecutionCompletedEventAttributes: completed }) => completed);
  return end >= 0 && events.slice(end).some(({ workflowTaskCompletedEventAttributes: done }) => done);
}

/** The most hosts that were between their drain and their admission at one moment. */
function widest(bench: Bench): number {
  let [now, most] = [0, 0];
  for (const call of bench.traffic.calls) {
    if (call.startsWith('drain ')) most = Math.max(most, ++now);
    if (call.startsWith('admit ')) now--;
  }
  return most;
}

describe('a batch of several slices', () => {
  test('with one lane runs one host at a time, slice after slice, to the last host', { timeout: 150_000 }, async () => {
    await using(SLICED_HOSTS, {}, async (bench) => {
      const id = await bench.release({ strategy: { batches: lanes(1) } });
      expect((await ended(bench, id)).status).toBe('succeeded');
      expect(onNew(bench)).toBe(SLICED_HOSTS);
      expect(widest(bench)).toBe(1);
    });
  });

  test('with three lanes runs three hosts at a time in both slices together', { timeout: 120_000 }, async () => {
    await using(SLICED_HOSTS, {}, async (bench) => {
      const id = await bench.release({ strategy: { batches: lanes(3) } });
      await until('some hosts', () => onNew(bench) > 15, 60_000);
      await bench.send(id, 'abort');
      expect((await ended(bench, id)).status).toBe('aborted');
      expect(widest(bench)).toBe(3);
    });
  });

  test('that is paused between two slices begins the next one after resume, and one that is aborted there never', { timeout: 150_000 }, async () => {
    await using(SLICED_HOSTS, {}, async (bench) => {
      const last = gateCall(bench.fleet.executor, (verb, host) => verb === 'start' && host === lastOfFirstSlice(bench));
      const id = await bench.release({ strategy: { batches: lanes(1) } });
      await until('the last host of the first slice', () => last.held() === 1, 60_000);
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
      last.open();
      await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
      await until('the end of the first slice', () => tookNoteOfItsEnd(bench, id));
      expect([await slicesBegun(bench, id), drained(bench), outOfService(bench)]).toEqual([1, 32, []]);
      await bench.send(id, 'resume');
      await until('the second slice', () => drained(bench) >= 34, 30_000);
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
      await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet again');
      const begun = drained(bench);
      await bench.send(id, 'abort');
      const release = await ended(bench, id);
      expect(release.status).toBe('aborted');
      expect([onNew(bench), drained(bench), outOfService(bench)]).toEqual([begun, begun, []]);
    });
  });

  test('stops in all its slices as soon as all of them together have more failures than tolerated', { timeout: 120_000 }, async () => {
    const sick = ['web-03', 'web-34'].map((host) => ({ call: `verify ${host}`, nth: 1, fault: { lie: unhealthy('health-timeout', 'sick') } }));
    await using(SLICED_HOSTS, { health: sick }, async (bench) => {
      const id = await bench.release({ strategy: { batches: lanes(2), tolerance: { perBatch: 1, total: 1 }, onFailure: 'hold' } });
      const held = await until('the brake', async () => ((await bench.view(id)).paused?.cause === 'brake' ? bench.view(id) : null), 90_000);
      expect(held.paused?.reason).toBe('2 targets failed in this batch; the strategy tolerates 1 per batch.');
      expect(drained(bench)).toBeLessThan(15);
      await bench.send(id, 'abort');
      expect((await ended(bench, id)).status).toBe('aborted');
      expect(outOfService(bench)).toEqual([]);
    });
  });
});

/** Hosts of the bench are rolled in the order of their names, the bastion first. */
function lastOfFirstSlice(bench: Bench): string {
  return bench.names[31] ?? '';
}
