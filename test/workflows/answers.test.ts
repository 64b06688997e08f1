import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import type { Bench } from '../support/release-bench.ts';
import type { StrategySpec } from '../../domain/inventory.ts';

const fails = (host: string, nth: number) => ({ call: `verify ${host}`, nth, fault: { lie: unhealthy('health-timeout', 'sick') } });
const startsOf = async (bench: Bench, id: string, of: string) =>
  (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).filter(({ type, data }) => type === 'target-step-succeeded' && data.host === of && data.step === 'start').length;
const asked = (bench: Bench, id: string) => bench.until(id, ({ waiting }) => waiting?.for === 'answer', 'the question');
const typesOf = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).map(({ type }) => type);
const ASK: Partial<StrategySpec> = { onFailure: 'ask', batches: { ...FAST.batches, percent: [33], maxParallel: 3 } };

test('a release that asks waits for an answer per target: retry runs the host again, ignore admits it, exclude leaves it out', async () => {
  await using(10, { health: [fails('web-02', 1), fails('web-03', 1), fails('web-04', 1)] }, async (bench) => {
    const id = await bench.release({ strategy: { ...ASK, tolerance: { perBatch: 2, total: 2 } } });
    const question = await asked(bench, id);
    // They are told in the order they ended, which is any.
    for (const host of ['web-02', 'web-03', 'web-04']) expect(question.waiting?.sentence).toContain(`${host} (verify)`);
    expect(question.allowedCommands).toContain('answer');
    expect(await bench.send(id, 'answer', { choices: { 'web-05': 'retry' } })).toMatchObject({ state: 'refused', refusal: { code: 'unknown-target' } });
    expect(await bench.send(id, 'answer', { choices: { 'web-02': 'retry', 'web-03': 'ignore' } })).toMatchObject({ state: 'applied' });
    expect((await bench.view(id)).paused).toMatchObject({ cause: 'ask' });
    expect(await bench.send(id, 'answer', { choices: { 'web-04': 'exclude' } })).toMatchObject({ state: 'applied' });
    const end = await bench.ended(id);
    expect(end).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-04', cause: 'skipped' }, { host: 'web-03', cause: 'ignored' }] });
    expect(bench.health.calls.filter((call) => call === 'verify web-02')).toHaveLength(2);
    expect(bench.health.calls.filter((call) => call === 'verify web-03')).toHaveLength(1);
    const admitted = bench.traffic.calls.filter((call) => call.startsWith('admit ')).map((call) => call.slice(6));
    expect(admitted).toContain('web-03');
    expect(admitted).not.toContain('web-04');
    expect([await startsOf(bench, id, 'web-02'), await startsOf(bench, id, 'web-03')]).toEqual([2, 1]);
  });
});

test('the answer fail takes every touched host back', async () => {
  await using(5, { health: [fails('web-02', 1)] }, async (bench) => {
    const id = await bench.release({ strategy: ASK });
    await asked(bench, id);
    expect(await bench.send(id, 'answer', { choices: { 'web-02': 'fail' } })).toMatchObject({ state: 'applied' });
    const end = await bench.ended(id);
    expect(end).toMatchObject({ status: 'rolled-back', rollback: { cause: 'answer' } });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
  });
});

test('the bastion joins only when somebody has approved it, and a rejected one is put back', async () => {
  await using(5, {}, async (bench) => {
    const strategy: Partial<StrategySpec> = { signOff: 'after-bastion' };
    const approved = await bench.release({ strategy });
    await bench.until(approved, ({ waiting }) => waiting?.for === 'sign-off', 'the sign-off');
    expect(bench.traffic.calls.some((call) => call.startsWith('admit '))).toBe(false);
    expect(await bench.send(approved, 'approve')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(approved)).status).toBe('succeeded');
    const rejected = await bench.release({ strategy, version: 'v3' });
    await bench.until(rejected, ({ waiting }) => waiting?.for === 'sign-off', 'the sign-off');
    expect(await bench.send(rejected, 'reject')).toMatchObject({ state: 'applied' });
    expect(await bench.ended(rejected)).toMatchObject({ status: 'rolled-back', rollback: { cause: 'rejected', reason: 'The bastion was rejected: test' } });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
  });
});

test('one flap at host 77 of 100 holds and asks; the finished batches stay as they are, and the rest follows the answer', async () => {
  await using(100, { health: [fails('web-77', 1)] }, async (bench) => {
    const batches: StrategySpec['batches'] = { ...FAST.batches, percent: [25], maxParallel: 10 };
    const id = await bench.release({ strategy: { batches, late: { afterPercent: 75, failuresMax: 1 } } });
    await asked(bench, id);
    expect(await typesOf(bench, id)).not.toContain('rollback-started');
    expect(bench.fleet.hosts.get('web-40')?.version).toBe('v2');
    expect(await bench.send(id, 'answer', { choices: { 'web-77': 'retry' } })).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
  });
});

test('failures one after the other brake a release that would stand as many apart', async () => {
  await using(16, { health: [fails('web-02', 1), fails('web-04', 1), fails('web-05', 1)] }, async (bench) => {
    const batches: StrategySpec['batches'] = { ...FAST.batches, percent: [33], maxParallel: 1 };
    const id = await bench.release({ strategy: { batches, tolerance: { perBatch: 9, total: 9, consecutive: 1 }, onFailure: 'hold' } });
    const held = await bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the brake');
    expect(held.paused?.reason).toBe('2 targets failed one after the other; the strategy tolerates 1 in a row.');
    const begun = new Set(bench.traffic.calls.filter((call) => call.startsWith('drain ')).map((call) => call.slice(6)));
    expect([...begun]).toEqual(['web-01', 'web-02', 'web-03', 'web-04', 'web-05']);
    expect(await bench.send(id, 'skip')).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-02' }, { host: 'web-04' }, { host: 'web-05' }] });
  });
});
