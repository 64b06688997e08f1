import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { eachReleaseEvent } from '../../db/stored-events.ts';
import { commandUpdate } from '../../workflows/messages.ts';
import { FAST, openBench } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);
/** One window of 62 behind the bastion: two slices of 31. */
const SLICED_HOSTS = 63;

function rolling(percent: readonly number[], more: Partial<StrategySpec['batches']> = {}): Partial<StrategySpec> {
  return { batches: { ...FAST.batches, percent, maxParallel: 30, ...more } };
}

async function using(hosts: number, faults: Parameters<typeof openBench>[1], work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await openBench(hosts, faults);
  try {
    await work(bench);
  } finally {
    await bench.close();
  }
}

async function ended(bench: Bench, id: string) {
  await until(`the end of ${id}`, async () => ENDED.has((await bench.view(id)).status), 100_000);
  return bench.view(id);
}

function versions(bench: Bench): Readonly<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const { version } of bench.fleet.hosts.values()) count[version ?? ''] = (count[version ?? ''] ?? 0) + 1;
  return count;
}

/** Ids of the slices that were started, as the release's history names them. */
async function slicesOf(bench: Bench, id: string): Promise<readonly string[]> {
  const { events } = await bench.client.workflow.getHandle(`release/${id}`).fetchHistory();
  return (events ?? []).flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: started }) => (started?.workflowId ? [started.workflowId] : []));
}

const reached = (bench: Bench, count: number) => until(`${count} hosts on v2`, () => (versions(bench)['v2'] ?? 0) >= count, 60_000);
const outOfService = (bench: Bench) => [...bench.traffic.servers.entries()].filter(([, { inService }]) => !inService).map(([name]) => name);

