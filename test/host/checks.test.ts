/** What health checks ask of a host besides plain HTTP: requests of every kind, ports and who holds them, processes, commands. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import type { AddressInfo, Server as SocketServer } from 'node:net';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, observe, step } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';
import type { HostInput } from '../../drivers/executors/port.ts';

let web: Server;
let silent: SocketServer;
let origin: string;
let foreignPort: string;
let silentPort: string;
beforeAll(async () => {
  web = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method: request.method, host: request.headers.host, token: request.headers['x-token'] ?? null, accept: request.headers['accept'] }));
  });
  silent = createSocketServer((socket) => void socket.on('error', () => undefined));
  const listening = (server: Server | SocketServer): Promise<string> => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(String((server.address() as AddressInfo).port))));
  foreignPort = await listening(web);
  origin = `http://127.0.0.1:${foreignPort}`;
  silentPort = await listening(silent);
});
afterAll(() => {
  web.closeAllConnections();
  web.close();
  silent.close();
});

const VARIANTS = SHELLS.flatMap((shell) => (['curl', 'wget'] as const).map((fetcher) => ({ shell, fetcher })));

describe.each(VARIANTS)('requests under $shell with $fetcher', ({ shell, fetcher }) => {
  let bench: HostBench;
  beforeAll(() => {
    bench = makeBench(shell, { fetcher });
  });
  afterAll(() => bench.dispose());
  const ask = (more: HostInput): Promise<Readonly<Record<string, unknown>>> => bench.result('verify', { application: 'web', url: `${origin}/health`, method: 'GET', timeoutMs: '2000', ...more });
  const hasOptions = fetcher === 'curl' || shell !== 'busybox';

  test('GET, POST and OPTIONS reach the application as what they are', async () => {
    for (const method of ['GET', 'POST', ...(hasOptions ? ['OPTIONS'] : [])]) {
      const { status, body } = await ask({ method });
      expect(status).toBe(200);
      expect(JSON.parse(String(body))).toMatchObject({ method });
    }
  });

  test('headers reach the application, with quotes, spaces and colons in them', async () => {
    const { body } = await ask({ headers: 'X-Token: it\'s "a: $HOME" \\n\nHost: shop.example' });
    expect(JSON.parse(String(body))).toMatchObject({ token: 'it\'s "a: $HOME" \\n', host: 'shop.example' });
  });

  test('what is no header is refused and asks nobody', async () => {
    for (const headers of ['X-Token', 'X Token: a', '@/etc/passwd', ': a', 'X-Token:a', 'X-Token: a\rX-Other: b']) expect(await bench.run('verify', { application: 'web', url: `${origin}/`, method: 'GET', timeoutMs: '1000', headers })).toMatchObject({ ok: false, error: 'bad-input' });
  });

  test('a method that no tool of the host can send is said to need another tool', async () => {
    if (hasOptions) return void expect(await bench.run('verify', { application: 'web', url: `${origin}/`, method: 'DELETE', timeoutMs: '1000' })).toMatchObject({ ok: false, error: 'bad-input' });
    expect(await bench.run('verify', { application: 'web', url: `${origin}/`, method: 'OPTIONS', timeoutMs: '1000' })).toMatchObject({ ok: false, error: 'missing-tools', detail: { missing: ['curl'] } });
  });
});

/** The application itself listens on nothing: a worker that it starts does, and writes down where. */
const LISTENER = 'require("node:net").createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1", function () { require("node:fs").writeFileSync(process.env.PORT_FILE, String(this.address().port)); })';
const PARENT = 'require("node:child_process").spawn(process.execPath, ["-e", process.env.LISTENER], { stdio: "inherit" })';

