/** Hooks around the steps of targets: real worker and database, hosts in memory that remember opIds. */
import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { answered, refused } from '../support/fake-executor.ts';
import { FAST } from '../support/release-bench.ts';
import type { Bench } from '../support/release-bench.ts';
import type { HookPoint, HookSpec, NotNowPolicy, StrategySpec } from '../../domain/inventory.ts';

const hook = (at: HookPoint, more: Partial<HookSpec> = {}): HookSpec => ({ at, command: ['./hook', '${host.name}', '${version}'], idempotent: false, timeoutSeconds: 30, account: null, ...more });
/** The n-th hook of the host is cut off. */
const cutOff = (host: string, nth: number) => ({ call: `hook ${host}`, nth, fault: { lie: refused('unknown-outcome', 'its end is not known.') } });
const fails = (host: string, nth: number) => ({ call: `hook ${host}`, nth, fault: { lie: refused('hook-failed', 'it ended with 3.') } });
const ONE_BY_ONE: Partial<StrategySpec> = { batches: { ...FAST.batches, percent: [33], maxParallel: 1 } };

/** OpIds sent to one host, in order, without the release and the host. */
function opIds(bench: Bench, id: string, host: string, of = /./): readonly string[] {
  const lead = `${id}/1/${host}/web/`;
  return bench.fleet.executor.inputs.flatMap(({ opId = '' }) => (opId.startsWith(lead) && of.test(opId) ? [opId.slice(lead.length)] : []));
}

const HOOK = /(?:before|after)-/;
const asked = (bench: Bench, id: string) => bench.until(id, ({ waiting }) => waiting?.for === 'answer', 'the question');
const eventsOf = (bench: Bench, id: string) => readReleaseEvents(bench.db, { release: id, limit: 10_000 });

