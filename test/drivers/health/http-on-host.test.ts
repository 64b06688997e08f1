import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationSpec, HealthCheck } from '../../../domain/inventory.ts';
import type { ObservedProcess } from '../../../domain/release/target.ts';
import { createHttpHealth } from '../../../drivers/health/http.ts';
import type { HealthVerdict } from '../../../drivers/health/port.ts';
import { startRealHost, type RealHost } from './real-host.ts';
import { heldUp } from '../../support/held-up.ts';

/** An application that begins to answer after a moment; what it answers is up to `answer`. */
const program = (answer: string, startsAfterMs = 100): string => `
import { createServer } from 'node:http';
const server = createServer((request, response) => { ${answer} });
setTimeout(() => server.listen(Number(process.argv[2]), '127.0.0.1'), ${startsAfterMs});
`;
const echo = (version: string): string => `response.end(JSON.stringify({ version: '${version}', note: 'grüße\\n"quoted"' }))`;

let real: RealHost;
beforeAll(async () => {
  real = await startRealHost();
});
afterAll(() => real?.stop());

function verify(started: ObservedProcess | null, expectedVersion: string, timeoutSeconds: number, executor = real.executor): Promise<HealthVerdict> {
  const check: HealthCheck = { http: { path: '/health', port: String(real.port), method: 'GET', status: [200], version: { json: 'version' } }, passes: 2, intervalMs: 20, timeoutSeconds };
  const application: ApplicationSpec = {
    name: 'web',
    recipe: 'service',
    productLine: null,
    owners: ['team-web'],
    run: { command: ['app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, account: null, env: {} },
    variables: {},
    health: [check],
  };
  return createHttpHealth().verify({ executor, host: real.host, application, check, place: 'health/0', expectedVersion, process: started, input: real.input, signal: new AbortController().signal });
}

test('on a real host: a slow starter becomes healthy with the version it answers', async () => {
  const started = await real.start('1.0.0', program(echo('1.0.0'), 300));
  expect(await verify(started, '1.0.0', 20)).toMatchObject({ healthy: true, observedVersion: '1.0.0' });
});

test('on a real host: a slow starter is not asked before it listens', async () => {
  const started = await real.start('1.0.3', program(echo('1.0.3'), 400));
  const verdict = await verify(started, '1.0.3', 20);
  // Two passes, and two more for a machine so busy that the application takes longer than the host waits at a time.
  expect(verdict.healthy && verdict.probes).toBeOneOf([2, 3, 4]);
});

test('on a real host: the process of an earlier start is told from the one that runs now', async () => {
  const first = await real.start('1.0.1', program(echo('1.0.1')));
  const second = await real.start('1.0.2', program(echo('1.0.2')));
  expect(second.pid).not.toBe(first.pid);
  expect(await verify(first, '1.0.2', 20)).toMatchObject({ healthy: false, code: 'wrong-process' });
  expect(await verify(second, '1.0.2', 20)).toMatchObject({ healthy: true });
});

test('on a real host: a build that answers another version is the wrong version', async () => {
  const started = await real.start('2.0.0', program(echo('1.9.9'), 0));
  expect(await verify(started, '2.0.0', 1)).toMatchObject({ healthy: false, code: 'wrong-version', observedVersion: '1.9.9' });
});

test('on a real host: a build that never gets healthy times out and hands over its log', async () => {
  const started = await real.start('3.0.0', `console.log('waiting for the database');${program('response.writeHead(503).end()', 0)}`);
  expect(await verify(started, '3.0.0', 1)).toMatchObject({ healthy: false, code: 'health-timeout', log: expect.stringContaining('waiting for the database') });
});

test('on a real host: an answer that is held up on its way back takes no time from the build', async () => {
  const started = await real.start('5.0.0', `let asked = 0;${program(`asked += 1; if (asked === 1) response.statusCode = 503; ${echo('5.0.0')}`, 0)}`);
  expect(await verify(started, '5.0.0', 1, heldUp(real.executor, { nth: 1, forMs: 1_500 }))).toMatchObject({ healthy: true, observedVersion: '5.0.0' });
});

test('on a real host: what the application itself takes for an answer is its own time', async () => {
  const started = await real.start('6.0.0', program("setTimeout(() => response.writeHead(503).end(), 1_500)", 0));
  const verdict = await verify(started, '6.0.0', 1);
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.not.stringContaining('not counting') });
});

test('on a real host: a build that never gets healthy ends all the same, and is told how long it was not reached', async () => {
  const started = await real.start('7.0.0', program('response.writeHead(503).end()', 0));
  const verdict = await verify(started, '7.0.0', 1, heldUp(real.executor, { nth: 1, forMs: 1_500 }));
  expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringMatching(/in 1 s, not counting 1\.\d s in which web-01 could not be reached/) });
});

test('on a real host: a build that dies soon after its start ends at once with its last words', async () => {
  const started = await real.start('4.0.0', "setTimeout(() => { console.error('no database'); process.exit(3); }, 400);");
  const began = performance.now();
  expect(await verify(started, '4.0.0', 30)).toMatchObject({ healthy: false, code: 'process-exited', log: expect.stringContaining('no database') });
  expect(performance.now() - began).toBeLessThan(15_000);
});
