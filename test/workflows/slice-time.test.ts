import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { FAST } from '../support/release-bench.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

/** One batch of 62 behind the bastion: two slices of 31. */
const SLICED_HOSTS = 63;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const clock = skippingClock();

/** Plays on past the deadline of a pause in the middle of the slices, a day after it began. */
async function pausedForADay(then: StrategySpec['pause']['then'], work: (bench: Bench, id: string) => Promise<void>): Promise<void> {
  await clock.using(async (bench) => {
    const id = await bench.release({ strategy: { pause: { deadlineHours: 24, then }, batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 6 } } });
    await bench.until(id, () => onVersion(bench, 'v2') >= 8, 'hosts of both slices');
    expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
    await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
    await clock.sleep(DAY_MS - MINUTE_MS);
    expect(await typesOf(bench, id)).not.toContain('pause-expired');
    await clock.sleep(2 * MINUTE_MS);
    await bench.until(id, ({ paused }) => paused === null || paused.deadline === null, 'the deadline');
    expect(await typesOf(bench, id)).toContain('pause-expired');
    await work(bench, id);
  }, { hosts: SLICED_HOSTS });
}

const onVersion = (bench: Bench, version: string) => [...bench.fleet.hosts.values()].filter((host) => host.version === version).length;
const allServe = (bench: Bench) => [...bench.traffic.servers.values()].every(({ inService }) => inService);
const typesOf = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).map(({ type }) => type);

test('slices whose pause says rollback are taken back at its deadline, every host that any of them has begun', { timeout: 120_000 }, async () => {
  await pausedForADay('rollback', async (bench, id) => {
    expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back', rollback: { cause: 'pause-deadline' } });
    expect([onVersion(bench, 'v1'), allServe(bench)]).toEqual([SLICED_HOSTS, true]);
  });
});

test('slices whose pause says abort end at its deadline: what is finished keeps the new version, the rest is not begun', { timeout: 120_000 }, async () => {
  await pausedForADay('abort', async (bench, id) => {
    const finished = onVersion(bench, 'v2');
    expect((await bench.ended(id)).status).toBe('aborted');
    expect([onVersion(bench, 'v2'), onVersion(bench, 'v1'), allServe(bench)]).toEqual([finished, SLICED_HOSTS - finished, true]);
  });
});

test('slices whose pause says stay are held past its deadline, until somebody resumes', { timeout: 120_000 }, async () => {
  await pausedForADay('stay', async (bench, id) => {
    const finished = onVersion(bench, 'v2');
    await clock.sleep(7 * DAY_MS);
    expect(await bench.view(id)).toMatchObject({ status: 'releasing', paused: { deadline: null, quiet: true } });
    expect(onVersion(bench, 'v2')).toBe(finished);
    await bench.send(id, 'resume');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});
