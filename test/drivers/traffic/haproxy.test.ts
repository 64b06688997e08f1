import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import type { Traffic } from '../../../drivers/traffic/port.ts';
import type { HaproxySpec } from '../../../domain/traffic-spec.ts';
import { startApplication, type Application } from './applications.ts';
import { call, countingFence, READY, trafficConformance, weightConformance } from './conformance.ts';
import { startHaproxy, type RealHaproxy } from './real-haproxy.ts';
import { until } from '../../support/until.ts';
import { ask, startUsers } from './users.ts';

const SPEC: HaproxySpec = { driver: 'haproxy', socket: null, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 };
const { signal } = call();

interface Fleet {
  readonly applications: readonly Application[];
  readonly haproxy: RealHaproxy;
  stop(): Promise<void>;
}

async function startFleet(count: number): Promise<Fleet> {
  const applications = await Promise.all(Array.from({ length: count }, (_, index) => startApplication(`web-0${index + 1}`)));
  const haproxy = await startHaproxy(applications);
  const stop = async (): Promise<void> => {
    await haproxy.stop();
    await Promise.all(applications.map((application) => application.stop()));
  };
  const traffic = createTraffic({ ...SPEC, socket: haproxy.socket });
  await until('every server passed its first check', async () => {
    const states = await traffic.observe(applications.map(({ name }) => name), signal);
    return states.every(({ operational }) => operational === 'up');
  });
  return { applications, haproxy, stop };
}

for (const way of ['socket', 'address'] as const) {
  const title = `haproxy over its ${way === 'socket' ? 'unix socket' : 'TCP address'}`;
  const startTwo = async () => {
    const fleet = await startFleet(2);
    return { traffic: createTraffic({ ...SPEC, [way]: fleet.haproxy[way] }), servers: fleet.applications.map(({ name }) => name), stop: fleet.stop };
  };
  trafficConformance(title, true, startTwo);
  weightConformance(title, startTwo);
}

async function restart(traffic: Traffic, application: Application): Promise<void> {
  const { name } = application;
  const drained = await traffic.drain(name, { ...call(), timeoutMs: 5_000 });
  expect(drained).toMatchObject({ admin: 'drain', connections: 0, inService: false });
  const served = application.served;
  await application.stop();
  await until('the balancer noticed that it is gone', async () => (await traffic.observe([name], signal))[0]?.operational === 'down');
  expect(application.served).toBe(served);
  await application.start();
  const admitted = await traffic.admit(name, READY, { ...call(), timeoutMs: 10_000 });
  expect(admitted).toMatchObject({ admin: 'ready', operational: 'up', inService: true });
  await until('it serves again', () => application.served > served);
}

describe('haproxy with users on it', () => {
  let fleet: Fleet;
  let traffic: Traffic;
  beforeAll(async () => {
    fleet = await startFleet(4);
    traffic = createTraffic({ ...SPEC, socket: fleet.haproxy.socket });
  });
  afterAll(() => fleet?.stop());

  test('a whole fleet is drained, killed, started and admitted one by one, and no request fails', async () => {
    const users = startUsers(fleet.haproxy.port, 8);
    try {
      await until('users are served', () => users.answered > 50);
      for (const application of fleet.applications) await restart(traffic, application);
    } finally {
      await users.stop();
    }
    expect(users.failures).toEqual([]);
    expect(users.answered).toBeGreaterThan(200);
  });

  test('drain waits for the request in hand, tells of it while waiting, and ends with it', async () => {
    const [application] = fleet.applications;
    const { name } = application ?? { name: '' };
    const others = fleet.applications.slice(1);
    for (const other of others) await traffic.drain(other.name, { ...call(), timeoutMs: 5_000 });
    const held = ask(undefined, fleet.haproxy.port, '/held');
    await until('the request reached the application', () => application?.held === 1);
    for (const other of others) await traffic.admit(other.name, READY, { ...call(), timeoutMs: 5_000 });
    const seen: number[] = [];
    const draining = traffic.drain(name, { ...call(), timeoutMs: 10_000, onProgress: ({ connections }) => seen.push(connections) });
    await until('progress was told three times', () => seen.length >= 3);
    application?.release();
    expect(await draining).toMatchObject({ admin: 'drain', connections: 0 });
    expect(seen.slice(0, 3)).toEqual([1, 1, 1]);
    expect(await held).toBeNull();
    await traffic.admit(name, READY, { ...call(), timeoutMs: 5_000 });
  });

  test('drain that meets its timeout says how many connections are left and stays drained', async () => {
    const [application] = fleet.applications;
    const { name } = application ?? { name: '' };
    for (const other of fleet.applications.slice(1)) await traffic.drain(other.name, { ...call(), timeoutMs: 5_000 });
    const held = ask(undefined, fleet.haproxy.port, '/held');
    await until('the request came in', () => application?.held === 1);
    expect(await traffic.drain(name, { ...call(), timeoutMs: 100 })).toMatchObject({ admin: 'drain', connections: 1, inService: false });
    application?.release();
    expect(await held).toBeNull();
    for (const { name: each } of fleet.applications) await traffic.admit(each, READY, { ...call(), timeoutMs: 5_000 });
  });

  test('a drain that is lost while it waits is written again', async () => {
    const [application] = fleet.applications;
    const { name } = application ?? { name: '' };
    for (const other of fleet.applications.slice(1)) await traffic.drain(other.name, { ...call(), timeoutMs: 5_000 });
    const held = ask(undefined, fleet.haproxy.port, '/held');
    await until('the request is in hand', () => application?.held === 1);
    const writes = countingFence();
    const seen: string[] = [];
    const draining = traffic.drain(name, { ...call(writes.fence), timeoutMs: 10_000, onProgress: ({ admin }) => seen.push(admin) });
    await until('it is drained', () => seen.includes('drain'));
    await fleet.haproxy.say(`set server web/${name} state ready`);
    await until('it was written again', () => writes.count() === 2);
    application?.release();
    expect(await draining).toMatchObject({ admin: 'drain', connections: 0 });
    await held;
    for (const { name: each } of fleet.applications) await traffic.admit(each, READY, { ...call(), timeoutMs: 5_000 });
  });

  test('a reload loses the drain, shows in the identity, and assert puts the drain back', async () => {
    const name = fleet.applications[2]?.name ?? '';
    await traffic.drain(name, { ...call(), timeoutMs: 5_000 });
    const before = await traffic.identity(signal);
    await fleet.haproxy.reload();
    expect((await traffic.observe([name], signal))[0]?.admin).toBe('ready');
    expect((await traffic.identity(signal))?.pid).not.toBe(before?.pid);
    const writes = countingFence();
    expect(await traffic.assert(name, { admin: 'drain', weight: null }, call(writes.fence))).toMatchObject({ admin: 'drain', inService: false });
    expect(writes.count()).toBe(1);
    await traffic.admit(name, READY, { ...call(), timeoutMs: 5_000 });
  });
});
