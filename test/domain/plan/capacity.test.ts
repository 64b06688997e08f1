import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { capacityFloor, floorsBroken, lanesOf, mayTakeOut } from '../../../domain/plan/capacity.ts';
import { serverKeys } from '../../../domain/traffic-entry.ts';
import { hostsOf } from './fleets.ts';

describe('floor', () => {
  test.each([
    { percent: 66, hosts: 8, floor: 6 },
    { percent: 66, hosts: 10, floor: 7 },
    { percent: 75, hosts: 24, floor: 18 },
    { percent: 50, hosts: 3, floor: 2 },
    { percent: 100, hosts: 10, floor: 9 },
    { percent: 95, hosts: 10, floor: 9 },
    { percent: 0, hosts: 10, floor: 0 },
    { percent: 1, hosts: 300, floor: 3 },
    { percent: 100, hosts: 2, floor: 1 },
    { percent: 100, hosts: 1, floor: 0 },
    { percent: 100, hosts: 0, floor: 0 },
  ])('$percent % of $hosts hosts is $floor', ({ percent, hosts, floor }) => {
    expect(capacityFloor(percent, hosts)).toBe(floor);
  });

  test('a full pool can always spare one host, and the floor is never below the percentage by more than that', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 300 }), (percent, hosts) => {
        const floor = capacityFloor(percent, hosts);
        expect(hosts - floor).toBeGreaterThanOrEqual(1);
        expect(floor === hosts - 1 || floor * 100 >= percent * hosts).toBe(true);
      }),
    );
  });
});

describe('taking a host out', () => {
  test('a host in service goes only if the floor stays covered', () => {
    expect(mayTakeOut({ floor: 2, inService: ['a', 'b', 'c'], out: 'a' })).toBe(true);
    expect(mayTakeOut({ floor: 3, inService: ['a', 'b', 'c'], out: 'a' })).toBe(false);
    expect(mayTakeOut({ floor: 4, inService: ['a', 'b', 'c'], out: 'a' })).toBe(false);
  });

  test('a host that is out already may be touched however few serve', () => {
    expect(mayTakeOut({ floor: 3, inService: ['a', 'b'], out: 'c' })).toBe(true);
    expect(mayTakeOut({ floor: 3, inService: [], out: 'c' })).toBe(true);
  });

  test('the last host of a pool without a floor may go', () => {
    expect(mayTakeOut({ floor: 0, inService: ['a'], out: 'a' })).toBe(true);
  });
});

describe('taking out a host that several pools have', () => {
  const traffic = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 } as const;
  const pools = [{ name: 'a', hosts: ['h1', 'h2', 'h3', 'h4'], minInServicePercent: 50, traffic }, { name: 'b', hosts: ['h4', 'h5'], minInServicePercent: 100, traffic }];
  const broken = (out: string, ...inService: string[]) => floorsBroken(pools, { serving: new Set(inService.map(serverKeys(traffic))), out });

  test('each of them decides: the refusal names the pool, its floor and what would be left', () => {
    expect(broken('h4', 'h1', 'h2', 'h3', 'h4', 'h5')).toEqual([]);
    expect(broken('h4', 'h1', 'h2', 'h3', 'h4')).toEqual([{ pool: 'b', hosts: 2, inService: 1, floor: 1, left: 0, minInServicePercent: 100 }]);
    expect(broken('h1', 'h1', 'h2')).toEqual([{ pool: 'a', hosts: 4, inService: 2, floor: 2, left: 1, minInServicePercent: 50 }]);
  });

  test('a pool that does not have the host does not decide, and the lowest of several comes first', () => {
    expect(broken('h1', 'h1', 'h2', 'h3')).toEqual([]);
    expect(broken('h4', 'h4').map(({ pool }) => pool)).toEqual(['a', 'b']);
  });

  test('a host that is out already may be touched', () => {
    expect(broken('h4', 'h1')).toEqual([]);
  });

  test('each is counted at its own entry: who serves at one of them says nothing of the other', () => {
    const intern = { ...traffic, backend: 'intern' };
    const [a, b] = [{ name: 'a', hosts: ['h1', 'h2'], minInServicePercent: 50, traffic }, { name: 'b', hosts: ['h1', 'h2'], minInServicePercent: 50, traffic: intern }];
    const at = (...keys: readonly string[]) => floorsBroken([a, b], { serving: new Set(keys), out: 'h1' }).map(({ pool }) => pool);
    const [web, other] = [serverKeys(traffic), serverKeys(intern)];
    expect(at(web('h1'), web('h2'), other('h1'), other('h2'))).toEqual([]);
    expect(at(web('h1'), web('h2'), other('h1'))).toEqual(['b']);
    expect(at(web('h1'), other('h1'), other('h2'))).toEqual(['a']);
    expect(at(web('h1'), web('h2'), other('h2'))).toEqual([]);
  });

  test('a pool of one may lose its host only where an outage is allowed', () => {
    const lone = [{ name: 'lone', hosts: ['h1'], minInServicePercent: 50, traffic }];
    const serving = new Set([serverKeys(traffic)('h1')]);
    expect(floorsBroken(lone, { serving, out: 'h1' })).toMatchObject([{ pool: 'lone', floor: 1, left: 0 }]);
    expect(floorsBroken(lone, { serving, out: 'h1', outageAllowed: true })).toEqual([]);
  });
});

describe('lanes', () => {
  test.each([
    { hosts: 'iiii', spare: 10, maxParallel: 10, lanes: 4, why: 'a batch is never wider than its hosts' },
    { hosts: 'iiii', spare: 10, maxParallel: 3, lanes: 3, why: 'the strategy limits the lanes' },
    { hosts: 'iiii', spare: 2, maxParallel: 10, lanes: 2, why: 'the floor limits the lanes' },
    { hosts: 'iiii', spare: 3, maxParallel: 2, lanes: 2, why: 'the lower of both limits counts' },
    { hosts: 'iiii', spare: 4, maxParallel: 10, lanes: 4, why: 'a batch that fits above the floor is not narrowed' },
    { hosts: 'iooo', spare: 1, maxParallel: 10, lanes: 4, why: 'hosts that are out take nothing from the floor' },
    { hosts: 'oooo', spare: 0, maxParallel: 10, lanes: 4, why: 'a batch of hosts that are out uses all lanes' },
    { hosts: 'oooo', spare: -3, maxParallel: 3, lanes: 3, why: 'a batch of hosts that are out uses all lanes below the floor too' },
    { hosts: 'iooo', spare: 0, maxParallel: 10, lanes: 1, why: 'with nothing to spare hosts go one by one' },
    { hosts: 'iooo', spare: -2, maxParallel: 10, lanes: 1, why: 'below the floor hosts go one by one' },
  ])('$why ($hosts, $spare to spare, $maxParallel at most)', ({ hosts, spare, maxParallel, lanes }) => {
    expect(lanesOf(hostsOf(hosts), { spare, maxParallel })).toBe(lanes);
  });
});