describe.each(VARIANTS)('a port under $shell with $fetcher', ({ shell, fetcher }) => {
  let bench: HostBench;
  let ownPort: string;
  beforeAll(async () => {
    bench = makeBench(shell, { fetcher });
    const portFile = join(bench.root, '../port');
    const { digest, config } = await install(bench, '1.0.0', { program: `#!/bin/sh\nexec ${process.execPath} -e '${PARENT}'\n`, extra: { 'env.PORT_FILE': portFile, 'env.LISTENER': LISTENER } });
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    await bench.result('start', step('start'));
    await until('the port', () => existsSync(portFile) && readFileSync(portFile, 'utf8') !== '');
    ownPort = readFileSync(portFile, 'utf8');
  });
  afterAll(() => bench.dispose());
  const connect = (port: string, more: HostInput = {}): Promise<Readonly<Record<string, unknown>>> =>
    bench.result('verify', { application: 'web', probe: 'tcp', address: '127.0.0.1', port, timeoutMs: '2000', ...more });

  test('that takes connections is told from one that does not, and nothing is said to it', async () => {
    expect(await connect(silentPort)).toMatchObject({ connected: true });
    expect(await connect('1')).toMatchObject({ connected: false });
  });

  test('is held by the process of this release, also by one that it started, or by somebody else', async () => {
    expect(await connect(ownPort, { listener: 'own' })).toMatchObject({ connected: true, listener: 'own' });
    expect(await connect(silentPort, { listener: 'own' })).toMatchObject({ connected: true, listener: 'other' });
    expect(await connect('1', { listener: 'own' })).toMatchObject({ connected: false, listener: 'unknown' });
    expect(await bench.result('verify', { application: 'web', url: `${origin}/`, method: 'GET', timeoutMs: '2000', listener: 'own', port: foreignPort })).toMatchObject({ status: 200, listener: 'other' });
    expect(await connect(ownPort)).not.toHaveProperty('listener');
  });

  test('is refused when it is none, as is an address that is none', async () => {
    for (const port of ['0', '65536', '80x', '080']) expect(await bench.run('verify', { application: 'web', probe: 'tcp', address: '127.0.0.1', port, timeoutMs: '1000' })).toMatchObject({ ok: false, error: 'bad-input' });
    for (const address of ['-o/etc/x', 'a b', 'a;b', 'a/b']) expect(await bench.run('verify', { application: 'web', probe: 'tcp', address, port: '80', timeoutMs: '1000' })).toMatchObject({ ok: false, error: 'bad-input' });
  });

  test('is not asked for where only the process is', async () => {
    const seen = await bench.result('verify', { application: 'web', probe: 'process' });
    expect(seen).toEqual({ process: { pid: expect.any(Number), startTicks: expect.any(Number), bootId: expect.any(String) }, tookMs: expect.any(Number) });
  });
});

const CHECK = `#!/bin/sh
case $1 in
  show) pwd; echo "$LEVEL $SIGNALBOX_APPLICATION"; exit 0 ;;
  fail) echo broken; exit 3 ;;
  hang) echo hanging; sleep 999 ;;
  words) shift; for word in "$@"; do echo "<$word>"; done; exit 4 ;;
esac
`;

