import { describe, expect, test } from 'vitest';
import { countedAt, placesOf } from '../../domain/place.ts';
import { entryName } from '../../domain/traffic-entry.ts';
import { hostSpec, inventoryOf } from '../support/specs.ts';
import type { Inventory, MemberPool } from '../../domain/inventory.ts';
import type { HaproxySpec, TrafficSpec } from '../../domain/traffic-spec.ts';

const WEB: HaproxySpec = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 };
const SECURE: HaproxySpec = { ...WEB, backend: 'secure' };
const member = (name: string, hosts: readonly string[], traffic?: HaproxySpec): MemberPool => ({ name, hosts, minInServicePercent: 50, ...(traffic === undefined ? {} : { traffic }) });
const inventory = (members: readonly MemberPool[], pool: Partial<Inventory['pool']> = {}): Inventory => {
  const made = inventoryOf('own', ['h1', 'h2', 'h3']);
  return { ...made, pool: { ...made.pool, traffic: WEB, ...pool }, members };
};
const told = (of: Inventory, host: string) => placesOf(of, host).map(({ pool, traffic, server }) => [pool, traffic.driver === 'haproxy' ? traffic.backend : traffic.driver, server]);

describe('the places of a host', () => {
  test('are its own server first, then one behind each further entry, by the first pool that has it there', () => {
    const of = inventory([member('same', ['h1']), member('secure', ['h1', 'h9'], SECURE), member('secure-too', ['h1'], { ...SECURE, drainTimeoutSeconds: 1 }), member('other', ['h2'], SECURE)]);
    expect(told(of, 'h1')).toEqual([['own', 'web', 'h1'], ['secure', 'secure', 'h1']]);
    expect(told(of, 'h2')).toEqual([['own', 'web', 'h2'], ['other', 'secure', 'h2']]);
    expect(told(of, 'h3')).toEqual([['own', 'web', 'h3']]);
  });

  test('of the same entry by another name are two servers', () => {
    expect(told(inventory([member('named', ['h1'], { ...WEB, server: 'srv-${host.name}' })]), 'h1')).toEqual([['own', 'web', 'h1'], ['named', 'web', 'srv-h1']]);
  });

  test('in a joined pool are those of the members that have it, and the joined pool has none of its own', () => {
    const of = inventory([member('a', ['h1', 'h2']), member('b', ['h2', 'h3'], SECURE)], { joins: ['a', 'b'] });
    expect([told(of, 'h1'), told(of, 'h2'), told(of, 'h3')]).toEqual([[['a', 'web', 'h1']], [['a', 'web', 'h2'], ['b', 'secure', 'h2']], [['b', 'secure', 'h3']]]);
  });

  test('begin with none where the pool has no entry, and another pool may have one all the same', () => {
    const of = inventory([member('secure', ['h1'], SECURE)], { traffic: { driver: 'none' } });
    expect(told(of, 'h1')).toEqual([['own', 'none', 'h1'], ['secure', 'secure', 'h1']]);
    expect(countedAt(of, 'h1').map(({ name }) => name)).toEqual(['secure']);
    expect(countedAt(of, 'h2')).toEqual([]);
  });
});

test('two pools with one include file of nginx have the same server, and an entry of another driver is another place', () => {
  const nginx = { driver: 'nginx', file: '/etc/nginx/signalbox/web.conf', status: 'http://127.0.0.1:9180/web', pidFile: '/run/nginx.pid', server: 'srv-${host.name}', drainTimeoutSeconds: 30 } as const;
  const at = (name: string, traffic: TrafficSpec): MemberPool => ({ name, hosts: ['h1'], minInServicePercent: 50, traffic });
  const of = inventory([at('a', nginx), at('b', { ...nginx, status: 'http://127.0.0.1:9181/web', drainTimeoutSeconds: 1 }), at('c', { ...nginx, file: '/etc/nginx/signalbox/other.conf' })]);
  expect(told(of, 'h1')).toEqual([['own', 'web', 'h1'], ['a', 'nginx', 'srv-h1'], ['c', 'nginx', 'srv-h1']]);
  expect(countedAt(of, 'h1').map(({ name }) => name)).toEqual(['own', 'a', 'b', 'c']);
  expect(new Set([WEB, SECURE, nginx, { ...nginx, file: '/x.conf' }, { driver: 'none' } as const].map(entryName)).size).toBe(5);
});

test('at a drain every pool behind one of its entries is counted, also one without the host, and none behind another', () => {
  const of = inventory([member('secure', ['h1'], SECURE), member('beside', ['h8'], SECURE), member('far', ['h2'], { ...WEB, backend: 'far' })]);
  expect(countedAt({ ...of, hosts: [hostSpec('h1'), hostSpec('h2')] }, 'h1').map(({ name }) => name)).toEqual(['own', 'secure', 'beside']);
});
