/** Every kind of check against real processes and real sockets, through the real host program under each shell: what all must promise alike. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHealth } from '../../../drivers/health/factory.ts';
import { createLocalExecutor } from '../../../drivers/executors/local.ts';
import { HOST_PROGRAM, SHELLS, install, makeBench, step } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';
import type { HealthCheck, HealthKind, HostSpec } from '../../../domain/inventory.ts';
import type { ObservedProcess } from '../../../domain/release/target.ts';
import type { LocalExecutor } from '../../../drivers/executors/local.ts';
import type { HealthVerdict } from '../../../drivers/health/port.ts';
import type { HostBench } from '../../host/host-bench.ts';

const PACE = { passes: 2, intervalMs: 20, timeoutSeconds: 20 } as const;
const KINDS: readonly HealthKind[] = ['http', 'tcp', 'process', 'command'];

/** Serves its version, is sick while a file says so, dies when it is asked for /die, and writes its port down. */
const APP = `#!/bin/sh
exec ${process.execPath} -e '
const { existsSync, writeFileSync } = require("node:fs");
const server = require("node:http").createServer((request, response) => {
  if (request.url === "/die") { console.error("last words"); process.exit(3); }
  response.writeHead(existsSync(process.env.SICK_FILE) ? 500 : 200).end(JSON.stringify({ version: "1.0.0", ready: true }));
});
server.listen(0, "127.0.0.1", () => writeFileSync(process.env.PORT_FILE, String(server.address().port)));
'
`;

interface Application {
  readonly bench: HostBench;
  readonly port: string;
  readonly process: ObservedProcess;
  readonly sickFile: string;
  verify(check: HealthCheck, started?: ObservedProcess | null): Promise<HealthVerdict>;
  die(): Promise<void>;
}

let foreign: Server;
let foreignPort: string;
beforeAll(async () => {
  foreign = createServer((socket) => void socket.on('error', () => undefined).on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok')));
  foreignPort = await new Promise<string>((resolve) => foreign.listen(0, '127.0.0.1', () => resolve(String((foreign.address() as AddressInfo).port))));
});
afterAll(() => foreign.close());

async function startApplication(bench: HostBench, executor: LocalExecutor): Promise<Application> {
  const portFile = join(bench.root, '../port');
  const sickFile = join(bench.root, '../sick');
  const { digest, config } = await install(bench, '1.0.0', { program: APP, extra: { 'env.PORT_FILE': portFile, 'env.SICK_FILE': sickFile } });
  await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
  const { process: started } = await bench.result('start', step('start'));
  await until('the port', () => existsSync(portFile) && readFileSync(portFile, 'utf8') !== '');
  const port = readFileSync(portFile, 'utf8');
  const host: HostSpec = { name: 'web-01', address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root: bench.root }, variables: {} };
  const application = { name: 'web', recipe: 'service', productLine: null, owners: [], run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, account: null, env: {} }, variables: {}, health: [] } as const;
  return {
    bench, port, process: started as ObservedProcess, sickFile,
    verify: (check, known = started as ObservedProcess) =>
      createHealth().verify({ executor, host, application, check, place: 'health/0', expectedVersion: '1.0.0', process: known, input: { root: bench.root, epoch: '1', opId: 'verify' }, signal: new AbortController().signal }),
    async die() {
      await fetch(`http://127.0.0.1:${port}/die`).catch(() => undefined);
      await until('the end of the process', async () => (await bench.result('verify', { application: 'web', probe: 'process' }))['process'] === null);
    },
  };
}

function checkOf(kind: HealthKind, port: string, more: Partial<HealthCheck> = {}): HealthCheck {
  switch (kind) {
    case 'http':
      return { http: { path: '/', port, method: 'GET', status: [200], version: null, listener: 'own' }, ...PACE, ...more };
    case 'tcp':
      return { tcp: { port, listener: 'own' }, ...PACE, ...more };
    case 'process':
      return { process: {}, ...PACE, ...more };
    case 'command':
      return { command: { command: ['/bin/sh', '-c', 'test ! -e "$SICK_FILE" || { echo it is sick; exit 5; }'], timeoutSeconds: 5 }, ...PACE, ...more };
  }
}

