import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HaproxySpec } from '../../../domain/traffic-spec.ts';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import { AdmitNotConfirmed, type Traffic } from '../../../drivers/traffic/port.ts';
import { startApplication, type Application } from './applications.ts';
import { call, READY } from './conformance.ts';
import { startFaultyLine, type FaultyLine } from './faulty-line.ts';
import { startHaproxy, type RealHaproxy } from './real-haproxy.ts';
import { until } from '../../support/until.ts';

const { signal } = call();
let application: Application;
let haproxy: RealHaproxy;
let line: FaultyLine;
let traffic: Traffic;

beforeAll(async () => {
  application = await startApplication('web-01');
  const { port } = application;
  haproxy = await startHaproxy([
    { name: 'web-01', port, options: 'check weight 100' },
    { name: 'web-off', port, options: 'check disabled' },
    { name: 'web-strict', port, options: 'check fall 1' },
  ]);
  line = await startFaultyLine(haproxy.address);
  const spec: HaproxySpec = { driver: 'haproxy', socket: null, address: line.address, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 };
  traffic = createTraffic(spec);
  await up('web-01');
  await up('web-strict');
});
afterAll(async () => {
  await haproxy?.stop();
  await line?.stop();
  await application?.stop();
});

const within = (timeoutMs: number) => ({ ...call(), timeoutMs });
const one = async (server: string) => (await traffic.observe([server], signal))[0];
const up = (server: string) => until(`${server} is up`, async () => (await one(server))?.operational === 'up');
const down = (server: string) => until(`${server} is down`, async () => (await one(server))?.operational === 'down');
const writesTo = (server: string, from: number) => line.sent.slice(from).filter((sent) => sent.startsWith(`set server web/${server} `)).map((sent) => sent.split(' ').slice(3).join(' '));

test('admit over a dead application is not confirmed, says what the check said, and leaves the server drained', async () => {
  await traffic.drain('web-01', within(5_000));
  await application.stop();
  await down('web-01');
  const refused = await traffic.admit('web-01', READY, within(300)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AdmitNotConfirmed);
  expect(refused).toMatchObject({ observed: { admin: 'drain', operational: 'down', inService: false } });
  expect((refused as Error).message).toContain("the balancer's own check says down");
  await application.start();
  expect(await traffic.admit('web-01', READY, within(5_000))).toMatchObject({ admin: 'ready', operational: 'up' });
});

for (const server of ['web-01', 'web-strict']) {
  test(`${server} leaves maintenance through drain and fresh checks, never for ready directly`, async () => {
    await haproxy.say(`set server web/${server} state maint`);
    const from = line.sent.length;
    expect(await traffic.admit(server, READY, within(5_000))).toMatchObject({ admin: 'ready', operational: 'up', inService: true });
    expect(writesTo(server, from)).toEqual(['state drain', 'health down', 'state ready']);
  });

  test(`${server} in maintenance over an application that died meanwhile is never made ready`, async () => {
    await haproxy.say(`set server web/${server} state maint`);
    await application.stop();
    const from = line.sent.length;
    await expect(traffic.admit(server, READY, within(400))).rejects.toBeInstanceOf(AdmitNotConfirmed);
    expect(writesTo(server, from)).not.toContain('state ready');
    await application.start();
    await traffic.admit(server, READY, within(5_000));
  });
}

test('a drained server that just left maintenance is not made ready before its next check passed', async () => {
  await haproxy.say('set server web/web-01 state maint');
  await application.stop();
  await haproxy.say('set server web/web-01 state drain');
  const from = line.sent.length;
  await expect(traffic.admit('web-01', READY, within(400))).rejects.toBeInstanceOf(AdmitNotConfirmed);
  expect(writesTo('web-01', from)).toEqual([]);
  await application.start();
  await traffic.admit('web-01', READY, within(5_000));
});

test('assert moves a server out of maintenance one safe stage at a time', async () => {
  await haproxy.say('set server web/web-01 state maint');
  expect(await traffic.assert('web-01', READY, call())).toMatchObject({ admin: 'drain', inService: false });
  await up('web-01');
  expect(await traffic.assert('web-01', READY, call())).toMatchObject({ admin: 'ready', inService: true });
});

test('a server that somebody else had drained stays drained after admit', async () => {
  await haproxy.say('set server web/web-01 state drain');
  expect(await traffic.drain('web-01', within(5_000))).toMatchObject({ admin: 'drain' });
  expect(await traffic.admit('web-01', { admin: 'drain', weight: 100 }, within(5_000))).toMatchObject({ admin: 'drain', inService: false });
  expect(await traffic.admit('web-01', READY, within(5_000))).toMatchObject({ inService: true });
});

test('drain leaves a server in maintenance as it is, and admit of that pre-image too', async () => {
  await haproxy.say('set server web/web-01 state maint');
  const from = line.sent.length;
  expect(await traffic.drain('web-01', within(5_000))).toMatchObject({ admin: 'maint', connections: 0, inService: false });
  expect(await traffic.admit('web-01', { admin: 'maint', weight: null }, within(5_000))).toMatchObject({ admin: 'maint' });
  expect(writesTo('web-01', from)).toEqual([]);
  await traffic.admit('web-01', READY, within(5_000));
});

test('admit brings back the weight of the pre-image before it makes the server ready', async () => {
  await haproxy.say('set server web/web-01 weight 5');
  await traffic.drain('web-01', within(5_000));
  const from = line.sent.length;
  expect(await traffic.admit('web-01', { admin: 'ready', weight: 100 }, within(5_000))).toMatchObject({ weight: 100, inService: true });
  expect(writesTo('web-01', from)).toEqual(['weight 100', 'state ready']);
});

test('a pre-image of weight 0 is reached without waiting for the check, for it takes no requests', async () => {
  await traffic.drain('web-01', within(5_000));
  await application.stop();
  await down('web-01');
  expect(await traffic.admit('web-01', { admin: 'ready', weight: 0 }, within(2_000))).toMatchObject({ admin: 'ready', weight: 0, inService: false });
  await application.start();
  await up('web-01');
  await traffic.admit('web-01', { admin: 'ready', weight: 100 }, within(5_000));
});

test('a server disabled in the configuration file counts as ready once somebody enabled it', async () => {
  expect(await one('web-off')).toMatchObject({ admin: 'maint', inService: false });
  expect(await traffic.admit('web-off', READY, within(5_000))).toMatchObject({ admin: 'ready', inService: true });
});

test('a server that HAProxy has not checked yet is not called up, although it gets requests', async () => {
  // First checks are spread over the interval: the second server waits half of it.
  const seldom = await startHaproxy(['web-01', 'web-02'].map((name) => ({ name, port: application.port, options: 'check inter 60s' })));
  try {
    const fresh = createTraffic({ driver: 'haproxy', socket: seldom.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 });
    expect(await fresh.observe(['web-02'], signal)).toMatchObject([{ admin: 'ready', operational: 'unknown', inService: true }]);
    await expect(fresh.admit('web-02', READY, within(50))).rejects.toThrow(AdmitNotConfirmed);
  } finally {
    await seldom.stop();
  }
});
