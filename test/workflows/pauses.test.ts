import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import { gateCall } from './gate.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

type Then = StrategySpec['pause']['then'];

/** One batch behind the bastion, two hosts at a time, and a pause that lasts two seconds. */
const strategy = (then: Then): Partial<StrategySpec> => ({ pause: { deadlineHours: 2 / 3600, then }, batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 2 } });

const hostsOn = (bench: Bench, version: string) => [...bench.fleet.hosts.entries()].filter(([, host]) => host.version === version).map(([name]) => name);
const outOfService = (bench: Bench) => [...bench.traffic.servers.entries()].filter(([, { inService }]) => !inService).map(([name]) => name);
const typesOf = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).map(({ type }) => type);
const called = (bench: Bench, call: string) => bench.fleet.executor.calls.includes(call);
const pause = async (bench: Bench, id: string) => expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });

describe('a pause in the middle of a batch, at its deadline', () => {
  test('takes back every host that the batch has begun, not only those of the batches before', async () => {
    await using(8, {}, async (bench) => {
      const id = await bench.release({ strategy: strategy('rollback') });
      await bench.until(id, () => hostsOn(bench, 'v2').length >= 3, 'hosts of the batch');
      await pause(bench, id);
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { cause: 'pause-deadline' } });
      expect(hostsOn(bench, 'v1')).toEqual(bench.names);
      expect(outOfService(bench)).toEqual([]);
    });
  });

  test('takes back a host that hangs in its step, without waiting for it', async () => {
    await using(8, { health: [{ call: 'verify', nth: 3, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release({ strategy: strategy('rollback') });
      await bench.until(id, () => bench.health.calls.length >= 3, 'the host that hangs');
      await pause(bench, id);
      expect((await bench.ended(id)).status).toBe('rolled-back');
      expect(hostsOn(bench, 'v1')).toEqual(bench.names);
      expect(outOfService(bench)).toEqual([]);
    });
  });

  test('aborts when the hosts in work have come to their end: finished ones keep the new version, failed ones go back', async () => {
    const sick = { call: 'verify web-03', nth: 1, fault: { lie: unhealthy('health-timeout', 'sick') } } as const;
    await using(8, { health: [sick] }, async (bench) => {
      const start = gateCall(bench.fleet.executor, (verb, host) => verb === 'start' && host === 'web-03');
      const id = await bench.release({ strategy: { ...strategy('abort'), tolerance: { perBatch: 5, total: 5 } } });
      await until('a host in work', () => start.held() === 1);
      await pause(bench, id);
      await until('the deadline', async () => (await typesOf(bench, id)).includes('pause-expired'));
      expect(await typesOf(bench, id)).not.toContain('rollback-started');
      start.open();
      const release = await bench.ended(id);
      expect(release.status).toBe('aborted');
      expect(outOfService(bench)).toEqual([]);
      expect(hostsOn(bench, 'v2').length).toBeGreaterThanOrEqual(1);
      expect([...hostsOn(bench, 'v1'), ...hostsOn(bench, 'v2')]).toHaveLength(8);
    });
  });
});

describe('a survey that hangs while the release is paused', () => {
  test.each([['abort', 'aborted'], ['rollback', 'rolled-back']] as const)('is ended at the deadline that says %s, and the release with it', async (then, status) => {
    await using(4, { executor: [{ call: 'fetch web-02', nth: 1, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release({ strategy: strategy(then) });
      await bench.until(id, () => called(bench, 'fetch web-02'), 'staging');
      await pause(bench, id);
      expect((await bench.ended(id)).status).toBe(status);
      const handle = bench.client.workflow.getHandle(`release/${id}`);
      await until('its end in Temporal', async () => (await handle.describe()).status.name === 'COMPLETED');
      const { events } = await handle.fetchHistory();
      expect(events?.some(({ activityTaskCancelRequestedEventAttributes: cancelled }) => cancelled)).toBe(true);
    });
  });

  test('stays at a deadline that says stay, and can be aborted after it', async () => {
    await using(4, { executor: [{ call: 'observe web-02', nth: 1, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release({ strategy: strategy('stay') });
      await bench.until(id, () => called(bench, 'observe web-02'), 'the survey');
      await pause(bench, id);
      const stays = await bench.until(id, ({ paused }) => paused?.deadline === null, 'the deadline');
      expect(stays).toMatchObject({ status: 'preparing', paused: { quiet: false } });
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      expect((await bench.ended(id)).status).toBe('aborted');
    });
  });
});

test('a pause during the survey of a large pool holds before its next part, and resume goes on there', { timeout: 120_000 }, async () => {
  await using(63, {}, async (bench) => {
    const observe = gateCall(bench.fleet.executor, (verb, host) => verb === 'observe' && host === 'web-07');
    const id = await bench.release({ strategy: { batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 30 } } });
    await until('the first part', () => observe.held() === 1);
    await pause(bench, id);
    observe.open();
    expect(await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet')).toMatchObject({ status: 'preparing' });
    expect(called(bench, 'observe web-63')).toBe(false);
    await bench.send(id, 'resume');
    await bench.until(id, ({ phase }) => phase === 'pre-release' || phase === 'release', 'the bastion');
    expect(called(bench, 'observe web-63')).toBe(true);
    await bench.send(id, 'abort');
    expect((await bench.ended(id)).status).toBe('aborted');
  });
});

describe('a pause during a rollback', () => {
  test('lets the host in work come back into service first, and restores each host once', async () => {
    await using(4, {}, async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 60 } } });
      await bench.until(id, ({ batches }) => batches[1]?.status === 'baking', 'batch 1');
      const restore = gateCall(bench.fleet.executor, (verb) => verb === 'restore');
      await bench.send(id, 'rollback', { mode: 'emergency' });
      await until('a host in work', () => restore.held() > 0);
      await pause(bench, id);
      expect((await bench.view(id)).paused?.quiet).toBe(false);
      restore.open();
      await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
      expect(outOfService(bench)).toEqual([]);
      await bench.send(id, 'resume');
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { restored: 2, untouched: 0 } });
      expect([...bench.fleet.hosts.values()].map(({ starts }) => starts.join()).toSorted()).toEqual(['', '', 'v2,v1', 'v2,v1']);
    });
  });
});
