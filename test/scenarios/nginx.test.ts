/** Pools behind a real nginx, over real processes and under traffic: alone, and with hosts that stand behind HAProxy as well. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { APPLICATION, POOL, askHosts } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { startNginx, type RealNginx } from '../drivers/traffic/real-nginx.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { HaproxySpec, TrafficSpec } from '../../domain/traffic-spec.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const RELEASE_TIMEOUT_MS = 150_000;
const SAMPLE_MS = 20;

let stack: WholeStack;
let nginx: RealNginx;
let names: readonly string[];
/** where users ask, and who is asked how the hosts stand there */
let entries: readonly { readonly url: string; readonly traffic: TrafficSpec }[];
beforeAll(async () => {
  stack = await openWholeStack();
  names = stack.fleet.hosts.map(({ name }) => name);
  nginx = await startNginx(stack.fleet.hosts);
  const haproxy: HaproxySpec = { driver: 'haproxy', socket: stack.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 10 };
  entries = [{ url: `http://127.0.0.1:${nginx.port}`, traffic: nginx.spec }, { url: stack.url, traffic: haproxy }];
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) await stack.publish(version);
  await stack.publish('2.1.0', 'never-answer');
  await put(POOL, nginx.spec);
  expect(await ended(await stack.release('1.0.0'))).toMatchObject({ status: 'succeeded', debt: [] });
}, 180_000);
const running: { readonly stop: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
afterAll(async () => {
  await nginx?.stop();
  await stack?.end();
}, 60_000);

async function put(name: string, traffic: TrafficSpec): Promise<void> {
  const whole = await stack.api.get<object>(`/v1/pools/${POOL}`);
  await stack.api.post('/v1/apply', { documents: [{ ...whole, kind: 'Pool', name, traffic }] });
}

async function ended(id: string): Promise<ReleaseView> {
  const read = (): Promise<ReleaseView> => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
  await until(`the end of release ${id}`, async () => (await read()).finishedAt !== null, RELEASE_TIMEOUT_MS);
  return read();
}

/** Users of these entries, and a look at each all the while: who was failed, and the fewest that ever served at each. */
function underTraffic(at: typeof entries) {
  const users = at.map(({ url }) => new Traffic({ url, perSecond: 100 }));
  const lowest = at.map(() => names.length);
  let looks = 0;
  let stopped = false;
  const sampled = (async () => {
    while (!stopped) {
      const seen = await Promise.all(at.map(({ traffic }) => createTraffic(traffic).observe(names, AbortSignal.timeout(10_000))));
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

const versions = async (): Promise<ReadonlySet<string | undefined>> => new Set(Object.values(await askHosts(stack.fleet)).map((answer) => answer?.version));
/** 66 % of the hosts, rounded up. */
const floor = () => Math.min(Math.ceil(names.length * 0.66), names.length - 1);

test('a release behind nginx fails no request of a hundred a second, and never leaves fewer hosts in service than the floor', { timeout: 240_000 }, async () => {
  const traffic = underTraffic(entries.slice(0, 1));
  expect(await ended(await stack.release('2.0.0'))).toMatchObject({ status: 'succeeded', debt: [] });
  const { failures, total, lowest, looks } = await traffic.stop();
  expect([failures, await versions()]).toEqual([[], new Set(['2.0.0'])]);
  expect(Math.min(total, looks)).toBeGreaterThan(50);
  expect(lowest[0]).toBeGreaterThanOrEqual(floor());
  expect(lowest[0]).toBeLessThan(names.length);
});

test('a bad build behind nginx is rolled back, and no user notices', { timeout: 240_000 }, async () => {
  const traffic = underTraffic(entries.slice(0, 1));
  expect(await ended(await stack.release('2.1.0'))).toMatchObject({ status: 'rolled-back' });
  const { failures, lowest } = await traffic.stop();
  expect([failures, await versions()]).toEqual([[], new Set(['2.0.0'])]);
  expect(lowest[0]).toBeGreaterThanOrEqual(floor());
  expect((await createTraffic(nginx.spec).observe(names, AbortSignal.timeout(10_000))).every(({ inService }) => inService)).toBe(true);
});

test('hosts behind nginx and HAProxy at once are taken out at both: no request fails at either', { timeout: 300_000 }, async () => {
  await put('web-open', entries[1]!.traffic);
  const traffic = underTraffic(entries);
  expect(await ended(await stack.release('3.0.0'))).toMatchObject({ status: 'succeeded', debt: [], changes: [{ application: APPLICATION, to: '3.0.0' }] });
  const { failures, total, lowest } = await traffic.stop();
  expect([failures, await versions()]).toEqual([[], new Set(['3.0.0'])]);
  expect(total).toBeGreaterThan(50);
  for (const one of lowest) {
    expect(one).toBeGreaterThanOrEqual(floor());
    expect(one).toBeLessThan(names.length);
  }
});
