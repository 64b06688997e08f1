import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HaproxySpec } from '../../../domain/traffic-spec.ts';
import { createHaproxy } from '../../../drivers/traffic/haproxy.ts';
import { BalancerDown, BalancerMisconfigured, type Traffic } from '../../../drivers/traffic/port.ts';
import { startApplication, type Application } from './applications.ts';
import { call, countingFence, READY } from './conformance.ts';
import { startFaultyLine, type FaultyLine } from './faulty-line.ts';
import { startHaproxy, type RealHaproxy } from './real-haproxy.ts';
import { until } from '../../support/until.ts';

const { signal } = call();
const spec = (change: Partial<HaproxySpec>): HaproxySpec => ({ driver: 'haproxy', socket: null, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30, ...change });
const within = (timeoutMs: number) => ({ ...call(), timeoutMs });

let application: Application;
let haproxy: RealHaproxy;
let line: FaultyLine;
let traffic: Traffic;

beforeAll(async () => {
  application = await startApplication('web-01');
  haproxy = await startHaproxy(
    [{ name: 'web-01', port: application.port }, { name: 'web-02', port: application.port }],
    `backend unchecked\n  server bare 127.0.0.1:${application.port}\nbackend static\n  balance source\n  server web-01 127.0.0.1:${application.port} check inter 100ms`,
  );
  line = await startFaultyLine(haproxy.address);
  traffic = createHaproxy(spec({ address: line.address }), 300);
  await until('both are up', async () => (await traffic.observe(['web-01', 'web-02'], signal)).every(({ operational }) => operational === 'up'));
});
afterAll(async () => {
  await haproxy?.stop();
  await line?.stop();
  await application?.stop();
});
beforeEach(async () => {
  line.fault = 'none';
  await traffic.admit('web-01', READY, within(5_000));
});

const adminOfOne = async () => (await createHaproxy(spec({ socket: haproxy.socket })).observe(['web-01'], signal))[0]?.admin;