describe('a batch of more than 60 hosts', () => {
  test('goes through in slices: 150 targets succeed, and no single history grows with the pool', { timeout: 150_000 }, async () => {
    await using(150, {}, async (bench) => {
      const id = await bench.release({ strategy: rolling([50], { mode: 'window' }) });
      const release = await ended(bench, id);
      expect(release.status).toBe('succeeded');
      expect(release.batches.map(({ targets }) => targets.length)).toEqual([1, 149]);
      expect(versions(bench)).toEqual({ v2: 150 });
      expect([...bench.fleet.hosts.values()].every(({ starts }) => starts.length === 1)).toBe(true);
      const slices = await slicesOf(bench, id);
      expect(slices).toHaveLength(3);
      for (const workflowId of [`release/${id}`, ...slices]) {
        const { events } = await bench.client.workflow.getHandle(workflowId).fetchHistory();
        expect(events?.length, workflowId).toBeLessThan(2_500);
      }
    });
  });

  test('is rolled back from the middle of its slices: every host is on the old version and in service', { timeout: 120_000 }, async () => {
    await using(SLICED_HOSTS, { health: [{ call: 'verify', nth: 12, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release({ strategy: rolling([50], { mode: 'window' }) });
      await reached(bench, 20);
      expect(await bench.send(id, 'rollback', { mode: 'emergency' })).toMatchObject({ state: 'applied' });
      const release = await ended(bench, id);
      expect(release.status).toBe('rolled-back');
      expect(versions(bench)).toEqual({ v1: SLICED_HOSTS });
      expect(outOfService(bench)).toEqual([]);
      expect([...bench.fleet.hosts.values()].every(({ starts }) => starts.filter((version) => version === 'v2').length <= 1)).toBe(true);
    });
  });

  test('is paused in all its slices: it becomes quiet, begins no further host, and goes on after resume', { timeout: 120_000 }, async () => {
    await using(SLICED_HOSTS, {}, async (bench) => {
      const id = await bench.release({ strategy: rolling([50], { mode: 'window' }) });
      await reached(bench, 10);
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
      const quiet = await until('quiet', async () => (await bench.view(id)).paused?.quiet, 30_000);
      expect(quiet).toBe(true);
      expect(outOfService(bench)).toEqual([]);
      const begun = bench.traffic.calls.filter((call) => call.startsWith('drain')).length;
      expect(begun).toBeLessThan(SLICED_HOSTS);
      expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
      expect((await ended(bench, id)).status).toBe('succeeded');
    });
  });

  test('begins nothing behind the receipt of a pause, at whatever moment it comes', { timeout: 150_000 }, async () => {
    const hosts = 150;
    await using(hosts, {}, async (bench) => {
      const id = await bench.release({ strategy: rolling([50], { mode: 'window' }) });
      for (const count of [10, 30, 50, 70, 90, 110]) {
        await reached(bench, count);
        expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
        await until('quiet', async () => (await bench.view(id)).paused?.quiet, 30_000);
        expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
      }
      expect((await ended(bench, id)).status).toBe('succeeded');
      const begunBehind: string[] = [];
      let [pauses, isPaused] = [0, false];
      for await (const { type, data } of eachReleaseEvent(bench.db, id, { after: 0, upTo: 100_000 })) {
        if (type === 'paused') pauses++;
        if (type === 'paused' || type === 'resumed') isPaused = type === 'paused';
        if (isPaused && type === 'target-step-begun' && data.step === 'drain') begunBehind.push(data.host);
      }
      expect(pauses).toBe(6);
      expect(begunBehind).toEqual([]);
    });
  });

  test('is aborted in all its slices: hosts in work are finished, the others keep the old version', { timeout: 120_000 }, async () => {
    await using(SLICED_HOSTS, {}, async (bench) => {
      const id = await bench.release({ strategy: rolling([50], { mode: 'window' }) });
      await reached(bench, 10);
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      const release = await ended(bench, id);
      expect(release.status).toBe('aborted');
      expect(versions(bench)['v1']).toBeGreaterThan(0);
      expect(versions(bench)['v2']).toBeGreaterThanOrEqual(10);
      expect(outOfService(bench)).toEqual([]);
    });
  });
});

describe('a history that has grown long', () => {
  test('goes on in a new run with its state and the commands it has taken; a command sent again has no second effect', { timeout: 120_000 }, async () => {
    await using(100, {}, async (bench) => {
      const id = await bench.release({ strategy: rolling([15, 33, 27, 25], { bakeSeconds: 60, each: [{ index: 2, mode: 'window' }, { index: 3, mode: 'window' }] }) });
      const handle = bench.client.workflow.getHandle(`release/${id}`);
      const bakes = (batch: number) => until(`batch ${batch} bakes`, async () => (await bench.view(id)).batches[batch]?.status === 'baking', 60_000);
      const pause: Command = { id: 'c-sent-twice', type: 'pause', by: { kind: 'token', name: 'op' }, reason: 'lunch' };
      await bakes(1);
      const { runId: first } = await handle.describe();
      expect(await handle.executeUpdate(commandUpdate, { args: [pause], updateId: pause.id })).toEqual({ applied: true, events: ['paused'] });
      const goOn = async (type: 'resume' | 'promote') => expect(await bench.send(id, type)).toMatchObject({ state: 'applied' });
      await goOn('resume');
      await goOn('promote');
      await until('a new run', async () => (await handle.describe()).runId !== first, 60_000);
      expect(Number((await handle.describe()).raw.executionConfig?.defaultWorkflowTaskTimeout?.seconds)).toBe(5);
      expect(await handle.executeUpdate(commandUpdate, { args: [pause], updateId: pause.id })).toEqual({ applied: true, events: [] });
      expect((await bench.view(id)).paused).toBeNull();
      await bakes(2);
      await goOn('promote');
      await bakes(3);
      await goOn('promote');
      expect((await ended(bench, id)).status).toBe('succeeded');
      expect(versions(bench)).toEqual({ v2: 100 });
      const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
      expect(events.filter(({ type }) => type === 'paused')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'target-observed')).toHaveLength(100);
      expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
    });
  });
});