describe.each(SHELLS)('under %s', (shell) => {
  let executor: LocalExecutor;
  let bench: HostBench;
  let app: Application;
  beforeAll(async () => {
    bench = makeBench(shell);
    executor = createLocalExecutor({ hostProgram: HOST_PROGRAM, shell: join(bench.tools, 'sh'), path: bench.tools });
    app = await startApplication(bench, executor);
  });
  afterAll(async () => {
    await executor?.close();
    bench?.dispose();
  });

  test.each(KINDS)('%s: the process that was started passes, as often as is wanted', async (kind) => {
    expect(await app.verify(checkOf(kind, app.port))).toMatchObject({ healthy: true, probes: 2 });
  });

  test.each(KINDS)('%s: what somebody else started is final at once, whatever it answers', async (kind) => {
    expect(await app.verify(checkOf(kind, app.port), { ...app.process, startTicks: 1 })).toMatchObject({ healthy: false, code: 'wrong-process' });
  });

  test.each(['http', 'tcp'] as const)('%s: a port that another process holds does not count, unless any may', async (kind) => {
    const check = checkOf(kind, foreignPort, { timeoutSeconds: 1 });
    expect(await app.verify(check)).toMatchObject({ healthy: false, code: 'port-taken', message: expect.stringContaining(`port ${foreignPort} is held by another process`) });
    const any = 'tcp' in check ? { ...check, tcp: { port: foreignPort, listener: 'any' as const } } : { ...checkOf('http', foreignPort), http: { path: '/', port: foreignPort, method: 'GET' as const, status: [200], version: null } };
    expect(await app.verify(any)).toMatchObject({ healthy: true });
  });

  test.each(['http', 'command'] as const)('%s: an application that is sick is asked until the time is over, and one that recovers passes', async (kind) => {
    writeFileSync(app.sickFile, '');
    const verdict = await app.verify(checkOf(kind, app.port, { timeoutSeconds: 1 }));
    expect(verdict).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringContaining('health/0: ') });
    if (kind === 'command') expect(verdict).toMatchObject({ log: 'it is sick\n' });
    const recovering = app.verify(checkOf(kind, app.port));
    rmSync(app.sickFile);
    expect(await recovering).toMatchObject({ healthy: true });
  });

  test('tcp: a port that nobody holds is not healthy', async () => {
    expect(await app.verify(checkOf('tcp', '1', { timeoutSeconds: 1 }))).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringContaining('nobody takes connections') });
  });

  test('command: a program that is not there is final at once', async () => {
    expect(await app.verify({ command: { command: ['./nowhere'], timeoutSeconds: 5 }, ...PACE, timeoutSeconds: 600 })).toMatchObject({ healthy: false, code: 'check-unsupported' });
  });

  test('a host that turns sick before its span is over is not healthy, though it passed often enough', async () => {
    const check: HealthCheck = { ...checkOf('http', app.port, { passes: 1 }), healthySeconds: 600 };
    const watched = app.verify({ ...check, timeoutSeconds: 1 });
    writeFileSync(app.sickFile, '');
    expect(await watched).toMatchObject({ healthy: false, code: 'health-timeout' });
    rmSync(app.sickFile);
  });

  test('a host that stays healthy for its span is healthy, also past the time it had to begin', async () => {
    const verdict = await app.verify({ ...checkOf('process', app.port), timeoutSeconds: 1, healthySeconds: 2, intervalMs: 100 });
    expect(verdict.healthy && verdict.probes).toBeGreaterThan(5);
  });

  test.each(KINDS)('%s: a process that died is final at once, with its last words', async (kind) => {
    // The last of the tests, for it takes the application down; the others of its kind find it dead already.
    if ((await bench.result('verify', { application: 'web', probe: 'process' }))['process'] !== null) await app.die();
    expect(await app.verify(checkOf(kind, app.port, { timeoutSeconds: 600 }))).toMatchObject({ healthy: false, code: 'process-exited', log: expect.stringContaining('last words') });
  });
});
