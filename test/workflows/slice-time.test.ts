import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { FAST, openBench } from '../support/release-bench.ts';
import { timeSkippingServer } from '../support/temporal.ts';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

/** One batch of 62 behind the bastion: two slices of 31. */
const SLICED_HOSTS = 63;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let server: TestWorkflowEnvironment;
beforeEach(async () => {
  server = await timeSkippingServer();
  // It cannot list what it knows, so the worker's own registration does not work here.
  await server.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { Pool: 2, Applications: 7, Environment: 2, Phase: 2, Train: 2, RequestedBy: 2, Paused: 5 } });
}, 120_000);
afterEach(() => server?.teardown());

/** Plays on past the deadline of a pause in the middle of the slices, a day after it began. */
async function pausedForADay(then: StrategySpec['pause']['then'], work: (bench: Bench, id: string) => Promise<void>): Promise<void> {
  const bench = await openBench(SLICED_HOSTS, {}, ['web'], { address: server.address, namespace: 'default', bundle: inject('workflowBundle'), postgresUrl: inject('postgresUrl') });
  try {
    const id = await bench.release({ strategy: { pause: { deadlineHours: 24, then }, batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 6 } } });
    await bench.until(id, () => onVersion(bench, 'v2') >= 8, 'hosts of both slices');
    expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
    await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
    await server.sleep(DAY_MS - MINUTE_MS);
    expect(await typesOf(bench, id)).not.toContain('pause-expired');
    await server.sleep(2 * MINUTE_MS);
    await bench.until(id, ({ paused }) => paused === null || paused.deadline === null, 'the deadline');
    expect(await typesOf(bench, id)).toContain('pause-expired');
    await work(bench, id);
  } finally {
    await bench.close();
  }
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
    await server.sleep(7 * DAY_MS);
    expect(await bench.view(id)).toMatchObject({ status: 'releasing', paused: { deadline: null, quiet: true } });
    expect(onVersion(bench, 'v2')).toBe(finished);
    await bench.send(id, 'resume');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});
