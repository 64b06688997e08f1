import { describe, expect, test } from 'vitest';
import { POOL_HOSTS_MAX, countedPools, joinedSpec, misfitsOf, poolsBeside } from '../../domain/joined-pool.ts';
import { hostSpec, inventoryOf, poolSpec } from '../support/specs.ts';
import type { PoolSpec } from '../../domain/inventory.ts';
import type { TrafficSpec } from '../../domain/traffic-spec.ts';

const ENTRY: TrafficSpec = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 };
const pool = (name: string, hosts: readonly string[], more: Partial<PoolSpec> = {}): PoolSpec => ({ ...poolSpec(name, hosts), traffic: ENTRY, ...more });
const ALL = { ...pool('all', []), joins: ['a', 'b'] };
const misfits = (...members: readonly PoolSpec[]) => misfitsOf(ALL, new Map(members.map((member) => [member.name, member]))).map(({ member, field }) => [member, field]);

describe('pools that are joined', () => {
  test('fit together when environment and applications are the same, whatever their hosts, floors and entries', () => {
    expect(misfits(pool('a', ['h1']), pool('b', ['h1'], { traffic: { ...ENTRY, backend: 'other', server: 'srv-${host.name}' } }))).toEqual([]);
    expect(misfits(pool('a', ['h1']), pool('b', ['h2'], { capacity: { minInServicePercent: 10 }, strategy: 'other', busy: 'reject' }))).toEqual([]);
    expect(misfits(pool('a', ['h1'], { traffic: { driver: 'none' } }), pool('b', ['h2'], { traffic: { driver: 'none' } }))).toEqual([]);
  });

  test.each<[string, Partial<PoolSpec>, string]>([
    ['environment', { environment: 'uat' }, 'environment'],
    ['applications', { applications: ['web', 'api'] }, 'applications'],
    ['kind of entry', { traffic: { driver: 'none' } }, 'traffic'],
  ])('do not fit with another %s', (_what, more, field) => {
    expect(misfits(pool('a', ['h1']), pool('b', ['h2'], more))).toEqual([['b', field]]);
  });

  test('the same applications in another order are another list: hosts switch them in that order', () => {
    expect(misfits(pool('a', ['h1'], { applications: ['x', 'y'] }), pool('b', ['h2'], { applications: ['y', 'x'] }))).toEqual([['b', 'applications']]);
  });

  test('all that is wrong is told at once: missing, joined itself, itself', () => {
    const found = misfitsOf({ name: 'all', joins: ['all', 'gone', 'nested', 'a', 'b'] }, new Map([pool('a', []), pool('b', [], { environment: 'uat' }), { ...pool('nested', []), joins: ['a', 'b'] }].map((one) => [one.name, one])));
    expect(found.map(({ message }) => message)).toEqual([
      'pool all cannot join itself',
      'pool gone does not exist; create it before, or in the same apply',
      'pool nested is a joined pool itself; name its members',
      'pool b has another environment than pool a; joined pools have the same',
    ]);
  });

  test('have no more hosts together than one pool may have', () => {
    const many = (prefix: string) => Array.from({ length: POOL_HOSTS_MAX / 2 + 1 }, (_, index) => `${prefix}${index}`);
    expect(misfitsOf(ALL, new Map([['a', pool('a', many('x'))], ['b', pool('b', many('y'))]])).map(({ message }) => message)).toEqual([`its members have ${POOL_HOSTS_MAX + 2} hosts together; a pool has at most ${POOL_HOSTS_MAX}`]);
  });

  test('give the joined pool their hosts in their order, each once, and the strictest floor', () => {
    const spec = joinedSpec(ALL, [pool('a', ['h2', 'h1'], { capacity: { minInServicePercent: 40 } }), pool('b', ['h1', 'h3'], { capacity: { minInServicePercent: 90 } })]);
    expect(spec).toEqual({ ...ALL, environment: 'prod', applications: ['web'], hosts: ['h2', 'h1', 'h3'], capacity: { minInServicePercent: 90 }, traffic: ENTRY });
  });
});

describe('pools that count beside another one', () => {
  const [a, b] = [pool('a', ['h1', 'h2']), pool('b', ['h2', 'h3'])];
  const all = { ...pool('all', ['h1', 'h2', 'h3']), joins: ['b', 'a'] };
  const names = (of: PoolSpec, others: readonly PoolSpec[]) => poolsBeside(of, others).map(({ name }) => name);

  test('are those it joins, in its order, and then those that take out the same servers', () => {
    expect(names(all, [a, b, pool('c', ['h3', 'h9'])])).toEqual(['b', 'a', 'c']);
  });

  test('of a pool of its own are those that share a host behind the same entry, but no joined one', () => {
    expect(names(a, [b, all, pool('far', ['h7'])])).toEqual(['b']);
    expect(names(a, [pool('patient', ['h1'], { traffic: { ...ENTRY, drainTimeoutSeconds: 1 } })])).toEqual(['patient']);
  });

  test('that call the host otherwise at the same entry have another server there: it is not taken out with the first', () => {
    const other = pool('other-name', ['h1'], { traffic: { ...ENTRY, server: 'srv-${host.name}' } });
    expect(poolsBeside(a, [other])).toEqual([{ name: 'other-name', hosts: ['h1'], minInServicePercent: 66, traffic: other.traffic }]);
    expect(poolsBeside(a, [{ ...other, applications: ['mail'] }])).toEqual([]);
  });

  test('behind another entry are those that serve one of the applications, each with its entry', () => {
    const other = { ...ENTRY, backend: 'intern' };
    const beside = poolsBeside(a, [pool('intern', ['h2', 'h8'], { traffic: other }), pool('stranger', ['h2'], { traffic: other, applications: ['mail'] }), pool('quiet', ['h2'], { traffic: { driver: 'none' } })]);
    expect(beside).toEqual([{ name: 'intern', hosts: ['h2', 'h8'], minInServicePercent: 66, traffic: other }]);
  });

  test('decide at a drain together with the pool itself, which as a joined one has no floor of its own', () => {
    const inventory = inventoryOf('web-prod', ['h1', 'h2']);
    const members = [{ name: 'b', hosts: ['h2', 'h3'], minInServicePercent: 50 }];
    expect(countedPools({ ...inventory, members }).map(({ name }) => name)).toEqual(['web-prod', 'b']);
    expect(countedPools({ pool: { ...inventory.pool, joins: ['b', 'c'] }, hosts: [hostSpec('h2')], members }).map(({ name }) => name)).toEqual(['b']);
    expect(countedPools(inventory)).toEqual([{ name: 'web-prod', hosts: ['h1', 'h2'], minInServicePercent: 66, traffic: { driver: 'none' } }]);
  });
});
