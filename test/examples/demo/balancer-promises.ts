/** What every balancer of the demo promises, proven through the driver that Signalbox itself uses. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { createHaproxy } from '../../../drivers/traffic/haproxy.ts';
import type { TrafficCall } from '../../../drivers/traffic/port.ts';
import { prepareBalancer, type Balancer } from '../../../examples/demo/balancer.ts';
import { BACKEND } from '../../../examples/demo/haproxy.ts';
import { get, Traffic } from '../../../examples/demo/traffic.ts';
import { endChild } from '../../../stack/children.ts';
import { freePorts } from '../../../stack/ports.ts';
import { until } from '../../support/until.ts';

const APP = fileURLToPath(new URL('../../../examples/demo/app.cjs', import.meta.url));
const cleanups: (() => Promise<unknown> | void)[] = [];
const signal = new AbortController().signal;
const call: TrafficCall = { signal, fence: (write) => write() };

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** HAProxy and the demo's own balancer must mean the same by the same commands, for the same driver speaks to either. */
export function promisesOfABalancer({ haproxy, kind }: { readonly haproxy: string | null; readonly kind: Balancer['kind'] }): void {
  test('spreads requests over the servers that are up', async () => {
    const { balancer, versions } = await behind(haproxy, ['1', '2']);
    expect(balancer.kind).toBe(kind);
    const seen = await Promise.all(Array.from({ length: 20 }, () => get(balancer.url, 2_000)));
    expect(new Set(seen.map(({ body }) => (JSON.parse(body) as { version: string }).version))).toEqual(new Set(versions));
  });

  test('a drained server gets nothing more and serves again once admitted, without one failed request', async () => {
    const { balancer, driver, apps } = await behind(haproxy, ['1', '2']);
    const traffic = new Traffic({ url: balancer.url, perSecond: 100 });
    cleanups.push(() => traffic.stop());
    const drained = await driver.drain('s1', { ...call, timeoutMs: 5_000 });
    expect(drained).toMatchObject({ admin: 'drain', connections: 0, inService: false });
    const { '1': ofDrained = 0, '2': ofOther = 0 } = traffic.counts().byVersion;
    await until('requests beside the drained server', () => (traffic.counts().byVersion['2'] ?? 0) > ofOther + 20);
    expect(traffic.counts().byVersion['1'] ?? 0).toBe(ofDrained);
    await endChild(apps[0]?.child as ChildProcess, { signal: 'SIGTERM', timeoutMs: 5_000 });
    await until('requests while its application is away', () => (traffic.counts().byVersion['2'] ?? 0) > ofOther + 40);
    await apps[0]?.start('3');
    const admitted = await driver.admit('s1', { admin: 'ready', weight: null }, { ...call, timeoutMs: 5_000 });
    expect(admitted).toMatchObject({ admin: 'ready', operational: 'up', inService: true });
    await until('answers of the new version', () => (traffic.counts().byVersion['3'] ?? 0) > 5);
    const counts = await traffic.stop();
    expect(counts.failures).toEqual([]);
    expect(counts.failed).toBe(0);
    expect(counts.total).toBe(Object.values(counts.byVersion).reduce((sum, count) => sum + count, 0));
  });

  test('a server that leaves maintenance over a dead application is not admitted', async () => {
    const { driver, apps } = await behind(haproxy, ['1', '2']);
    await driver.assert('s1', { admin: 'maint', weight: null }, call);
    await endChild(apps[0]?.child as ChildProcess, { signal: 'SIGTERM', timeoutMs: 5_000 });
    await expect(driver.admit('s1', { admin: 'ready', weight: null }, { ...call, timeoutMs: 1_500 })).rejects.toThrow(/did not come into service/);
  });

  test('tells its process and how long it runs, and the weight it was given', async () => {
    const { driver } = await behind(haproxy, ['1']);
    expect(await driver.identity(signal)).toMatchObject({ uptimeSeconds: expect.any(Number), pid: expect.any(Number) });
    await driver.assert('s1', { admin: 'ready', weight: 7 }, call);
    expect((await driver.observe(['s1'], signal))[0]).toMatchObject({ weight: 7 });
  });

  test('names a server it does not have', async () => {
    const { driver } = await behind(haproxy, ['1']);
    await expect(driver.observe(['nobody'], signal)).rejects.toThrow(/nobody/);
  });
}

interface App {
  child: ChildProcess | null;
  readonly start: (version: string) => Promise<void>;
}

interface Behind {
  readonly balancer: Balancer;
  readonly driver: ReturnType<typeof createHaproxy>;
  readonly apps: readonly App[];
  readonly versions: readonly string[];
}

/** Demo applications s1, s2 … of the given versions behind a balancer that has seen all of them up. */
export async function behind(haproxy: string | null, versions: readonly string[], folder = mkdtempSync(join(tmpdir(), 'balancer-'))): Promise<Behind> {
  const [port = 0, ...ports] = await freePorts(versions.length + 1);
  const apps = versions.map((_version, index) => newApp(folder, ports[index] ?? 0));
  const servers = ports.map((serverPort, index) => ({ name: `s${index + 1}`, address: '127.0.0.1', port: serverPort }));
  const balancer = prepareBalancer({ folder, port, servers, haproxy });
  for (const [index, app] of apps.entries()) await app.start(versions[index] ?? '');
  const child = balancer.service.spawn();
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }), () => endChild(child, balancer.service.ending));
  await balancer.service.ready(child);
  const driver = createHaproxy({ driver: 'haproxy', socket: balancer.socket, address: null, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 5 });
  const names = servers.map(({ name }) => name);
  await until('all servers up', async () => (await driver.observe(names, signal)).every(({ operational }) => operational === 'up'));
  return { balancer, driver, apps, versions };
}

function newApp(folder: string, port: number): App {
  const app: App = {
    child: null,
    start: async (version) => {
      const release = join(folder, `release-${version}-${port}`);
      unpackApp(release, version);
      const child = spawn(process.execPath, [join(release, 'app.cjs'), '-port', String(port)], { stdio: 'ignore' });
      app.child = child;
      cleanups.push(() => endChild(child, { signal: 'SIGKILL', timeoutMs: 1_000 }));
      await until(`the application on port ${port}`, async () => (await get(`http://127.0.0.1:${port}/`, 1_000).catch(() => null))?.status === 200);
    },
  };
  return app;
}

function unpackApp(release: string, version: string): void {
  mkdirSync(release, { recursive: true });
  cpSync(APP, join(release, 'app.cjs'));
  writeFileSync(join(release, 'VERSION'), `${version}\n`);
}
