import { expect, test } from 'vitest';
import type { ApplicationSpec, HealthCheck, HostSpec } from '../../../domain/inventory.ts';
import { HostUnreachable, type HostAnswer } from '../../../drivers/executors/port.ts';
import { createHttpHealth } from '../../../drivers/health/http.ts';
import type { HealthCall } from '../../../drivers/health/port.ts';
import { answered, createFakeExecutor, refused } from '../../support/fake-executor.ts';

const health = createHttpHealth();
const PROCESS = { pid: 4711, startTicks: 99, bootId: 'boot-1' };
const HOST: HostSpec = { name: 'web-01', address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root: '/srv/web-01' }, variables: {} };
const CHECK: HealthCheck = { http: { path: '/health', port: '8080', method: 'GET', status: [200], version: { json: 'version' } }, passes: 2, intervalMs: 5, timeoutSeconds: 5 };
const APPLICATION: ApplicationSpec = {
  name: 'web',
  recipe: 'service',
  productLine: null,
  owners: ['team-web'],
  run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env: {} },
  variables: {},
  health: [CHECK],
};

type Probe = { readonly status?: number; readonly version?: string; readonly body?: string; readonly process?: typeof PROCESS | null; readonly log?: string } | HostAnswer;

/** Hosts that answer these probes one after the other, the last one for ever. */
function host(...probes: readonly Probe[]) {
  let asked = 0;
  return createFakeExecutor((verb) => {
    if (verb === 'observe') return answered({ log: 'last words of the application' });
    const probe = probes[Math.min(asked, probes.length - 1)] ?? {};
    asked += 1;
    if ('ok' in probe) return probe;
    return answered({ status: probe.status ?? 200, body: probe.body ?? JSON.stringify({ version: probe.version ?? '2.0.0' }), process: probe.process === undefined ? PROCESS : probe.process, log: probe.log ?? '' });
  });
}

function call(executor: HealthCall['executor'], change: Partial<HealthCall> = {}): HealthCall {
  return { executor, host: HOST, application: APPLICATION, check: CHECK, place: 'health/0', expectedVersion: '2.0.0', process: PROCESS, input: { root: '/srv/web-01', opId: 'r-1', epoch: '7' }, signal: new AbortController().signal, ...change };
}

test('consecutive passes make it healthy, and the answered version is reported', async () => {
  const executor = host({});
  expect(await health.verify(call(executor, { check: { ...CHECK, timeoutSeconds: 30 } }))).toEqual({ healthy: true, observedVersion: '2.0.0', probes: 2 });
  const probe = { root: '/srv/web-01', opId: 'r-1', epoch: '7', application: 'web', url: 'http://127.0.0.1:8080/health', method: 'GET', timeoutMs: '5000' };
  expect(executor.inputs).toEqual([{ ...probe, waitMs: '1000' }, probe]);
});

test('the host waits for a socket as long as nobody answers, and never once somebody did', async () => {
  const executor = host({ status: 0, body: '' }, { status: 503 }, {}, { status: 0, body: '' }, {}, {});
  expect(await health.verify(call(executor, { check: { ...CHECK, timeoutSeconds: 30 } }))).toMatchObject({ healthy: true, probes: 6 });
  expect(executor.inputs.map(({ waitMs }) => waitMs)).toEqual(['1000', '1000', undefined, undefined, '1000', undefined]);
});

test('waiting for a socket leaves half of a short time to the probe, and the host has time for both', async () => {
  const executor = host({});
  const limits: number[] = [];
  const timed = { ...executor, run: (...[where, verb, input, options]: Parameters<typeof executor.run>) => (limits.push(options.timeoutMs), executor.run(where, verb, input, options)) };
  await health.verify(call(timed, { check: { ...CHECK, passes: 1, timeoutSeconds: 1 } }));
  const [waitMs, timeoutMs] = [Number(executor.inputs[0]?.['waitMs']), Number(executor.inputs[0]?.['timeoutMs'])];
  expect(waitMs).toBeGreaterThan(300);
  expect(waitMs).toBeLessThanOrEqual(500);
  expect(waitMs + timeoutMs).toBeLessThanOrEqual(1001);
  expect(limits[0]).toBeGreaterThan(waitMs + timeoutMs + 5_000);
});

