/** Two pools with two hosts in common, each behind a backend of its own of one HAProxy, over the same real processes and under traffic to both. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { APPLICATION, POOL, askHosts } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { createHaproxy } from '../../drivers/traffic/haproxy.ts';
import { freePorts } from '../../stack/ports.ts';
import { startHaproxyWith, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { HaproxySpec } from '../../domain/traffic-spec.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const RELEASE_TIMEOUT_MS = 120_000;
const SAMPLE_MS = 10;
const SHARED = ['demo-04', 'demo-05'];
/** Floors of 66 %: 4 of 5. */
const FLOOR = 4;
const POOLS = [{ name: 'west', backend: 'open', hosts: ['demo-01', 'demo-02', 'demo-03', ...SHARED] }, { name: 'east', backend: 'secure', hosts: [...SHARED, 'demo-06', 'demo-07', 'demo-08'] }] as const;
/** Its bastion is a host of both. */
const STRATEGY = { kind: 'Strategy', name: 'shared-first', bastion: { hosts: ['demo-04'], bakeSeconds: 0, promote: 'auto' }, batches: { percent: [25], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };

let stack: WholeStack;
let haproxy: RealHaproxy;
const ports: number[] = [];
beforeAll(async () => {
  stack = await openWholeStack();
  ports.push(...(await freePorts(2)));
  haproxy = await startHaproxyWith(configuration);
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) await stack.publish(version);
  await stack.publish('2.1.0', 'never-answer');
  const whole = await stack.api.get<object>(`/v1/pools/${POOL}`);
  const pools = POOLS.map(({ name, backend, hosts }) => ({ ...whole, name, hosts, traffic: entryOf(backend) }));
  await stack.api.post('/v1/apply', { documents: [STRATEGY, ...pools, { kind: 'Pool', name: POOL, joins: POOLS.map(({ name }) => name), strategy: 'demo' }] });
  expect(await ended(await stack.release('1.0.0'))).toMatchObject({ status: 'succeeded', debt: [] });
}, 120_000);
const running: { readonly stop: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
afterAll(async () => {
  await haproxy?.stop();
  await stack?.end();
}, 60_000);

function entryOf(backend: string): HaproxySpec {
  return { driver: 'haproxy', socket: haproxy.socket, address: null, backend, server: '${host.name}', drainTimeoutSeconds: 10 };
}

function configuration({ socket }: { readonly socket: string }): string {
  const entries = POOLS.map(({ backend, hosts }, index) => `
frontend users-${backend}
  bind 127.0.0.1:${ports[index]}
  default_backend ${backend}
backend ${backend}
  option httpchk GET /health
  http-check expect status 200
  default-server check inter 250ms fall 2 rise 1
${stack.fleet.hosts.filter(({ name }) => hosts.some((host) => host === name)).map(({ name, address, port }) => `  server ${name} ${address}:${port}`).join('\n')}`);
  return `
global
  stats socket ${socket} mode 600 level admin
  stats timeout 10s
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 1s
  retries 3
  option redispatch 1
  http-reuse never
${entries.join('\n')}
`;
}

async function ended(id: string): Promise<ReleaseView> {
  const read = (): Promise<ReleaseView> => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
  await until(`the end of release ${id}`, async () => (await read()).finishedAt !== null, RELEASE_TIMEOUT_MS);
  return read();
}

/** Users of both entries and a look at both backends all the while; answers who was failed, and the fewest that ever served of each pool. */
function underTraffic(): { readonly stop: () => Promise<{ readonly failures: readonly string[]; readonly total: number; readonly lowest: readonly number[]; readonly looks: number }> } {
  const users = ports.map((port) => new Traffic({ url: `http://127.0.0.1:${port}`, perSecond: 50 }));
  const balancers = POOLS.map(({ backend }) => createHaproxy(entryOf(backend)));
  const lowest: number[] = POOLS.map(({ hosts }) => hosts.length);
  let looks = 0;
  let stopped = false;
  const sampled = (async () => {
    while (!stopped) {
      const seen = await Promise.all(balancers.map((balancer, index) => balancer.observe(POOLS[index]?.hosts ?? [], AbortSignal.timeout(10_000))));
      seen.forEach((states, index) => (lowest[index] = Math.min(lowest[index] ?? 0, states.filter(({ inService }) => inService).length)));
      looks += 1;
      await delay(SAMPLE_MS);
    }
  })();
  const own = {
    stop: async () => {
      stopped = true;
      await sampled;
      const counts = await Promise.all(users.map((user) => user.stop()));
      return { failures: counts.flatMap(({ failures }) => failures), total: Math.min(...counts.map(({ total }) => total)), lowest, looks };
    },
  };
  running.push(own);
  return own;
}

const versions = async (): Promise<Readonly<Record<string, string | undefined>>> => Object.fromEntries(Object.entries(await askHosts(stack.fleet)).map(([host, answer]) => [host, answer?.version]));
const all = (version: (host: string) => string) => Object.fromEntries(stack.fleet.hosts.map(({ name }) => [name, version(name)]));

test('a release of one pool takes its hosts out at the other entry, too: no request fails at either, and neither pool falls below its floor', { timeout: 240_000 }, async () => {
  const traffic = underTraffic();
  const { id } = await stack.api.post<{ id: string }>('/v1/releases', { pool: 'west', changes: [{ application: APPLICATION, version: '2.0.0' }], reason: 'scenario' }, 'west-2.0.0');
  expect(await ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
  const { failures, total, lowest, looks } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(Math.min(total, looks)).toBeGreaterThan(50);
  expect(lowest).toEqual([FLOOR, FLOOR]);
  expect(await versions()).toEqual(all((host) => (POOLS[0].hosts.some((one) => one === host) ? '2.0.0' : '1.0.0')));
});

test('a bad build on a host of both is rolled back: the host serves again at both entries, and no user of either notices', { timeout: 240_000 }, async () => {
  const before = await versions();
  const traffic = underTraffic();
  expect(await ended(await stack.release('2.1.0', 'shared-first'))).toMatchObject({ status: 'rolled-back' });
  const { failures, lowest } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(lowest).toEqual([FLOOR, FLOOR]);
  expect(await versions()).toEqual(before);
  for (const { backend, hosts } of POOLS) expect((await createHaproxy(entryOf(backend)).observe(hosts, AbortSignal.timeout(10_000))).every(({ inService }) => inService)).toBe(true);
});

test('a release of both as one brings every host to the version, with no failed request and no pool below its floor at any moment', { timeout: 240_000 }, async () => {
  const traffic = underTraffic();
  const release = await ended(await stack.release('3.0.0'));
  expect(release).toMatchObject({ status: 'succeeded', debt: [] });
  const { failures, lowest, looks } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(looks).toBeGreaterThan(50);
  expect(lowest).toEqual([FLOOR, FLOOR]);
  expect(await versions()).toEqual(all(() => '3.0.0'));
  // In fewer batches than hosts: each pool gave one.
  expect(release.batches.length).toBeLessThan(stack.fleet.hosts.length);
});