describe.each(SHELLS)('a command under %s', (shell) => {
  let bench: HostBench;
  let digest: string;
  let config: string;
  beforeAll(async () => {
    bench = makeBench(shell);
    ({ digest, config } = await install(bench, '1.0.0', { extra: { 'env.LEVEL': 'it\'s "deep" %' } }));
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    writeFileSync(join(bench.root, 'web/releases', digest, 'probe'), CHECK, { mode: 0o755 });
    await bench.result('start', step('start'));
  });
  afterAll(() => bench.dispose());
  const words = (...list: readonly string[]): HostInput => Object.fromEntries(list.map((word, index) => [`command.${index}`, word]));
  const run = (list: readonly string[], more: HostInput = {}): Promise<Readonly<Record<string, unknown>>> => bench.result('check', { application: 'web', epoch: '1', timeoutSeconds: '10', ...words(...list), ...more });

  test('runs in the release folder with the environment of the application and tells how it ended', async () => {
    expect(await run(['./probe', 'show'])).toMatchObject({ status: 0, timedOut: false, output: `${join(bench.root, 'web/releases', digest)}\nit's "deep" % web\n`, process: { pid: expect.any(Number) } });
    expect(await run(['./probe', 'fail'])).toMatchObject({ status: 3, timedOut: false, output: 'broken\n' });
  });

  test('gets its words as they are: no shell reads them', async () => {
    const awkward = ['$(id)', 'a b', '', '*', '; rm x', "it's", '"q"', 'grüße\n'];
    expect(await run(['./probe', 'words', ...awkward])).toMatchObject({ status: 4, output: awkward.map((word) => `<${word}>\n`).join('') });
  });

  test('tells how long it took on the host, as requests do', async () => {
    const spent = async (asking: Promise<Readonly<Record<string, unknown>>>): Promise<number> => Number((await asking)['tookMs']);
    const began = performance.now();
    const hung = await spent(run(['./probe', 'hang'], { timeoutSeconds: '1' }));
    expect(hung).toBeGreaterThanOrEqual(990);
    // Two digits of a second are what the host can tell.
    expect(hung).toBeLessThanOrEqual(performance.now() - began + 20);
    const silentMs = await spent(bench.result('verify', { application: 'web', probe: 'http', url: `http://127.0.0.1:${silentPort}/`, method: 'GET', timeoutMs: '500' }));
    expect(silentMs).toBeGreaterThanOrEqual(490);
    expect(await spent(bench.result('verify', { application: 'web', probe: 'process' }))).toBeLessThan(490);
  });

  test('that is not there ends with 127', async () => {
    expect(await run(['./nowhere'])).toMatchObject({ status: 127 });
  });

  test('that takes too long is ended with what it started', async () => {
    expect(await run(['./probe', 'hang'], { timeoutSeconds: '1' })).toMatchObject({ timedOut: true, output: 'hanging\n' });
    await until('the end of what the command started', () => !isRunning('sleep 999', bench));
  });

  test('leaves nothing behind, takes no lock and is run again when it is asked for again', async () => {
    await run(['./probe', 'show']);
    expect(readdirSync(join(bench.root, '.signalbox/tmp')).filter((name) => name.startsWith('check'))).toEqual([]);
    expect(readdirSync(join(bench.root, '.signalbox/journal')).filter((name) => name.includes('check'))).toEqual([]);
    expect(await bench.run('check', { application: 'web', epoch: '1', timeoutSeconds: '10', ...words('./probe', 'show') })).toMatchObject({ ok: true, repeated: false });
  });

  test('is ended by a fence', async () => {
    const running = run(['./probe', 'hang'], { timeoutSeconds: '60' });
    await until('the command runs', () => isRunning('sleep 999', bench));
    await bench.result('fence', { epoch: '2', applications: 'web' });
    expect(await running).toMatchObject({ timedOut: false, status: 137 });
    await until('the end of what the command started', () => !isRunning('sleep 999', bench));
  });

  test('of an older epoch is not run any more', async () => {
    expect(await bench.run('check', { application: 'web', epoch: '1', timeoutSeconds: '10', ...words('./probe', 'show') })).toMatchObject({ ok: false, error: 'stale-epoch' });
  });

  test('has nothing to run in where nothing is linked', async () => {
    const empty = makeBench(shell);
    try {
      expect(await empty.run('check', { application: 'web', epoch: '1', timeoutSeconds: '1', 'command.0': 'true' })).toMatchObject({ ok: false, error: 'not-unpacked' });
    } finally {
      empty.dispose();
    }
  });

  test('sees the process of the application go, and brings its log', async () => {
    expect((await observe(bench)).process).not.toBeNull();
    await bench.result('stop', step('stop', 2));
    expect(await run(['./probe', 'show'], { epoch: '2' })).toMatchObject({ status: 0, process: null, log: expect.any(String) });
  });
});

/** Looks for a process of this bench by its command line and working folder. */
function isRunning(line: string, bench: HostBench): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === line && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(join(bench.root, 'witness'));
    } catch {
      return false;
    }
  });
}