test('hooks run around their steps in their order, each under an opId of its own, with the values of the host and the release', async () => {
  await using(3, {}, async (bench) => {
    const id = await bench.release({ hooks: [hook('after-start'), hook('before-stop', { idempotent: true, account: 'www' }), hook('after-start'), hook('after-admit'), hook('before-drain')] });
    expect((await bench.ended(id)).status).toBe('succeeded');
    const done = ['before-drain.4', 'before-stop.1', 'stop', 'switch', 'start', 'after-start.0', 'after-start.2', 'after-admit.3'].map((step) => `${step}/forward/0`);
    for (const host of bench.names) expect(opIds(bench, id, host).filter((opId) => !/^(?:fetch|unpack|configure|clean)\//.test(opId)), host).toEqual(done);
    const stopping = bench.fleet.executor.inputs.find(({ at, opId }) => at === 'before-stop' && opId?.includes('/web-02/'));
    expect(stopping).toMatchObject({ 'command.0': './hook', 'command.1': 'web-02', 'command.2': 'v2', idempotent: 'true', timeoutSeconds: '30', account: 'www', unlinked: 'skip' });
    const started = (await eventsOf(bench, id)).flatMap((event) => (event.type === 'target-step-succeeded' && event.data.step === 'start' ? [event.data.result.hooks] : []));
    expect(started).toEqual(bench.names.map(() => ['web after-start.0', 'web after-start.2']));
  });
});

test('a hook with an unknown outcome asks under a strategy that rolls back by itself, begins no further host, and done goes on after it without running anything twice', async () => {
  await using(5, { executor: [cutOff('web-02', 2)] }, async (bench) => {
    const id = await bench.release({ strategy: { ...ONE_BY_ONE, tolerance: { perBatch: 3, total: 3 } }, hooks: [hook('before-start'), hook('after-start'), hook('after-start')] });
    const question = await asked(bench, id);
    expect(question.paused).toMatchObject({ cause: 'ask', deadline: null });
    expect(question.batches.flatMap(({ targets }) => targets).find(({ host }) => host === 'web-02')).toMatchObject({
      status: 'failed', error: { step: 'start', code: 'unknown-outcome', class: 'host', next: expect.stringContaining(`signalbox answer ${id} web-02=done`) },
    });
    const begun = new Set(bench.traffic.calls.filter((call) => call.startsWith('drain ')).map((call) => call.slice(6)));
    expect(begun.size).toBeLessThan(5);
    expect(await bench.send(id, 'answer', { choices: { 'web-02': 'ignore' } })).toMatchObject({ state: 'refused', refusal: { code: 'not-allowed', message: expect.stringContaining('allowed: done, not-done, retry, exclude, fail') } });
    expect(await bench.send(id, 'answer', { choices: { 'web-02': 'done' } })).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect(opIds(bench, id, 'web-02', HOOK)).toEqual(['before-start.0/forward/0', 'after-start.1/forward/0', 'before-start.0/forward/0', 'after-start.2/forward/0']);
    expect(opIds(bench, id, 'web-02', /\/(?:stop|switch)\//)).toHaveLength(2);
    expect(bench.fleet.hosts.get('web-02')?.starts).toEqual(['v2']);
  });
});

const SAID: NotNowPolicy = { everySeconds: 1, atMostSeconds: 60, then: 'hold' };
const question = (notNow: Partial<NotNowPolicy> = {}) => hook('before-drain', { notNow: { ...SAID, ...notNow } });
const notNow = (host: string, nth: number, reason = 'a backup runs') => ({ call: `check ${host}`, nth, fault: { lie: answered({ status: 75, timedOut: false, output: `first line\n${reason}\n` }) } });

test('an application that asks to be left alone is asked again until it lets its host go, which is untouched till then and said to wait', async () => {
  await using(3, { executor: [notNow('web-01', 1), notNow('web-01', 2)] }, async (bench) => {
    const id = await bench.release({ hooks: [question()] });
    const waits = await bench.until(id, ({ waiting }) => waiting?.sentence.includes('a backup runs') === true, 'the wait');
    expect(waits.waiting).toMatchObject({ for: 'dependency', sentence: expect.stringMatching(/^web-01 waits: web asks to leave web-01 alone: a backup runs\. It is asked every 1 s until .*, then: hold\. It stays in service until then\.$/) });
    expect(bench.traffic.calls).not.toContain('drain web-01');
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect(bench.fleet.executor.calls.filter((call) => call === 'check web-01')).toHaveLength(3);
    expect(bench.fleet.executor.calls.filter((call) => call.startsWith('hook'))).toEqual([]);
  });
});

test('one that says so for too long holds the release whatever is tolerated, and a resume asks it again', async () => {
  await using(3, { executor: [notNow('web-02', 1), notNow('web-02', 2), notNow('web-02', 3)] }, async (bench) => {
    const id = await bench.release({ strategy: { ...ONE_BY_ONE, tolerance: { perBatch: 3, total: 3 } }, hooks: [question({ atMostSeconds: 1 })] });
    const held = await bench.until(id, ({ paused }) => paused !== null, 'the hold');
    expect(held.paused).toMatchObject({ deadline: null, reason: 'web asks to leave web-02 alone: a backup runs; that was so for 1 s.' });
    expect(bench.traffic.calls).not.toContain('drain web-02');
    expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect([...bench.fleet.hosts.values()].map(({ version }) => version)).toEqual(['v2', 'v2', 'v2']);
  });
});

test('with then: skip its host keeps what it runs, in service and as debt, and no failure is counted', async () => {
  const always = Array.from({ length: 9 }, (_, nth) => notNow('web-02', nth + 1));
  await using(4, { executor: always }, async (bench) => {
    const id = await bench.release({ strategy: ONE_BY_ONE, hooks: [question({ atMostSeconds: 1, then: 'skip' })] });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-02', cause: 'skipped', reason: expect.stringContaining('a backup runs') }] });
    expect([...bench.fleet.hosts.values()].map(({ version }) => version)).toEqual(['v2', 'v1', 'v2', 'v2']);
    expect(bench.traffic.servers.get('web-02')).toMatchObject({ admin: 'ready' });
    expect(bench.traffic.calls).not.toContain('drain web-02');
  });
});

test('with then: force it is taken out all the same, which the step tells; and nobody is asked on the way back', async () => {
  const always = Array.from({ length: 9 }, (_, nth) => notNow('web-01', nth + 1));
  await using(3, { executor: always }, async (bench) => {
    const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' } }, hooks: [question({ atMostSeconds: 1, then: 'force' })] });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const asked = bench.fleet.executor.calls.filter((call) => call.startsWith('check')).length;
    const drained = (await eventsOf(bench, id)).flatMap((event) => (event.type === 'target-step-succeeded' && event.data.step === 'drain' ? event.data.result.hooks : []));
    expect(drained).toEqual(['web before-drain.0 (taken out although web asks to leave web-01 alone: a backup runs)']);
    expect(await bench.send(id, 'rollback')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect(bench.fleet.executor.calls.filter((call) => call.startsWith('check'))).toHaveLength(asked);
  });
});

test('a pause is quiet although an application asks to be left alone, and an abort leaves its host as it is', async () => {
  const always = Array.from({ length: 99 }, (_, nth) => notNow('web-01', nth + 1));
  await using(3, { executor: always }, async (bench) => {
    const id = await bench.release({ hooks: [question()] });
    await bench.until(id, ({ waiting }) => waiting?.sentence.includes('a backup runs') === true, 'the wait');
    expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
    await bench.until(id, ({ paused }) => paused?.quiet === true, 'the quiet');
    expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
    await bench.until(id, ({ waiting }) => waiting?.sentence.includes('a backup runs') === true, 'the wait');
    expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
    const aborted = await bench.ended(id);
    expect(aborted.status).toBe('aborted');
    expect(aborted.batches[0]?.targets[0]?.error).toMatchObject({ message: expect.stringContaining('web-01 waited for leave'), next: expect.stringContaining('once its applications let it go') });
    expect(bench.traffic.calls).not.toContain('drain web-01');
    expect([...bench.fleet.hosts.values()].map(({ version }) => version)).toEqual(['v1', 'v1', 'v1']);
  });
});

test('all are asked before the first hook does anything, and a host that failed further on is not asked again when it is run again', async () => {
  await using(3, { executor: [notNow('web-02', 1), { call: 'start web-02', nth: 1, fault: { lie: refused('start-failed', 'no port') } }] }, async (bench) => {
    const id = await bench.release({ strategy: { ...ONE_BY_ONE, onFailure: 'hold' }, hooks: [hook('before-drain'), question()] });
    const of = (what: string) => bench.fleet.executor.calls.filter((call) => call === `${what} web-02`);
    await bench.until(id, ({ waiting }) => waiting?.sentence.includes('a backup runs') === true, 'the wait');
    expect(of('hook')).toEqual([]);
    await bench.until(id, ({ paused }) => paused !== null, 'the hold');
    expect(bench.traffic.servers.get('web-02')).toMatchObject({ admin: 'drain' });
    const asked = of('check').length;
    expect(await bench.send(id, 'retry')).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect(asked).toBe(2);
    expect(of('check')).toHaveLength(asked);
  });
});

test('behind a hook that cannot be undone a failure holds although the strategy rolls back, and a rollback wants a word of its own', async () => {
  await using(3, { executor: [fails('web-02', 2)] }, async (bench) => {
    const id = await bench.release({ strategy: ONE_BY_ONE, hooks: [hook('before-switch', { irreversible: true }), hook('after-start')] });
    const held = await bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the hold');
    expect(held.paused?.reason).toMatch(/1 target failed in .* because web before-switch\.0, which cannot be undone, was done or begun on web-01, web-02\.$/);
    expect(await bench.send(id, 'rollback')).toMatchObject({ state: 'refused', refusal: { code: 'irreversible', allowed: expect.arrayContaining(['rollback', 'retry']) } });
    expect([...bench.fleet.hosts.values()].map(({ version }) => version)).toEqual(['v2', 'v2', 'v1']);
    expect(await bench.send(id, 'rollback', { acrossIrreversible: true })).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect([...bench.fleet.hosts.values()].map(({ version }) => version)).toEqual(['v1', 'v1', 'v1']);
  });
});

test('not-done runs the hook again under a new round and everything before it not; cut off once more it asks once more', async () => {
  await using(3, { executor: [cutOff('web-01', 2), cutOff('web-01', 4)] }, async (bench) => {
    const id = await bench.release({ hooks: [hook('before-verify'), hook('before-verify')] });
    await asked(bench, id);
    expect(await bench.send(id, 'answer', { choices: { 'web-01': 'not-done' } })).toMatchObject({ state: 'applied' });
    await bench.until(id, ({ waiting, batches }) => waiting?.for === 'answer' && batches[0]?.targets[0]?.attempts === 2, 'the second question');
    expect(await bench.send(id, 'answer', { choices: { 'web-01': 'not-done' } })).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    const first = 'before-verify.0/forward/0';
    expect(opIds(bench, id, 'web-01', HOOK)).toEqual([first, 'before-verify.1/forward/0', first, 'before-verify.1/forward/1', first, 'before-verify.1/forward/2']);
    expect(bench.fleet.hosts.get('web-01')?.starts).toEqual(['v2']);
  });
});

test('a host that falls silent while a hook runs that may not run twice is asked about, not judged', async () => {
  await using(3, { executor: [{ call: 'hook web-01', nth: 1, fault: { lie: refused('locked', 'another operation holds the lock.') } }] }, async (bench) => {
    const id = await bench.release({ hooks: [hook('before-stop')] });
    expect((await asked(bench, id)).batches[0]?.targets[0]?.error).toMatchObject({ code: 'unknown-outcome', step: 'stop' });
    expect(await bench.send(id, 'answer', { choices: { 'web-01': 'fail' } })).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
  });
});

test('an idempotent hook that was ended from outside is run again by itself', async () => {
  await using(3, { executor: [cutOff('web-01', 1)] }, async (bench) => {
    const id = await bench.release({ hooks: [hook('after-stop', { idempotent: true })] });
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect(opIds(bench, id, 'web-01', HOOK)).toEqual(['after-stop.0/forward/0', 'after-stop.0/forward/0']);
  });
});

test('a hook that fails after the start is a bad build: rolled back, quarantined, and the way back runs the hooks of the steps it does', async () => {
  await using(4, { executor: [fails('web-02', 2)] }, async (bench) => {
    const id = await bench.release({ strategy: ONE_BY_ONE, hooks: [hook('before-stop'), hook('after-start')] });
    const end = await bench.ended(id);
    expect(end.status).toBe('rolled-back');
    const failed = (await eventsOf(bench, id)).flatMap((event) => (event.type === 'target-step-failed' ? [event.data] : []));
    expect(failed).toMatchObject([{ host: 'web-02', step: 'start', failure: { class: 'bad-build', code: 'hook-failed' } }]);
    expect((await eventsOf(bench, id)).map(({ type }) => type)).not.toContain('failures-answered');
    expect(opIds(bench, id, 'web-02', /\/back\//)).toEqual(['before-stop.0/back/0', 'stop/back/0', 'switch/back/0', 'start/back/0', 'after-start.1/back/0']);
    const back = bench.fleet.executor.inputs.find(({ opId }) => opId?.endsWith('/web-02/web/after-start.1/back/0'));
    expect(back?.['command.2']).toBe('v1');
  });
});

test('a failed hook that is ignored is stepped over, and the work of its step is still done', async () => {
  await using(3, { executor: [fails('web-01', 1)] }, async (bench) => {
    const id = await bench.release({ strategy: { onFailure: 'ask' }, hooks: [hook('before-start')] });
    await asked(bench, id);
    expect(await bench.send(id, 'answer', { choices: { 'web-01': 'done' } })).toMatchObject({ state: 'refused', refusal: { message: expect.stringContaining('allowed: retry, ignore, exclude, fail') } });
    await bench.send(id, 'answer', { choices: { 'web-01': 'ignore' } });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-01', cause: 'ignored' }] });
    expect(bench.fleet.hosts.get('web-01')?.starts).toEqual(['v2']);
  });
});

test('a host whose hook fails after admit goes out of service again', async () => {
  await using(3, { executor: [fails('web-01', 1)] }, async (bench) => {
    const id = await bench.release({ strategy: { onFailure: 'ask' }, hooks: [hook('after-admit')] });
    await asked(bench, id);
    expect(bench.traffic.servers.get('web-01')).toMatchObject({ admin: 'drain', inService: false });
    await bench.send(id, 'answer', { choices: { 'web-01': 'ignore' } });
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect(bench.traffic.servers.get('web-01')).toMatchObject({ inService: true });
  });
});

test('on the way back a hook with an unknown outcome stops nobody else: its host is named, and the end says what to do', async () => {
  await using(3, { executor: [cutOff('web-01', 1)] }, async (bench) => {
    const good = await bench.release({});
    await bench.ended(good);
    const back = await bench.release({ rollbackOf: good, hooks: [hook('before-stop')] });
    const end = await bench.ended(back);
    expect(end.status).toBe('rollback-incomplete');
    expect(bench.fleet.hosts.get('web-02')?.version).toBe('v1');
    const failed = (await eventsOf(bench, back)).flatMap((event) => (event.type === 'target-step-failed' ? [event.data] : []));
    expect(failed).toMatchObject([{ host: 'web-01', failure: { code: 'unknown-outcome', next: expect.stringContaining('retry') } }]);
  });
});

test('an application that the host has no release of runs none of its hooks, and that is told', async () => {
  await using(3, { executor: [1, 2, 3].map((nth) => ({ call: 'hook', nth, fault: { lie: answered({ status: 0, log: '', skipped: true }) } })) }, async (bench) => {
    const id = await bench.release({ hooks: [hook('before-stop')] });
    expect((await bench.ended(id)).status).toBe('succeeded');
    const stops = (await eventsOf(bench, id)).flatMap((event) => (event.type === 'target-step-succeeded' && event.data.step === 'stop' ? [event.data.result] : []));
    expect(stops.every(({ hooks }) => hooks === undefined)).toBe(true);
  });
});
