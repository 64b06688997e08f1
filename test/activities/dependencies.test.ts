import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { HostUnreachable } from '../../drivers/executors/port.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { refused } from '../support/fake-executor.ts';
import { until } from '../support/until.ts';
import { gateCall } from '../workflows/gate.ts';
import { times, using } from './using.ts';
import type { Bench } from '../support/release-bench.ts';
import type { HostAnswer } from '../../drivers/executors/port.ts';

const startsPerHost = (bench: Bench) => [...bench.fleet.hosts.values()].map(({ starts }) => starts.length);
const lie = (answer: HostAnswer) => ({ lie: answer });

describe('a dependency that is away is no verdict about the build', () => {
  test('the balancer: the release says what it waits for, goes on by itself, and no host has failed', async () => {
    const away = times(4, 'drain', { fail: new BalancerDown('nobody answers at /run/haproxy.sock') });
    await using(4, { traffic: away.map((fault, index) => ({ ...fault, fault: { fail: new BalancerDown(`try ${index + 1}: nobody answers`) } })) }, async (bench) => {
      const id = await bench.release();
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for the balancer');
      expect(held.waiting?.sentence).toContain('the balancer');
      expect(held.waiting?.sentence).toContain('nobody answers');
      const release = await bench.ended(id);
      expect(release.status).toBe('succeeded');
      expect(startsPerHost(bench)).toEqual([1, 1, 1, 1]);
      const events = await readReleaseEvents(bench.db, { release: id });
      expect(events.filter(({ type }) => type === 'target-step-failed')).toEqual([]);
      expect(events.filter(({ type }) => type === 'target-step-waiting')).toHaveLength(1);
    });
  });

  test('the package store: preparation holds while hosts stay in service, and goes on by itself', async () => {
    const away = times(16, 'fetch', lie({ ok: false, error: 'fetch-failed', message: 'the store answered 503', detail: { status: '503' } }));
    await using(4, { executor: away }, async (bench) => {
      const id = await bench.release();
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for the store');
      expect(held.waiting?.sentence).toContain('the package store: the store answered 503');
      expect(held.status).toBe('preparing');
      expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });

  test('the balancer at the very beginning: preparation says what it waits for and goes on by itself', async () => {
    await using(4, { traffic: times(12, 'observe', { fail: new BalancerDown('nobody answers') }) }, async (bench) => {
      const id = await bench.release();
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for the balancer');
      expect(held).toMatchObject({ status: 'preparing', waiting: { who: 'whoever runs the balancer' } });
      expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', waiting: null });
    });
  });

  test('a package that the store does not have is a bad build and ends preparation', async () => {
    await using(4, { executor: times(4, 'fetch', lie({ ok: false, error: 'fetch-failed', message: 'the store answered 404', detail: { status: '404' } })) }, async (bench) => {
      const release = await bench.ended(await bench.release());
      expect(release).toMatchObject({ status: 'failed', failure: { class: 'bad-build', code: 'fetch-failed' } });
    });
  });

  test('the database: steps hold, go on when it is back, and each application was started once', async () => {
    await using(4, {}, async (bench) => {
      // A quick release could be over before its database is away.
      const start = gateCall(bench.fleet.executor, (verb) => verb === 'start');
      const id = await bench.release();
      await bench.until(id, () => start.held() > 0, 'the first start');
      const name = new URL(bench.database.ownerUrl).pathname.slice(1);
      const admin = new pg.Client({ connectionString: Object.assign(new URL(inject('postgresUrl')), { pathname: '/postgres' }).href });
      await admin.connect();
      try {
        await admin.query(`alter database ${name} with allow_connections false`);
        await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
        start.open();
        const handle = bench.client.workflow.getHandle(`release/${id}`);
        await until('an activity is tried again', async () => (await handle.describe()).raw.pendingActivities?.some(({ attempt }) => Number(attempt) > 2), 30_000);
        expect((await handle.describe()).status.name).toBe('RUNNING');
      } finally {
        await admin.query(`alter database ${name} with allow_connections true`);
        await admin.end();
      }
      const release = await bench.ended(id);
      expect(release.status).toBe('succeeded');
      expect(startsPerHost(bench)).toEqual([1, 1, 1, 1]);
    });
  });
});

describe('a host that does not answer', () => {
  test('gets the whole time of its step, then counts as failed and is named with what to do', async () => {
    const silent = times(50, 'stop web-03', { fail: new HostUnreachable('web-03', 'no answer') });
    await using(8, { executor: silent }, async (bench) => {
      const deadlines = { stepSeconds: 2, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3_600 };
      const id = await bench.release({ strategy: { deadlines, tolerance: { perBatch: 1, total: 1 } } });
      const release = await bench.ended(id);
      expect(release.status).toBe('succeeded');
      expect(release.debt).toMatchObject([{ host: 'web-03', cause: 'failed' }]);
      const events = await readReleaseEvents(bench.db, { release: id });
      const failed = events.filter(({ type }) => type === 'target-step-failed');
      expect(failed).toMatchObject([{ data: { host: 'web-03', step: 'stop', failure: { class: 'host', code: 'unreachable' } } }]);
      expect((failed[0] as { data: { durationMs: number } }).data.durationMs).toBeGreaterThanOrEqual(2_000);
      expect(bench.fleet.executor.calls.filter((call) => call === 'stop web-03').length).toBeGreaterThanOrEqual(3);
      expect(bench.traffic.servers.get('web-03')).toMatchObject({ admin: 'drain' });
    });
  });

  test('and is refused by its own host program counts as host trouble, not as a bad build', async () => {
    await using(8, { executor: times(1, 'stop web-03', lie(refused('stop-failed', 'the process does not end'))) }, async (bench) => {
      const id = await bench.release({ strategy: { tolerance: { perBatch: 1, total: 1 } } });
      const release = await bench.ended(id);
      expect(release.debt).toMatchObject([{ host: 'web-03', cause: 'failed' }]);
      const target = release.batches.flatMap(({ targets }) => targets).find(({ host }) => host === 'web-03');
      expect(target?.error).toMatchObject({ class: 'host', code: 'stop-failed', step: 'stop' });
    });
  });
});
