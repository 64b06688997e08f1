/** One host behind two balancers of two kinds, both real. */
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HaproxySpec } from '../../../domain/traffic-spec.ts';
import { createHaproxy } from '../../../drivers/traffic/haproxy.ts';
import { createNginx } from '../../../drivers/traffic/nginx.ts';
import { CHANGE_TIMES } from '../../../drivers/traffic/nginx/change.ts';
import { BalancerDown, BalancerMisconfigured, type Traffic } from '../../../drivers/traffic/port.ts';
import { drainTogether } from '../../../drivers/traffic/several.ts';
import { until } from '../../support/until.ts';
import { startApplication, type Application } from './applications.ts';
import { call, countingFence, READY } from './conformance.ts';
import { startHaproxy, type RealHaproxy } from './real-haproxy.ts';
import { startNginx, type RealNginx } from './real-nginx.ts';

const { signal } = call();
let applications: readonly Application[];
let haproxy: RealHaproxy;
let nginx: RealNginx;
let open: Traffic;
let secure: Traffic;
beforeAll(async () => {
  applications = await Promise.all(['web-01', 'web-02'].map(startApplication));
  [haproxy, nginx] = await Promise.all([startHaproxy(applications), startNginx(applications)]);
  const spec: HaproxySpec = { driver: 'haproxy', socket: haproxy.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 };
  open = createHaproxy(spec);
  secure = createNginx(nginx.spec, { ...CHANGE_TIMES, reloadMs: 2_000 });
  await until('both are up', async () => (await open.observe(['web-01', 'web-02'], signal)).every(({ operational }) => operational === 'up'));
});
afterAll(async () => {
  await haproxy?.stop();
  await nginx?.stop();
  await Promise.all((applications ?? []).map((application) => application.stop()));
});
beforeEach(async () => {
  writeFileSync(nginx.extraFile, '');
  for (const traffic of [open, secure]) await traffic.admit('web-01', READY, { ...call(), timeoutMs: 5_000 });
});

const servers = (): readonly { readonly traffic: Traffic; readonly server: string; readonly timeoutMs: number }[] => [open, secure].map((traffic) => ({ traffic, server: 'web-01', timeoutMs: 5_000 }));
const admins = async () => Promise.all([open, secure].map(async (traffic) => (await traffic.observe(['web-01'], signal))[0]?.admin));

for (const order of ['HAProxy first', 'nginx first'] as const) {
  const both = () => (order === 'HAProxy first' ? servers() : servers().toReversed());

  test(`a host is taken out at both behind one fence, ${order}`, async () => {
    const { fence, count } = countingFence();
    const shown = await drainTogether(both(), call(fence));
    expect(shown.map(({ admin, connections }) => [admin, connections])).toEqual([['drain', 0], ['drain', 0]]);
    expect([count(), await admins()]).toEqual([1, ['drain', 'drain']]);
  });

  test(`a fence that refuses leaves it in at both, ${order}`, async () => {
    await expect(drainTogether(both(), call(() => Promise.reject(new Error('below the floor'))))).rejects.toThrow('below the floor');
    expect(await admins()).toEqual(['ready', 'ready']);
  });

  test(`a configuration that nginx refuses leaves it in at both, ${order}`, async () => {
    writeFileSync(nginx.extraFile, 'bogus_word;');
    await expect(drainTogether(both(), call())).rejects.toThrow(BalancerMisconfigured);
    expect(await admins()).toEqual(['ready', 'ready']);
  });

  test(`a frozen HAProxy leaves it in at both, ${order}`, async () => {
    const pid = (await open.identity(signal))?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await expect(drainTogether(both(), call())).rejects.toThrow(BalancerDown);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('it answers', () => open.identity(signal).catch(() => null));
    expect(await admins()).toEqual(['ready', 'ready']);
  });

  test(`an nginx that does not answer leaves it in at both, ${order}`, async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await until('it listens', () => silent.listening);
    const hung = createNginx({ ...nginx.spec, status: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/` }, { ...CHANGE_TIMES, answerMs: 100 });
    await expect(drainTogether(both().map((one) => (one.traffic === secure ? { ...one, traffic: hung } : one)), call())).rejects.toThrow(BalancerDown);
    expect(await admins()).toEqual(['ready', 'ready']);
    silent.close();
  });
}

test('a reload that fails in the middle of the act leaves it out where it is out, and the next try takes it out at both without another write there', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await until('the port is taken', () => taken.listening);
  writeFileSync(nginx.extraFile, `server { listen 127.0.0.1:${(taken.address() as AddressInfo).port}; }`);
  await expect(drainTogether(servers(), call())).rejects.toThrow('still go by generation');
  expect(await admins()).toEqual(['drain', 'ready']);
  await new Promise((resolve) => taken.close(resolve));
  const { fence, count } = countingFence();
  await drainTogether(servers(), call(fence));
  expect([count(), await admins()]).toEqual([1, ['drain', 'drain']]);
});
