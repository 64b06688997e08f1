import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { changedFlags, loweredIn, raiseRefusal, serves, setFlags, SETTABLE_OWNERS, withFlag } from '../../domain/flags.ts';
import type { FlagChange, HostFlags } from '../../domain/flags.ts';

const POOLS = ['web', 'api'] as const;

const someChange: fc.Arbitrary<FlagChange> = fc.record({
  owner: fc.constantFrom(...SETTABLE_OWNERS),
  pool: fc.constantFrom(null, ...POOLS),
  up: fc.boolean(),
  by: fc.constantFrom('ann', 'monitor'),
  since: fc.constant('2026-01-05T10:00:00.000Z'),
  reason: fc.constantFrom('disk', 'probe'),
  forced: fc.boolean(),
});
const someFlags: fc.Arbitrary<HostFlags> = fc.array(someChange, { maxLength: 12 }).map((changes) => changes.reduce(setFlags, [] as HostFlags));
const of = (flags: HostFlags, owner: string): HostFlags => flags.filter((flag) => flag.owner === owner);
const sorted = (flags: HostFlags): string[] => flags.map((flag) => JSON.stringify(flag)).sort();

describe('laws of every set of flags', () => {
  test('a host serves in a pool exactly if no owner has a flag down there or everywhere', () => {
    fc.assert(
      fc.property(someFlags, fc.constantFrom(...POOLS), (flags, pool) => {
        const up = SETTABLE_OWNERS.every((owner) => of(flags, owner).every((flag) => flag.up || (flag.pool !== null && flag.pool !== pool)));
        expect(serves(flags, pool)).toBe(up);
      }),
    );
  });

  test('what an owner does never changes the flag of another', () => {
    fc.assert(
      fc.property(someFlags, someChange, (flags, change) => {
        const after = setFlags(flags, change);
        for (const owner of SETTABLE_OWNERS.filter((one) => one !== change.owner)) expect(of(after, owner)).toEqual(of(flags, owner));
      }),
    );
  });

  test('what different owners do commutes', () => {
    fc.assert(
      fc.property(someFlags, someChange, someChange, (flags, one, other) => {
        fc.pre(one.owner !== other.owner);
        expect(sorted(setFlags(setFlags(flags, one), other))).toEqual(sorted(setFlags(setFlags(flags, other), one)));
      }),
    );
  });

  test('the same wish again changes nothing', () => {
    fc.assert(fc.property(someFlags, someChange, (flags, change) => void expect(changedFlags(setFlags(flags, change), change)).toEqual([])));
  });

  test('raising everywhere leaves nothing of that owner down, lowering everywhere keeps the host out of every pool', () => {
    fc.assert(
      fc.property(someFlags, someChange, (flags, change) => {
        const after = setFlags(flags, { ...change, pool: null });
        if (change.up) expect(of(after, change.owner).every(({ up }) => up)).toBe(true);
        else for (const pool of POOLS) expect(loweredIn(after, pool).some(({ owner }) => owner === change.owner)).toBe(true);
      }),
    );
  });

  test('the stored changes alone give the same flags again', () => {
    fc.assert(
      fc.property(fc.array(someChange, { maxLength: 12 }), (changes) => {
        const stored: FlagChange[] = [];
        const live = changes.reduce((flags, change) => {
          stored.push(...changedFlags(flags, change));
          return setFlags(flags, change);
        }, [] as HostFlags);
        expect(sorted(stored.reduce(withFlag, [] as HostFlags))).toEqual(sorted(live));
      }),
    );
  });
});

test('a flag that is down everywhere cannot be raised in one pool alone, and the refusal says what to do', () => {
  const down: FlagChange = { owner: 'operator', pool: null, up: false, by: 'ann', since: '', reason: 'disk', forced: false };
  expect(raiseRefusal([down], { owner: 'operator', pool: 'web' })).toContain('Raise it everywhere');
  expect(raiseRefusal([down], { owner: 'operator', pool: null })).toBe(null);
  expect(raiseRefusal([down], { owner: 'health', pool: 'web' })).toBe(null);
  expect(raiseRefusal([{ ...down, pool: 'web' }], { owner: 'operator', pool: 'web' })).toBe(null);
});
