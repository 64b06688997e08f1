/** Two pools behind one backend that share a host, released as one by the whole system under live traffic; who serves is sampled at the balancer. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { APPLICATION, POOL, askHosts } from '../../examples/demo/fleet.ts';
import { BACKEND } from '../../examples/demo/haproxy.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { createHaproxy } from '../../drivers/traffic/haproxy.ts';
import { createRuntimeApi } from '../../drivers/traffic/runtime-api.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const RELEASE_TIMEOUT_MS = 120_000;
const SAMPLE_MS = 10;
/** Holds after its bastion until somebody promotes it. */
const HELD = { kind: 'Strategy', name: 'held', bastion: { hosts: ['demo-01'], bakeSeconds: 0, promote: 'manual' }, batches: { percent: [25], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };
/** Floors of 66 %: 4 of 5 and 3 of 4. */
const MEMBERS = [{ name: 'west', hosts: ['demo-01', 'demo-02', 'demo-03', 'demo-04', 'demo-05'], floor: 4 }, { name: 'east', hosts: ['demo-05', 'demo-06', 'demo-07', 'demo-08'], floor: 3 }] as const;

let stack: WholeStack;
beforeAll(async () => {
  stack = await openWholeStack();
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) await stack.publish(version);
  const whole = await stack.api.get<object>(`/v1/pools/${POOL}`);
  const joined = { kind: 'Pool', name: POOL, joins: MEMBERS.map(({ name }) => name), strategy: 'demo' };
  await stack.api.post('/v1/apply', { documents: [HELD, joined, ...MEMBERS.map(({ name, hosts }) => ({ ...whole, name, hosts }))] });
  await ended(await stack.release('1.0.0'));
}, 120_000);
const looking: { readonly stop: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of looking.splice(0)) await one.stop();
});
afterAll(() => stack?.end(), 60_000);

const read = (id: string): Promise<ReleaseView> => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
const byHand = (host: string, state: 'ready' | 'maint'): Promise<void> =>
  createRuntimeApi({ path: stack.socket }, 5_000).write(`set server ${BACKEND}/${host} state ${state}`, (write) => write(), AbortSignal.timeout(10_000));

async function ended(id: string): Promise<ReleaseView> {
  await until(`the end of release ${id}`, async () => (await read(id)).finishedAt !== null, RELEASE_TIMEOUT_MS);
  const release = await read(id);
  expect(release).toMatchObject({ status: 'succeeded', debt: [] });
  return release;
}

/** Looks at the balancer until it is stopped; answers the fewest that ever served of each member, and how often it looked. */
function sampler(): { readonly stop: () => Promise<{ readonly lowest: readonly number[]; readonly looks: number }> } {
  const balancer = createHaproxy({ driver: 'haproxy', socket: stack.socket, address: null, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 10 });
  const names = stack.fleet.hosts.map(({ name }) => name);
  const lowest: number[] = MEMBERS.map(({ hosts }) => hosts.length);
  let looks = 0;
  let stopped = false;
  const sampled = (async () => {
    while (!stopped) {
      const states = await balancer.observe(names, AbortSignal.timeout(10_000));
      const serving = new Set(names.filter((_, index) => states[index]?.inService === true));
      MEMBERS.forEach(({ hosts }, index) => (lowest[index] = Math.min(lowest[index] ?? 0, hosts.filter((host) => serving.has(host)).length)));
      looks += 1;
      await delay(SAMPLE_MS);
    }
  })();
  const own = {
    stop: async () => {
      stopped = true;
      await sampled;
      return { lowest, looks };
    },
  };
  looking.push(own);
  return own;
}

test('a release of both brings the version to every host; no request fails, and at no moment is either pool below its floor', { timeout: 240_000 }, async () => {
  const traffic = new Traffic({ url: stack.url, perSecond: 50 });
  const samples = sampler();
  const release = await ended(await stack.release('2.0.0'));
  const { lowest, looks } = await samples.stop();
  const { total, failed, failures } = await traffic.stop();
  expect(Object.values(await askHosts(stack.fleet)).map((answer) => answer?.version)).toEqual(stack.fleet.hosts.map(() => '2.0.0'));
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(total).toBeGreaterThan(50);
  expect(looks).toBeGreaterThan(50);
  expect(lowest).toEqual(MEMBERS.map(({ floor }) => floor));
  // In fewer batches than hosts: the pools gave one each.
  expect(release.batches.length).toBeLessThan(stack.fleet.hosts.length);
});

test('a host of one pool that somebody takes out by hand makes the next drain of that pool wait, by the name of the pool; it goes on when the host is back', { timeout: 240_000 }, async () => {
  const { plan } = await stack.api.post<{ plan: { batches: readonly { hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes: [{ application: APPLICATION, version: '3.0.0' }], strategy: 'held' });
  const taken = plan.batches.flatMap(({ hosts }) => hosts).findLast((host) => ['demo-06', 'demo-07', 'demo-08'].includes(host)) ?? '';
  const samples = sampler();
  const id = await stack.release('3.0.0', 'held');
  await until('the bastion waits for somebody', async () => (await read(id)).waiting?.for === 'promote', RELEASE_TIMEOUT_MS);
  await byHand(taken, 'maint');
  await stack.api.post(`/v1/releases/${id}/commands`, { type: 'promote', reason: 'go on' });
  await until('the release waits for capacity', async () => (await read(id)).waiting?.for === 'dependency', RELEASE_TIMEOUT_MS);
  expect((await read(id)).waiting?.sentence).toMatch(/taking demo-0\d out would leave 2 of 4 hosts of pool east in service, the floor is 3/);
  await byHand(taken, 'ready');
  await ended(id);
  expect((await samples.stop()).lowest).toEqual(MEMBERS.map(({ floor }) => floor));
});
