import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import { gateCall } from './gate.ts';
import type { Bench } from '../support/release-bench.ts';

const fails = (host: string, nth: number) => ({ call: `verify ${host}`, nth, fault: { lie: unhealthy('health-timeout', 'sick') } });
const begun = (bench: Bench) => [...new Set(bench.traffic.calls.filter((call) => call.startsWith('drain ')).map((call) => call.slice(6)))];
const braked = (bench: Bench, id: string) => bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the brake');

test('a retried host that fails again counts with those that failed before it: no further host is begun', async () => {
  await using(8, { health: [fails('web-02', 1), fails('web-03', 1), fails('web-02', 2)] }, async (bench) => {
    const batches = { ...FAST.batches, percent: [50], mode: 'window' as const, maxParallel: 1 };
    const id = await bench.release({ strategy: { batches, tolerance: { perBatch: 1, total: 9 }, onFailure: 'hold' } });
    await braked(bench, id);
    expect(await bench.send(id, 'retry', { targets: ['web-02'] })).toMatchObject({ state: 'applied' });
    await bench.until(id, () => bench.health.calls.filter((call) => call === 'verify web-02').length === 2, 'the second round');
    const again = await braked(bench, id);
    expect(again.paused?.reason).toBe('2 targets failed in this batch; the strategy tolerates 1 per batch.');
    expect(begun(bench)).toEqual(['web-01', 'web-02', 'web-03']);
    await bench.send(id, 'retry');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});

test('a host of an earlier batch that fails again when it is retried counts in total, and the brake names it', async () => {
  await using(8, { health: [fails('web-02', 1), fails('web-04', 1), fails('web-02', 2)] }, async (bench) => {
    const batches = { ...FAST.batches, percent: [25], maxParallel: 1 };
    const id = await bench.release({ strategy: { batches, tolerance: { perBatch: 1, total: 1 }, onFailure: 'hold' } });
    const first = await braked(bench, id);
    expect(first.paused?.reason).toBe('2 targets failed in this release; the strategy tolerates 1 in total.');
    expect(await bench.send(id, 'retry', { targets: ['web-02'] })).toMatchObject({ state: 'applied' });
    await bench.until(id, () => bench.health.calls.filter((call) => call === 'verify web-02').length === 2, 'the second round');
    await braked(bench, id);
    const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
    expect(events.findLast(({ type }) => type === 'brake-applied')).toMatchObject({ data: { hosts: ['web-04', 'web-02'] } });
    expect(begun(bench)).not.toContain('web-06');
    await bench.send(id, 'retry');
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
  });
});

test('a host that is skipped before its turn in the batch in work is left out, and the batch ends', async () => {
  await using(8, {}, async (bench) => {
    const start = gateCall(bench.fleet.executor, (verb, host) => verb === 'start' && host === 'web-02');
    const id = await bench.release({ strategy: { batches: { ...FAST.batches, percent: [33], maxParallel: 1 } } });
    await until('a host in work', () => start.held() === 1);
    expect(await bench.send(id, 'skip', { targets: ['web-03'] })).toMatchObject({ state: 'applied' });
    start.open();
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-03', cause: 'skipped' }] });
    expect(begun(bench)).not.toContain('web-03');
  });
});