describe('a balancer that cannot be asked', () => {
  test('no socket there: down, with the path in the message', async () => {
    const gone = createHaproxy(spec({ socket: '/nonexistent/haproxy.sock' }));
    await expect(gone.observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
    await expect(gone.drain('web-01', within(1_000))).rejects.toThrow('/nonexistent/haproxy.sock');
    await expect(gone.identity(signal)).rejects.toThrow(BalancerDown);
  });

  test('connected but silent: down after the answer timeout, not at the end of the drain', async () => {
    line.fault = 'hang';
    const began = performance.now();
    await expect(traffic.drain('web-01', within(60_000))).rejects.toThrow('did not answer within 300 ms');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('a frozen HAProxy is down, and answers again when it thaws', async () => {
    const pid = (await traffic.identity(signal))?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await expect(traffic.observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('it answers', () => traffic.observe(['web-01'], signal).catch(() => null));
  });

  test('something else listening there is down, not a state', async () => {
    const web: Server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const stranger = createHaproxy(spec({ address: `127.0.0.1:${(web.address() as AddressInfo).port}` }));
    await expect(stranger.observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
    await expect(stranger.identity(signal)).rejects.toThrow(BalancerDown);
    await new Promise((resolve) => web.close(resolve));
  });

  test('aborted while it waits for an answer: the reason of the signal, at once', async () => {
    line.fault = 'hang';
    const controller = new AbortController();
    const asked = traffic.observe(['web-01'], controller.signal);
    const before = line.sent.length;
    await until('the line was sent', () => line.sent.length > before);
    controller.abort(new Error('shutting down'));
    await expect(asked).rejects.toThrow('shutting down');
  });
});

describe('a write that goes wrong', () => {
  test('its answer is lost but its effect is seen: success, written once', async () => {
    line.fault = 'lose-answer';
    const writes = countingFence();
    expect(await traffic.drain('web-01', { ...call(writes.fence), timeoutMs: 5_000 })).toMatchObject({ admin: 'drain' });
    expect(writes.count()).toBe(1);
  });

  test('it is lost on the way: down, and nothing is claimed', async () => {
    line.fault = 'lose-write';
    await expect(traffic.drain('web-01', within(5_000))).rejects.toThrow(BalancerDown);
    expect(await adminOfOne()).toBe('ready');
  });

  test('the fence refuses: its error comes through and nothing was written', async () => {
    const stale = new Error('epoch 4 is older than 5');
    const before = line.sent.length;
    await expect(traffic.drain('web-01', { ...call(() => Promise.reject(stale)), timeoutMs: 5_000 })).rejects.toBe(stale);
    expect(line.sent.slice(before).some((sent) => sent.startsWith('set '))).toBe(false);
  });

  test('the connection is older than the fence, so a write thawed after the balancer hung up does not happen', async () => {
    let fenced = 0;
    const late = traffic.drain('web-01', {
      signal,
      timeoutMs: 5_000,
      fence: async (write) => {
        fenced += 1;
        line.cut();
        return write();
      },
    });
    await expect(late).rejects.toThrow(BalancerDown);
    expect(fenced).toBe(1);
    expect(await adminOfOne()).toBe('ready');
  });

  test('a socket without admin rights is a configuration to fix, and the message says which', async () => {
    const looking = createHaproxy(spec({ socket: haproxy.operatorSocket }));
    expect(await looking.observe(['web-01'], signal)).toHaveLength(1);
    await expect(looking.drain('web-01', within(1_000))).rejects.toThrow('level admin');
    await expect(looking.drain('web-01', within(1_000))).rejects.toThrow(BalancerMisconfigured);
  });

  test('any refusal in words is a failure that quotes them', async () => {
    const fixed = createHaproxy(spec({ socket: haproxy.socket, backend: 'static' }));
    await expect(fixed.admit('web-01', { admin: 'ready', weight: 50 }, within(1_000))).rejects.toThrow('static LB algorithm');
  });
});

describe('names and configuration that cannot be right', () => {
  test('an unknown server is named, an unknown backend too, and neither is written to', async () => {
    const writes = countingFence();
    await expect(traffic.observe(['web-01', 'web-77', 'web-78'], signal)).rejects.toThrow('no server web-77, web-78');
    await expect(traffic.drain('web-77', { ...call(writes.fence), timeoutMs: 1_000 })).rejects.toThrow(BalancerMisconfigured);
    await expect(createHaproxy(spec({ socket: haproxy.socket, backend: 'shop' })).drain('web-01', { ...call(writes.fence), timeoutMs: 1_000 })).rejects.toThrow('no backend "shop"');
    expect(writes.count()).toBe(0);
  });

  test('a server without check is refused before anything is written', async () => {
    const writes = countingFence();
    const unchecked = createHaproxy(spec({ socket: haproxy.socket, backend: 'unchecked' }));
    await expect(unchecked.observe(['bare'], signal)).rejects.toThrow('add `check`');
    await expect(unchecked.drain('bare', { ...call(writes.fence), timeoutMs: 1_000 })).rejects.toThrow(BalancerMisconfigured);
    expect(writes.count()).toBe(0);
  });

  const INJECTIONS = ['web-01 state maint; disable server web/web-02', 'web-01;id', 'web-01\nset server web/web-02 state maint', '$(id)', '../web-01', '-web-01', 'web/web-01', 'web-01 ', '', 'x'.repeat(65), 'web\u0000', 'wéb'];
  for (const name of INJECTIONS) {
    test(`the server name ${JSON.stringify(name).slice(0, 70)} never reaches the wire`, async () => {
      const before = line.sent.length;
      await expect(traffic.observe([name], signal)).rejects.toThrow(BalancerMisconfigured);
      await expect(traffic.drain(name, within(1_000))).rejects.toThrow(BalancerMisconfigured);
      await expect(traffic.admit(name, READY, within(1_000))).rejects.toThrow(BalancerMisconfigured);
      await expect(traffic.assert(name, READY, call())).rejects.toThrow(BalancerMisconfigured);
      expect(() => createHaproxy(spec({ socket: haproxy.socket, backend: name }))).toThrow(BalancerMisconfigured);
      expect(line.sent.length).toBe(before);
    });
  }

  test('a weight that is no whole number from 0 to 256 is refused', async () => {
    for (const weight of [-1, 1.5, 257, Number.NaN]) await expect(traffic.admit('web-01', { admin: 'ready', weight }, within(1_000))).rejects.toThrow(BalancerMisconfigured);
  });

  test('a pool needs exactly one of socket and address, and an address with a port', () => {
    expect(() => createHaproxy(spec({}))).toThrow('exactly one');
    expect(() => createHaproxy(spec({ socket: '/run/a.sock', address: '127.0.0.1:1' }))).toThrow('exactly one');
    for (const address of ['127.0.0.1', '127.0.0.1:0', '127.0.0.1:70000', ':9999', 'a b:1', '-oProxy:22']) expect(() => createHaproxy(spec({ address }))).toThrow('host:port');
    expect(createHaproxy(spec({ address: '[::1]:9999' })).driver).toBe('haproxy');
  });
});