test('a failure between two passes starts the count anew', async () => {
  expect(await health.verify(call(host({}, { status: 500 }, {}, {})))).toMatchObject({ healthy: true, probes: 4 });
});

test('refused connections and early errors are not final before the timeout', async () => {
  expect(await health.verify(call(host({ status: 0, body: '' }, { status: 0, body: '' }, { status: 503, body: 'warming up' }, {})))).toMatchObject({ healthy: true, probes: 5 });
});

test('the old version answering at first is not final, since the new process may still be taking the port', async () => {
  expect(await health.verify(call(host({ version: '1.0.0' }, {})))).toMatchObject({ healthy: true, observedVersion: '2.0.0', probes: 3 });
});

test('an application that is starting is asked much oftener than its interval', async () => {
  const slow = { ...CHECK, passes: 1, intervalMs: 2_000 };
  const began = performance.now();
  expect(await health.verify(call(host({ status: 0, body: '' }, { status: 0, body: '' }, {}), { check: slow }))).toMatchObject({ healthy: true, probes: 3 });
  expect(performance.now() - began).toBeLessThan(1_000);
});

test('an application that stays silent is asked ever more seldom', async () => {
  const executor = host({ status: 0, body: '' });
  await health.verify(call(executor, { check: { ...CHECK, intervalMs: 60_000, timeoutSeconds: 0.5 } }));
  expect(executor.calls.filter((made) => made === 'verify web-01').length).toBeLessThanOrEqual(7);
});

test('passes are an interval apart', async () => {
  const began = performance.now();
  await health.verify(call(host({}), { check: { ...CHECK, passes: 3, intervalMs: 40 } }));
  expect(performance.now() - began).toBeGreaterThanOrEqual(78);
});

