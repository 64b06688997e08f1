/** A server, its flags, a release and the keeper of flags in a small world: whatever they do, in whatever order, it serves as the flags say. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { keepingOf } from '../../domain/flag-keeping.ts';
import type { FlagDrain, Keeping } from '../../domain/flag-keeping.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';

const WEIGHT = 100;

interface World {
  readonly lowered: boolean;
  readonly held: boolean;
  readonly drain: FlagDrain | null;
  readonly admin: ObservedTraffic['admin'];
  readonly forgotten: boolean;
}

const START: World = { lowered: false, held: false, drain: null, admin: 'ready', forgotten: false };
const DRAIN: FlagDrain = { server: 'web-01', weight: WEIGHT, confirmed: false };

type Happening = 'lower' | 'raise' | 'release drains' | 'release admits' | 'reload' | 'keeper';

function happen(world: World, what: Happening): World {
  switch (what) {
    case 'lower':
      return { ...world, lowered: true };
    case 'raise':
      return { ...world, lowered: false };
    case 'release drains':
      return { ...world, held: true, admin: world.admin === 'ready' ? 'drain' : world.admin };
    case 'release admits':
      if (!world.held) return world;
      return world.lowered ? { ...world, held: false, drain: DRAIN } : { ...world, held: false, drain: null, admin: 'ready' };
    case 'reload':
      // A drain that a release wrote is asserted again by who watches releases.
      return { ...world, forgotten: true, admin: world.held && world.drain === null ? 'drain' : 'ready' };
    case 'keeper':
      return keep(world, keepingOf({ ...world, seen: seenOf(world.admin) }));
  }
}

function keep(world: World, keeping: Keeping): World {
  switch (keeping) {
    case 'take-out':
    case 'drain-again':
      return { ...world, admin: 'drain', drain: world.drain ?? DRAIN };
    case 'confirm':
      return { ...world, drain: { ...DRAIN, confirmed: true }, forgotten: false };
    case 'bring-back':
      // Unconfirmed first: a flag that is lowered right after must not find a drain that seems to stand.
      return { ...world, admin: 'ready', drain: world.drain === null ? null : { ...world.drain, confirmed: false } };
    case 'forget':
      return { ...world, drain: null, forgotten: false };
    default:
      return world;
  }
}

function seenOf(admin: ObservedTraffic['admin']): ObservedTraffic {
  return { admin, operational: 'up', weight: WEIGHT, connections: 0, inService: admin === 'ready' };
}

const settled = (world: World): World => Array.from({ length: 6 }).reduce<World>((now) => happen(now, 'keeper'), world);
const someStory = fc.array(fc.constantFrom<Happening[]>('lower', 'raise', 'release drains', 'release admits', 'reload', 'keeper'), { maxLength: 30 });

describe('whatever happens to a server', () => {
  test('once the keeper has come to rest, it serves exactly if every flag is up', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        const world = settled(story.reduce(happen, START));
        expect({ ...world, serves: world.admin === 'ready' }).toMatchObject({ serves: !world.lowered && !world.held });
      }),
      { numRuns: 5_000 },
    );
  });

  test('the keeper comes to rest, and leaves nothing remembered once all is as it was', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        const world = settled(story.reduce(happen, START));
        expect(happen(world, 'keeper')).toEqual(world);
        if (!world.lowered && !world.held) expect(world.drain).toBe(null);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('somebody else\'s hand at the balancer', () => {
  const drained = { ...DRAIN, confirmed: true };
  const asked = (more: Partial<Parameters<typeof keepingOf>[0]>, admin: ObservedTraffic['admin']) => keepingOf({ lowered: true, held: false, drain: drained, forgotten: false, ...more, seen: seenOf(admin) });

  test('that set a drained server to ready is told, not overruled', () => {
    expect(asked({}, 'ready')).toBe('foreign-ready');
  });

  test('that put a server into maintenance keeps it there, also when every flag is up again', () => {
    expect(asked({ lowered: false }, 'maint')).toBe('foreign-maint');
    expect(asked({}, 'maint')).toBe('nothing');
  });

  test('that drained a server before any flag was lowered is left alone, both ways', () => {
    expect(asked({ drain: null }, 'drain')).toBe('nothing');
    expect(asked({ drain: null, lowered: false }, 'drain')).toBe('nothing');
  });
});

test('a drain that was written but never seen is written again, and a weight that differs is put back', () => {
  expect(keepingOf({ lowered: true, held: false, drain: DRAIN, forgotten: false, seen: seenOf('ready') })).toBe('drain-again');
  expect(keepingOf({ lowered: false, held: false, drain: { ...DRAIN, weight: 50 }, forgotten: false, seen: seenOf('ready') })).toBe('bring-back');
});
