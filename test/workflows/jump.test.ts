import { expect, test } from 'vitest';
import { eachReleaseEvent } from '../../db/stored-events.ts';
import { using } from '../activities/using.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

/** Behind the bastion batches of one host, each of which waits for a person. */
const STEP_BY_STEP: Partial<StrategySpec> = { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' }, batches: { ...FAST.batches, percent: [12], advance: 'manual' } };

/** Batches in the order in which they were begun; the bastion once, though it joins later. */
async function startedIn(bench: Bench, id: string): Promise<readonly number[]> {
  const started: number[] = [];
  for await (const { type, data } of eachReleaseEvent(bench.db, id, { after: 0, upTo: 100_000 })) {
    if (type === 'batch-started' && data.part !== 'join') started.push(data.index);
  }
  return started;
}

const applied = async (bench: Bench, id: string, type: 'jump' | 'promote' | 'pause' | 'resume', to?: number) => expect(await bench.send(id, type, to === undefined ? {} : { to })).toMatchObject({ state: 'applied' });
const waitsFor = (bench: Bench, id: string, index: number) => bench.until(id, ({ batches, waiting }) => waiting?.for === 'promote' && batches[index]?.status === 'done', `the wait behind batch ${index}`);

test('the batch jumped to rolls next and the passed-over ones follow, the bastion and each promotion before them, also over a pause', async () => {
  await using(5, {}, async (bench) => {
    const id = await bench.release({ strategy: STEP_BY_STEP });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake of the bastion');
    await applied(bench, id, 'jump', 3);
    expect((await bench.view(id)).waiting).toMatchObject({ for: 'bake' });
    expect(await bench.send(id, 'jump', { to: 0 })).toMatchObject({ state: 'refused', refusal: { code: 'not-allowed' } });
    await applied(bench, id, 'promote');
    const held = await waitsFor(bench, id, 3);
    expect(held).toMatchObject({ toCome: [1, 2, 4], waiting: { sentence: expect.stringContaining('after batch 3') } });
    await applied(bench, id, 'pause');
    await applied(bench, id, 'jump', 4);
    expect((await bench.view(id)).toCome).toEqual([4, 1, 2]);
    await applied(bench, id, 'resume');
    expect(await startedIn(bench, id)).toEqual([0, 3]);
    for (const index of [4, 1]) {
      await applied(bench, id, 'promote');
      await waitsFor(bench, id, index);
    }
    await applied(bench, id, 'promote');
    const release = await bench.ended(id);
    expect(release.status).toBe('succeeded');
    expect(await startedIn(bench, id)).toEqual([0, 3, 4, 1, 2]);
    expect([...bench.fleet.hosts.values()].map(({ starts }) => starts)).toEqual(Array(5).fill(['v2']));
  });
});

test('the order goes with a release that continues as new', { timeout: 150_000 }, async () => {
  await using(120, {}, async (bench) => {
    const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' }, batches: { ...FAST.batches, percent: [33], maxParallel: 39 } } });
    await until('the bake of the bastion', async () => (await bench.view(id)).waiting?.for === 'bake', 60_000);
    const first = (await bench.client.workflow.getHandle(`release/${id}`).describe()).runId;
    await applied(bench, id, 'jump', 3);
    await applied(bench, id, 'jump', 2);
    await applied(bench, id, 'promote');
    await until('the end', async () => (await bench.view(id)).finishedAt !== null, 120_000);
    const { status, batches } = await bench.view(id);
    expect(status).toBe('succeeded');
    expect(await startedIn(bench, id)).toEqual([0, 2, 3, 1, ...batches.map(({ index }) => index).slice(4)]);
    expect((await bench.client.workflow.getHandle(`release/${id}`).describe()).runId).not.toBe(first);
  });
});
