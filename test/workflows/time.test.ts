import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

const DAY_S = 86_400;
const DAY_MS = DAY_S * 1000;
const MINUTE_MS = 60_000;
const BAKES_A_DAY = { bastion: { count: 1, bakeSeconds: DAY_S, promote: 'auto' } } as const;

const clock = skippingClock();

async function baking(bench: Bench, strategy: Partial<StrategySpec>): Promise<string> {
  const id = await bench.release({ strategy });
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  return id;
}

const typesOf = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id })).map(({ type }) => type);

test('a bake of a day lasts a day, and not a minute less', async () => {
  await clock.using(async (bench) => {
    const id = await baking(bench, BAKES_A_DAY);
    await clock.sleep(DAY_MS - MINUTE_MS);
    expect(await typesOf(bench, id)).not.toContain('bake-finished');
    await clock.sleep(2 * MINUTE_MS);
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});

/** A release that is paused in the bake behind its bastion, with a deadline a day away. */
async function paused(bench: Bench, then: StrategySpec['pause']['then']): Promise<string> {
  const id = await baking(bench, { ...BAKES_A_DAY, pause: { deadlineHours: 24, then } });
  expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
  await clock.sleep(DAY_MS - MINUTE_MS);
  expect(await typesOf(bench, id)).not.toContain('pause-expired');
  await clock.sleep(2 * MINUTE_MS);
  await bench.until(id, ({ waiting, finishedAt }) => finishedAt !== null || waiting?.until === null, 'the deadline');
  expect(await typesOf(bench, id)).toContain('pause-expired');
  return id;
}

test('a pause whose deadline says stay stays paused after it, until somebody decides', async () => {
  await clock.using(async (bench) => {
    const id = await paused(bench, 'stay');
    await clock.sleep(7 * DAY_MS);
    const release = await bench.view(id);
    expect(release).toMatchObject({ status: 'pre-release', paused: { deadline: null }, waiting: { for: 'resume', until: null } });
    await bench.send(id, 'resume');
    await bench.send(id, 'promote');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});

test('a pause whose deadline says rollback is rolled back at it', async () => {
  await clock.using(async (bench) => {
    const release = await bench.ended(await paused(bench, 'rollback'));
    expect(release).toMatchObject({ status: 'rolled-back', rollback: { cause: 'pause-deadline', restored: 1 } });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
  });
});

test('a pause whose deadline says abort is aborted at it, and the bastion that had not joined goes back', async () => {
  await clock.using(async (bench) => {
    const release = await bench.ended(await paused(bench, 'abort'));
    expect(release.status).toBe('aborted');
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
  });
});

test('a batch that a person must promote waits for days and goes on at promote', async () => {
  await clock.using(async (bench) => {
    const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 0, promote: 'manual' } } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'promote', 'the wait for a person');
    await clock.sleep(3 * DAY_MS);
    expect((await bench.view(id)).waiting).toMatchObject({ for: 'promote', until: null });
    expect(await bench.send(id, 'promote')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});