test('an application that never answers times out with the address, the reason and its log', async () => {
  const executor = host({ status: 0, body: '' });
  const verdict = await health.verify(call(executor, { check: { ...CHECK, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', observedVersion: null, log: 'last words of the application' });
  expect(verdict).toMatchObject({ message: expect.stringMatching(/web on web-01 .*nobody answered.*GET http:\/\/127.0.0.1:8080\/health/) });
  expect(executor.inputs.at(-1)).toMatchObject({ logApplication: 'web', logLines: '50' });
});

test('an application that answers another version until the timeout is the wrong version', async () => {
  const verdict = await health.verify(call(host({ version: '1.0.0' }), { check: { ...CHECK, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'wrong-version', observedVersion: '1.0.0', message: expect.stringContaining('"1.0.0"') });
});

test('another version with a wrong status is unhealthy, not a wrong version', async () => {
  const verdict = await health.verify(call(host({ version: '1.0.0', status: 503 }), { check: { ...CHECK, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', observedVersion: '1.0.0' });
});

test('too few passes before the timeout is a timeout that says so', async () => {
  const verdict = await health.verify(call(host({}), { check: { ...CHECK, passes: 100, intervalMs: 30, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringContaining('fewer than 100 answers in a row') });
});

test('a process that is gone is final at the first probe and carries its last lines', async () => {
  const executor = host({ status: 0, body: '', process: null, log: 'panic: no database' });
  expect(await health.verify(call(executor))).toMatchObject({ healthy: false, code: 'process-exited', log: 'panic: no database' });
  expect(executor.calls).toEqual(['verify web-01']);
});

test('a process that exits between two passes is not healthy', async () => {
  expect(await health.verify(call(host({}, { process: null, log: 'killed' })))).toMatchObject({ healthy: false, code: 'process-exited', log: 'killed' });
});

test('a healthy answer without a process of ours does not count: the old one keeps the port', async () => {
  expect(await health.verify(call(host({ process: null })))).toMatchObject({ healthy: false, code: 'process-exited' });
});

for (const [member, other] of [['pid', { ...PROCESS, pid: 4712 }], ['start time', { ...PROCESS, startTicks: 100 }], ['boot', { ...PROCESS, bootId: 'boot-2' }]] as const) {
  test(`a process with another ${member} than the one this release started is final`, async () => {
    expect(await health.verify(call(host({ process: other })))).toMatchObject({ healthy: false, code: 'wrong-process', log: 'last words of the application' });
  });
}

test('without a known process any running one will do', async () => {
  expect(await health.verify(call(host({}), { process: null }))).toMatchObject({ healthy: true });
});

test('without an expected version any answer with the right status will do', async () => {
  expect(await health.verify(call(host({ body: 'ok' }), { expectedVersion: null }))).toMatchObject({ healthy: true, observedVersion: null });
});

test('a refusal of the host program that may pass is a failed probe that says which', async () => {
  const verdict = await health.verify(call(host(refused('disk-full', 'no room for the answer')), { check: { ...CHECK, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringContaining('no room for the answer (disk-full)') });
});

test.each([
  { error: 'missing-tools', code: 'missing-tools' },
  { error: 'bad-input', code: 'check-unsupported' },
])('a check that the host will always refuse ($error) is final at the first probe', async ({ error, code }) => {
  const executor = host(refused(error, 'never'));
  expect(await health.verify(call(executor))).toMatchObject({ healthy: false, code, message: expect.stringContaining('health/0: GET http://127.0.0.1:8080/health') });
  expect(executor.calls).toEqual(['verify web-01', 'observe web-01']);
});

test('an answer of the host program without the agreed members passes nothing', async () => {
  const verdict = await health.verify(call(host(answered({ status: 'fine', process: PROCESS })), { check: { ...CHECK, timeoutSeconds: 0.1 } }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout' });
});

test('a host that cannot be reached is the executor\'s error, not a verdict', async () => {
  const unreachable = new HostUnreachable('web-01', 'no route');
  const executor = createFakeExecutor(() => answered({}), [{ call: 'verify', nth: 1, fault: { fail: unreachable } }]);
  await expect(health.verify(call(executor))).rejects.toBe(unreachable);
});

test('a log that cannot be fetched does not hide the verdict', async () => {
  const executor = createFakeExecutor(() => answered({ status: 0, body: '', process: PROCESS }), [{ call: 'observe', nth: 1, fault: { fail: new HostUnreachable('web-01', 'gone') } }]);
  expect(await health.verify(call(executor, { check: { ...CHECK, timeoutSeconds: 0.05 } }))).toMatchObject({ healthy: false, code: 'health-timeout', log: '' });
});

test('an abort ends the wait between two probes with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('rolled back');
  const executor = createFakeExecutor(() => {
    setImmediate(() => controller.abort(reason));
    return answered({ status: 0, body: '', process: PROCESS });
  });
  await expect(health.verify(call(executor, { signal: controller.signal, check: { ...CHECK, intervalMs: 60_000 } }))).rejects.toBe(reason);
  expect(executor.calls).toHaveLength(1);
});

test('an abort ends a probe that hangs', async () => {
  const controller = new AbortController();
  const executor = createFakeExecutor(() => answered({}), [{ call: 'verify web-01', nth: 1, fault: 'hang' }]);
  const asked = health.verify(call(executor, { signal: controller.signal }));
  controller.abort(new Error('the worker shuts down'));
  await expect(asked).rejects.toThrow('the worker shuts down');
});

test('an IPv6 address is put in brackets', async () => {
  const executor = host({});
  await health.verify(call(executor, { host: { ...HOST, address: '::1' } }));
  expect(executor.inputs[0]?.['url']).toBe('http://[::1]:8080/health');
});
