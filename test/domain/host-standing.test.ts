import { describe, expect, test } from 'vitest';
import { isBroughtIn, isReadBackOut, standingOf } from '../../domain/host-standing.ts';
import { serverKeys } from '../../domain/traffic-entry.ts';
import { drainRefusal } from '../../domain/operator-drain.ts';
import type { HostFlag } from '../../domain/flags.ts';
import type { PoolPlace } from '../../domain/host-standing.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';

const SERVES: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 100, connections: 3, inService: true };
const DRAINED: ObservedTraffic = { ...SERVES, admin: 'drain', connections: 0, inService: false };
const PLACE: PoolPlace = { pool: 'web', server: 'web-01', observed: SERVES, observedAt: '2026-01-05T10:00:00.000Z', ageMs: 100, takenOut: false };
const OPERATOR: HostFlag = { owner: 'operator', pool: null, up: false, by: 'ann', since: '2026-01-05T10:00:00.000Z', reason: 'new disk', forced: false };
const RELEASE: HostFlag = { owner: 'release', pool: 'web', up: false, by: 'r-1', since: '', reason: 'Release r-1 left it out: no answer', forced: false };

describe('how a host stands', () => {
  test('names every owner, up ones too, and per pool who keeps it out with the reason', () => {
    const standing = standingOf('web-01', [OPERATOR, RELEASE], [{ ...PLACE, observed: DRAINED }, { ...PLACE, pool: 'api' }]);
    expect(standing.flags.map(({ owner, up }) => [owner, up])).toEqual([['release', false], ['operator', false], ['health', true], ['fleet-check', true]]);
    expect(standing.pools.map(({ keptOutBy }) => keptOutBy)).toEqual([['operator', 'release'], ['operator']]);
    expect(standing.serves).toBe(false);
    expect(standing.pools[0]?.sentence).toContain('operator (ann, since 2026-01-05T10:00:00.000Z): new disk; Release r-1 left it out: no answer');
  });

  test('says so when the balancer shows otherwise than the flags, and when there is nothing to carry out', () => {
    expect(standingOf('web-01', [OPERATOR], [PLACE]).pools[0]?.sentence).toContain('but still serves');
    expect(standingOf('web-01', [], [PLACE])).toMatchObject({ serves: true, pools: [{ sentence: 'web-01 serves in pool web.' }] });
    expect(standingOf('web-01', [OPERATOR], [{ ...PLACE, server: null, observed: null }]).pools[0]?.sentence).toContain('has no traffic entry');
  });
});

test('a drain is read back only by a look that came after it was asked, in every pool', () => {
  const out = { ...PLACE, observed: DRAINED };
  expect(isReadBackOut([out], 200)).toBe(true);
  expect(isReadBackOut([out], 50)).toBe(false);
  expect(isReadBackOut([out, PLACE], 200)).toBe(false);
  expect(isReadBackOut([{ ...out, observed: null, ageMs: null }], 200)).toBe(false);
  expect(isReadBackOut([{ ...out, server: null, observed: null, ageMs: null }], 200)).toBe(true);
});

test('an admission waits for its servers, but not for other owners', () => {
  const out = { ...PLACE, takenOut: true };
  expect(isBroughtIn([], [out])).toBe(false);
  expect(isBroughtIn([RELEASE], [out])).toBe(true);
  expect(isBroughtIn([], [PLACE])).toBe(true);
});

describe('an operator who takes a host out', () => {
  const traffic = { driver: 'none' } as const;
  const pool = { name: 'web', hosts: ['a', 'b', 'c', 'd'], minInServicePercent: 75, traffic };
  const refusalOf = (host: string, inService: readonly string[], of = pool) => drainRefusal([of], { host, serving: new Set(inService.map(serverKeys(traffic))) });

  test('may, while the floor holds without it', () => {
    expect(refusalOf('a', ['a', 'b', 'c', 'd'])).toBe(null);
  });

  test('is told the arithmetic when it does not', () => {
    const refusal = refusalOf('a', ['a', 'b', 'c']);
    expect(refusal).toMatchObject({ code: 'capacity-floor', capacity: { pool: 'web', hosts: 4, inService: 3, floor: 3, left: 2 } });
    expect(refusal?.message).toBe('Taking a out would leave 2 of 4 hosts of pool web in service; 3 serve now, and the floor is 3 (75 %).');
  });

  test('may always take out what is out already, and never by itself the only host there is', () => {
    expect(refusalOf('d', ['a', 'b', 'c'])).toBe(null);
    expect(refusalOf('a', ['a'], { ...pool, hosts: ['a'] })).toMatchObject({ capacity: { floor: 1, left: 0 } });
  });
});
