import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { listFindings } from '../../db/findings.ts';
import { acquirePool } from '../../db/pools.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { withTargetFence } from '../../db/fence.ts';
import { listWantedTraffic } from '../../db/wanted-traffic.ts';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { startReassert } from '../../worker/reassert.ts';
import { ACTOR, end, inventoryOf, newId, openStore, requestOf, type Store } from '../db/samples.ts';
import { startApplication, type Application } from '../drivers/traffic/applications.ts';
import { startHaproxyWith, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { startUsers, type Users } from '../drivers/traffic/users.ts';
import { until } from '../support/until.ts';
import type { Inventory } from '../../domain/inventory.ts';
import type { HaproxySpec } from '../../domain/traffic-spec.ts';
import type { Loop } from '../../worker/dispatcher.ts';

const HOSTS = ['web-01', 'web-02', 'web-03', 'web-04'];
const DRAINED = 'web-02';
const USERS = 4;
const signal = new AbortController().signal;

let store: Store;
let applications: readonly Application[];
let haproxy: RealHaproxy;
let spec: HaproxySpec;
let users: Users;
let release: string;
let epoch: number;
const loops: Loop[] = [];

beforeAll(async () => {
  store = await openStore();
  applications = await Promise.all(HOSTS.map(startApplication));
  haproxy = await startHaproxyWith(({ socket, port }) => `
global
  stats socket ${socket} mode 600 level admin expose-fd listeners
  stats timeout 10s
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  option redispatch
  option httpclose
  retries 3
frontend users
  bind 127.0.0.1:${port}
  default_backend web
backend web
  option httpchk GET /health
  http-reuse never
  default-server check inter 100ms fall 2 rise 1
${applications.map((application) => `  server ${application.name} 127.0.0.1:${application.port}`).join('\n')}
backend secure
  option httpchk GET /health
  default-server check inter 100ms fall 2 rise 1
${applications.map((application) => `  server ${application.name} 127.0.0.1:${application.port}`).join('\n')}
`);
  spec = { driver: 'haproxy', socket: haproxy.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 };
});
afterAll(async () => {
  await haproxy?.stop();
  await Promise.all((applications ?? []).map((application) => application.stop()));
  await store?.close();
});

const DRAIN_WISH = { pool: 'web-prod', server: DRAINED, wanted: { admin: 'drain', weight: null } } as const;

/** A release that owns the pool and has taken one host out of traffic, as its drain step does. */
beforeEach(async () => {
  const { db } = store;
  release = newId();
  const inventory: Inventory = { ...inventoryOf('web-prod', HOSTS), pool: { ...inventoryOf('web-prod', HOSTS).pool, traffic: spec }, members: [{ name: 'secure', hosts: HOSTS, minInServicePercent: 50, traffic: { ...spec, backend: 'secure' } }] };
  await createReleaseRequest(db, { id: release, request: requestOf(release, { hosts: HOSTS }), inventory, actor: ACTOR });
  await openRelease(db, { release });
  const acquired = await acquirePool(db, { release, opId: 'acquire', actor: ACTOR });
  if (acquired.type !== 'pool-acquired') throw new Error(`no pool: ${acquired.type}`);
  ({ epoch } = acquired.data);
  await withTargetFence(db, { release, host: DRAINED, epoch }, async () => createTraffic(spec).drain(DRAINED, { signal, fence: (write) => write(), timeoutMs: 5_000 }), [DRAIN_WISH]);
  users = startUsers(haproxy.port, USERS);
});
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop.stop();
  await users.stop();
  await end(store.db, release);
  await haproxy.say(`set server web/${DRAINED} state ready`);
});

function watch(): Loop {
  const loop = startReassert({ db: store.db, log: pino({ level: 'silent' }) });
  loops.push(loop);
  return loop;
}

async function adminState(backend = 'web'): Promise<string | undefined> {
  return (await createTraffic({ ...spec, backend }).observe([DRAINED], signal))[0]?.admin;
}

