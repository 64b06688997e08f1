import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import { call, READY } from './conformance.ts';
import { startHaproxyWith, type RealHaproxy } from './real-haproxy.ts';
import { startApplication, type Application } from './applications.ts';
import { startNginx } from './real-nginx.ts';
import { ask } from './users.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
const documented = /```haproxy\n(.*?)```/s.exec(OPERATIONS)?.[1] ?? '';

let folder: string;
let state: string;
let applications: readonly Application[];
let haproxy: RealHaproxy | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'documented-'));
  state = join(folder, 'server-state');
  writeFileSync(state, '1\n');
  applications = await Promise.all(['web-01', 'web-02'].map(startApplication));
});
afterAll(async () => {
  await haproxy?.stop();
  await Promise.all(applications.map((application) => application.stop()));
  rmSync(folder, { recursive: true, force: true });
});

test('the documented balancer configuration is accepted by HAProxy without a complaint', () => {
  const file = join(folder, 'documented.cfg');
  writeFileSync(file, documented.replace('/run/haproxy/server-state', state));
  const checked = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  expect([checked.status, checked.stderr.split('\n').filter((line) => /ALERT|WARNING/.test(line))]).toEqual([0, []]);
});

test('with the documented state file a drain survives a reload', async () => {
  const ports = Object.fromEntries(applications.map(({ name, port }) => [name, port]));
  haproxy = await startHaproxyWith((at) =>
    documented
      .replaceAll('/run/haproxy/admin.sock', at.socket)
      .replace('/run/haproxy/server-state', state)
      .replace('127.0.0.1:8080', `127.0.0.1:${at.port}`)
      .replace(/server (web-0[12]) .*/g, (_line, name: string) => `server ${name} 127.0.0.1:${ports[name]}`),
  );
  const traffic = createTraffic({ driver: 'haproxy', socket: haproxy.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 });
  await traffic.drain('web-01', { ...call(), timeoutMs: 5_000 });
  writeFileSync(state, await haproxy.say('show servers state'));
  await haproxy.reload();
  expect(await traffic.observe(['web-01', 'web-02'], call().signal)).toMatchObject([{ admin: 'drain', inService: false }, { admin: 'ready', inService: true }]);
  expect(await traffic.admit('web-01', READY, { ...call(), timeoutMs: 10_000 })).toMatchObject({ inService: true });
});

test('with the documented include file and locations of nginx a server is drained and serves again', async () => {
  const [includeFile = '', http = ''] = [...OPERATIONS.matchAll(/```nginx\n(.*?)```/gs)].map(([, text]) => text);
  const ports = new Map(applications.map(({ port }, index) => [`127.0.0.1:1900${index + 1}`, `127.0.0.1:${port}`]));
  const nginx = await startNginx([], {
    includeFile: includeFile.replace(/127\.0\.0\.1:1900[12]/g, (address) => ports.get(address) ?? address),
    http: ({ spec, port, statusPort }) => http.replace('/etc/nginx/signalbox/web.conf', spec.file).replace('127.0.0.1:8080', `127.0.0.1:${port}`).replace('127.0.0.1:9180', `127.0.0.1:${statusPort}`),
  });
  try {
    const served = createTraffic(nginx.spec);
    expect(await served.drain('web-01', { ...call(), timeoutMs: 5_000 })).toMatchObject({ admin: 'drain', connections: 0 });
    const before = applications.map((application) => application.served);
    expect(await ask(undefined, nginx.port, '/')).toBeNull();
    expect(applications.map((application, index) => application.served - (before[index] ?? 0))).toEqual([0, 1]);
    expect(await served.admit('web-01', READY, { ...call(), timeoutMs: 5_000 })).toMatchObject({ inService: true });
  } finally {
    await nginx.stop();
  }
});
