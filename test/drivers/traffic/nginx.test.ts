import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import type { Traffic } from '../../../drivers/traffic/port.ts';
import { until } from '../../support/until.ts';
import { startApplication, type Application } from './applications.ts';
import { call, countingFence, READY, trafficConformance, weightConformance } from './conformance.ts';
import { startNginx, type RealNginx } from './real-nginx.ts';
import { ask, startUsers } from './users.ts';

const { signal } = call();
const within = (timeoutMs: number) => ({ ...call(), timeoutMs });

interface Fleet {
  readonly applications: readonly Application[];
  readonly nginx: RealNginx;
  readonly traffic: Traffic;
  stop(): Promise<void>;
}

async function startFleet(count: number): Promise<Fleet> {
  const applications = await Promise.all(Array.from({ length: count }, (_, index) => startApplication(`web-0${index + 1}`)));
  const nginx = await startNginx(applications);
  const stop = async (): Promise<void> => {
    await nginx.stop();
    await Promise.all(applications.map((application) => application.stop()));
  };
  return { applications, nginx, traffic: createTraffic(nginx.spec), stop };
}

async function startTwo() {
  const { traffic, applications, stop } = await startFleet(2);
  return { traffic, servers: applications.map(({ name }) => name), stop };
}

trafficConformance('nginx by its include file', true, startTwo);
weightConformance('nginx by its include file', startTwo);

async function restart(traffic: Traffic, application: Application): Promise<void> {
  const { name } = application;
  expect(await traffic.drain(name, within(5_000))).toMatchObject({ admin: 'drain', connections: 0, inService: false });
  const served = application.served;
  await application.stop();
  await application.start();
  expect(application.served).toBe(served);
  expect(await traffic.admit(name, READY, within(10_000))).toMatchObject({ admin: 'ready', inService: true });
  await until('it serves again', () => application.served > served);
}

describe('nginx with users on it', () => {
  let fleet: Fleet;
  let traffic: Traffic;
  let first: Application;
  beforeAll(async () => {
    fleet = await startFleet(4);
    ({ traffic } = fleet);
    first = fleet.applications[0]!;
  });
  afterAll(() => fleet?.stop());

  /** The next request goes to the first application. */
  const onlyFirst = async (): Promise<void> => {
    for (const { name } of fleet.applications.slice(1)) await traffic.drain(name, within(5_000));
  };
  const all = async (): Promise<void> => {
    for (const { name } of fleet.applications) await traffic.admit(name, READY, within(5_000));
  };

  test('a whole fleet is drained, killed, started and admitted one by one, three times over, and no request fails', async () => {
    const users = startUsers(fleet.nginx.port, 8, 'new');
    try {
      await until('users are served', () => users.answered > 50);
      for (let round = 0; round < 3; round += 1) for (const application of fleet.applications) await restart(traffic, application);
    } finally {
      await users.stop();
    }
    expect(users.failures).toEqual([]);
    expect(users.answered).toBeGreaterThan(200);
  });

  test('drain waits for the request that a worker from before still has in hand, tells of it while waiting, and ends with it', async () => {
    await onlyFirst();
    const held = ask(undefined, fleet.nginx.port, '/held');
    await until('the request reached the application', () => first.held === 1);
    await all();
    const seen: number[] = [];
    const draining = traffic.drain(first.name, { ...within(10_000), onProgress: ({ connections }) => seen.push(connections) });
    await until('progress was told three times', () => seen.length >= 3);
    first.release();
    expect(await draining).toMatchObject({ admin: 'drain', connections: 0 });
    expect(seen.slice(0, 3)).toEqual([1, 1, 1]);
    expect(await held).toBeNull();
    await all();
  });

  test('drain that meets its timeout says that a connection is left and stays drained', async () => {
    await onlyFirst();
    const held = ask(undefined, fleet.nginx.port, '/held');
    await until('the request came in', () => first.held === 1);
    await all();
    expect(await traffic.drain(first.name, within(100))).toMatchObject({ admin: 'drain', connections: 1, inService: false });
    first.release();
    expect(await held).toBeNull();
    await all();
  });

  test('a request that a worker from before is still reading may go to the drained server, so drain waits for it, too', async () => {
    await onlyFirst();
    const served = first.served;
    const socket = connect(fleet.nginx.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.write('POST /upload HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf ');
    // Answers by the same two workers, so that one of them has read the beginning by then.
    for (let count = 0; count < 20; count += 1) await ask(undefined, fleet.nginx.port, '/');
    const before = first.served;
    expect(before).toBe(served + 20);
    const seen: number[] = [];
    const draining = traffic.drain(first.name, { ...within(10_000), onProgress: ({ connections }) => seen.push(connections) });
    await until('progress was told three times', () => seen.length >= 3);
    expect(seen.slice(0, 3)).toEqual([1, 1, 1]);
    socket.write('done.');
    expect(await draining).toMatchObject({ connections: 0 });
    await until('the answer', () => answer.includes(first.name));
    expect([answer.split('\r\n')[0], first.served]).toEqual(['HTTP/1.1 200 OK', before + 1]);
    await all();
  });

  test('a drain that is lost while it waits is written again', async () => {
    await onlyFirst();
    const held = ask(undefined, fleet.nginx.port, '/held');
    await until('the request is in hand', () => first.held === 1);
    await all();
    const writes = countingFence();
    const seen: string[] = [];
    const draining = traffic.drain(first.name, { ...call(writes.fence), timeoutMs: 10_000, onProgress: ({ admin }) => seen.push(admin) });
    await until('it is drained', () => seen.includes('drain'));
    await traffic.assert(first.name, READY, call());
    await until('it was written again', () => writes.count() === 2);
    first.release();
    expect(await draining).toMatchObject({ admin: 'drain', connections: 0 });
    await held;
    await all();
  });

  test('a drain survives a reload by hand, and the identity is that of the master, which stays', async () => {
    await traffic.drain(first.name, within(5_000));
    const before = await traffic.identity(signal);
    expect(before?.pid).toBe(fleet.nginx.pid);
    fleet.nginx.reload();
    await until('workers are new', () => fleet.nginx.errorLog().split('reconfiguring').length > 2);
    expect((await traffic.observe([first.name], signal))[0]?.admin).toBe('drain');
    expect((await traffic.identity(signal))?.pid).toBe(before?.pid);
    await all();
  });

  test('admit brings back the weight of the pre-image, and a server that somebody else had drained stays drained', async () => {
    await traffic.admit(first.name, { admin: 'ready', weight: 7 }, within(5_000));
    expect(await traffic.drain(first.name, within(5_000))).toMatchObject({ admin: 'drain', weight: 7 });
    expect(await traffic.admit(first.name, { admin: 'drain', weight: 7 }, within(5_000))).toMatchObject({ admin: 'drain', inService: false });
    expect(await traffic.admit(first.name, { admin: 'ready', weight: 1 }, within(5_000))).toMatchObject({ admin: 'ready', weight: 1, inService: true });
  });
});
