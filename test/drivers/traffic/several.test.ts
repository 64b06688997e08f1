import { describe, expect, test } from 'vitest';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured, type Fence } from '../../../drivers/traffic/port.ts';
import { countingOf, drainTogether, observeKnown } from '../../../drivers/traffic/several.ts';
import { serverKeys } from '../../../domain/traffic-entry.ts';
import { createFakeTraffic } from '../../support/fake-traffic.ts';
import { call, countingFence } from './conformance.ts';
import type { Traffic } from '../../../drivers/traffic/port.ts';

const { signal } = call();
const SPEC = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 } as const;
const INTERN = { ...SPEC, backend: 'intern', server: 'srv-${host.name}' } as const;

/** As a real driver: what is out already needs no write. */
function careful(traffic: ReturnType<typeof createFakeTraffic>): Traffic {
  return { ...traffic, drain: async (server, options) => (traffic.servers.get(server)?.admin === 'ready' ? traffic.drain(server, options) : (await traffic.observe([server], signal))[0] ?? Promise.reject(new Error('nothing')) ) };
}
const two = () => {
  const [web, intern] = [createFakeTraffic(['h1', 'h2']), createFakeTraffic(['srv-h1', 'srv-h2'])];
  return { web, intern, servers: [{ traffic: careful(web), server: 'h1', timeoutMs: 100 }, { traffic: careful(intern), server: 'srv-h1', timeoutMs: 100 }] };
};
const admins = ({ web, intern }: ReturnType<typeof two>) => [web.servers.get('h1')?.admin, intern.servers.get('srv-h1')?.admin];

describe('servers that are taken out together', () => {
  test('pass one fence, all of them, and are all out behind it', async () => {
    const both = two();
    const { fence, count } = countingFence();
    const shown = await drainTogether(both.servers, call(fence));
    expect(shown.map(({ admin }) => admin)).toEqual(['drain', 'drain']);
    expect(count()).toBe(1);
    expect(admins(both)).toEqual(['drain', 'drain']);
  });

  test('stay in, all of them, when the fence refuses', async () => {
    const both = two();
    await expect(drainTogether(both.servers, call(() => Promise.reject(new Error('below the floor'))))).rejects.toThrow('below the floor');
    expect(admins(both)).toEqual(['ready', 'ready']);
  });

  test('need no fence for those that are out already, and one alone needs no other', async () => {
    const both = two();
    const { fence, count } = countingFence();
    await drainTogether(both.servers.slice(1), call(fence));
    await drainTogether(both.servers, call(fence));
    await drainTogether(both.servers, call(fence));
    expect(count()).toBe(2);
    expect(admins(both)).toEqual(['drain', 'drain']);
  });

  test('are asked to write in their order, each while the fence is held', async () => {
    const both = two();
    const told: string[] = [];
    const fence: Fence = async (write) => {
      told.push(`enter ${admins(both).join()}`);
      const answer = await write();
      told.push(`leave ${admins(both).join()}`);
      return answer;
    };
    await drainTogether(both.servers, call(fence));
    expect(told).toEqual(['enter ready,ready', 'leave drain,drain']);
  });

  test('tell the entry that fails, and leave no write undone that could be done', async () => {
    const web = createFakeTraffic(['h1']);
    const intern = createFakeTraffic(['srv-h1'], [{ call: 'drain', nth: 1, fault: { fail: new BalancerDown('HAProxy at /run/intern.sock cannot be reached') } }]);
    const servers = [{ traffic: careful(web), server: 'h1', timeoutMs: 100 }, { traffic: careful(intern), server: 'srv-h1', timeoutMs: 100 }];
    await expect(drainTogether(servers, call())).rejects.toThrow('/run/intern.sock');
    expect(web.servers.get('h1')?.admin).toBe('ready');
    await drainTogether(servers, call());
    expect([web.servers.get('h1')?.admin, intern.servers.get('srv-h1')?.admin]).toEqual(['drain', 'drain']);
  });
});

describe('servers that are looked at', () => {
  test('without those the balancer does not know, of which nothing is told', async () => {
    const seen = await observeKnown(createFakeTraffic(['h1', 'h3']), ['h1', 'h2', 'h3', 'h4'], signal);
    expect(seen.map((one) => one?.admin ?? null)).toEqual(['ready', null, 'ready', null]);
    expect(await observeKnown(createFakeTraffic([]), ['h1'], signal)).toEqual([null]);
  });

  test('any other trouble is told, and a server without a check only where nobody needs it', async () => {
    const unchecked = createFakeTraffic(['h1', 'h2'], [1, 2].map((nth) => ({ call: 'observe', nth, fault: { fail: new BalancerMisconfigured('does not check h2', ['h2']) } })));
    await expect(observeKnown(unchecked, ['h1', 'h2'], signal)).rejects.toThrow('does not check h2');
    expect((await observeKnown(unchecked, ['h1', 'h2'], signal, 'unfit')).map((one) => one?.admin ?? null)).toEqual(['ready', null]);
    const away = createFakeTraffic(['h1'], [{ call: 'observe', nth: 1, fault: { fail: new AdmitNotConfirmed('late', { admin: 'ready', operational: 'down', weight: 1, connections: 0, inService: false }) } }]);
    await expect(observeKnown(away, ['h1'], signal)).rejects.toThrow('late');
  });
});

test('hosts of pools behind several entries are counted each at its own, in one look per entry', async () => {
  const { web, intern } = two();
  web.servers.set('h2', { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false });
  const pool = (name: string, hosts: readonly string[], traffic: typeof SPEC | typeof INTERN | { readonly driver: 'none' }) => ({ name, hosts, minInServicePercent: 50, traffic });
  const pools = [pool('a', ['h1', 'h2'], SPEC), pool('b', ['h2', 'h9'], SPEC), pool('c', ['h1', 'h2'], INTERN), pool('d', ['h1'], { driver: 'none' })];
  const counting = countingOf(pools, (spec) => (spec.driver === 'haproxy' && spec.backend === 'intern' ? intern : web), signal);
  expect(counting.entries).toHaveLength(2);
  expect(await counting.count(signal)).toEqual(new Set([serverKeys(SPEC)('h1'), serverKeys(INTERN)('h1'), serverKeys(INTERN)('h2')]));
  expect([...web.calls, ...intern.calls].filter((line) => line.startsWith('observe'))).toEqual(['observe h1,h2,h9', 'observe h1,h2', 'observe srv-h1,srv-h2']);
});