/** Milliseconds from now until the server shows `drain`. */
async function drainedAgainAfterMs(): Promise<number> {
  const startedMs = performance.now();
  await until('the drain is back', async () => (await adminState()) === 'drain', 10_000);
  return performance.now() - startedMs;
}

const findings = async () => (await listFindings(store.db)).filter(({ kind }) => kind === 'foreign-traffic-change');

/** The wish was seen by the process that answers now: from here on a difference is somebody else's doing. */
async function told(): Promise<void> {
  const [first] = await listWantedTraffic(store.db);
  await until('the wish is confirmed', async () => (await listWantedTraffic(store.db))[0]?.at !== first?.at, 15_000);
}

test('a drain lost by a reload is back within 2 s, time after time, and no request fails', async () => {
  watch();
  for (let reload = 0; reload < 4; reload++) {
    await haproxy.reload();
    expect(await drainedAgainAfterMs()).toBeLessThan(2_000);
  }
  await told();
  expect(await adminState()).toBe('drain');
  await users.stop();
  expect(users.failures).toEqual([]);
  expect(users.answered).toBeGreaterThan(1000);
  expect(await findings()).toEqual([]);
});

test('a host that a release took out at two entries is taken out again at both after a reload, and its wish at one is not held against the other', async () => {
  const secure = createTraffic({ ...spec, backend: 'secure' });
  await withTargetFence(store.db, { release, host: DRAINED, epoch }, async () => secure.drain(DRAINED, { signal, fence: (write) => write(), timeoutMs: 5_000 }), [{ ...DRAIN_WISH, pool: 'secure' }]);
  await haproxy.reload();
  watch();
  await until('the drains are back', async () => (await adminState()) === 'drain' && (await adminState('secure')) === 'drain', 10_000);
  await withTargetFence(store.db, { release, host: DRAINED, epoch, into: 'secure' }, async () => secure.assert(DRAINED, { admin: 'ready', weight: null }, { signal, fence: (write) => write() }), [{ ...DRAIN_WISH, pool: 'secure', wanted: { admin: 'ready', weight: null } }]);
  await haproxy.reload();
  await until('the drain is back', async () => (await adminState()) === 'drain', 10_000);
  await told();
  expect([await adminState(), await adminState('secure')]).toEqual(['drain', 'ready']);
  expect(await findings()).toEqual([]);
});

test('a worker that begins after the reload, and never saw the balancer before, puts the drain back too', async () => {
  await haproxy.reload();
  expect(await adminState()).toBe('ready');
  watch();
  expect(await drainedAgainAfterMs()).toBeLessThan(2_000);
});

test('a server that somebody else sets to ready is left so and becomes a finding, which goes when the server is drained again or the release ends', async () => {
  await haproxy.reload();
  watch();
  await drainedAgainAfterMs();
  await told();
  const foreign = async (): Promise<void> => {
    await haproxy.say(`set server web/${DRAINED} state ready`);
    await until('the finding', async () => (await findings()).length === 1, 15_000);
  };
  await foreign();
  expect(await findings()).toMatchObject([{ id: `traffic/${release}/${DRAINED}/web-prod`, subject: DRAINED }]);
  expect((await findings())[0]?.sentence).toContain(release);
  expect(await adminState()).toBe('ready');
  await haproxy.say(`set server web/${DRAINED} state drain`);
  await until('the finding is gone', async () => (await findings()).length === 0);
  await foreign();
  await end(store.db, release);
  await until('the finding of the ended release is gone', async () => (await findings()).length === 0);
});

test('a wish is not held against the balancer before it is 3 s old', async () => {
  await haproxy.reload();
  watch();
  await drainedAgainAfterMs();
  await told();
  await withTargetFence(store.db, { release, host: DRAINED, epoch }, async () => undefined, [DRAIN_WISH]);
  await haproxy.say(`set server web/${DRAINED} state ready`);
  const [wish] = await listWantedTraffic(store.db);
  const [finding] = await until('the finding', async () => {
    const found = await findings();
    return found.length > 0 && found;
  }, 15_000);
  expect(Date.parse(finding?.openedAt ?? '') - Date.parse(wish?.at ?? '')).toBeGreaterThanOrEqual(3_000);
});
