import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomOf } from '../../../domain/simulation/random.ts';
import { at, oneAfterOther, spreadOf } from '../../../domain/simulation/spread.ts';

describe('a spread', () => {
  test('of nothing is nothing, of one duration is that one', () => {
    expect(spreadOf([])).toBeNull();
    expect(spreadOf([12.4])).toEqual([12]);
    expect(spreadOf([7, 7, 7])).toEqual([7]);
  });

  test('keeps the shortest, the middle and the longest', () => {
    const spread = spreadOf([5, 1, 3, 2, 4]) ?? [];
    expect([at(spread, 0), at(spread, 0.5), at(spread, 1)]).toEqual([1, 3, 5]);
  });

  test('never says more than was seen, and says the middle of what was seen', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (seen, part) => {
      const spread = spreadOf(seen) ?? [];
      expect(spread.length).toBeLessThanOrEqual(11);
      expect(at(spread, part)).toBeGreaterThanOrEqual(Math.min(...seen));
      expect(at(spread, part)).toBeLessThanOrEqual(Math.max(...seen));
    }));
  });

  test('one after the other adds slow to slow and quick to quick', () => {
    const both = oneAfterOther([100, 200], [10]);
    expect([at(both, 0), at(both, 0.5), at(both, 1)]).toEqual([110, 160, 210]);
  });
});

describe('drawn numbers', () => {
  test('are the same for the same seed and others for another', () => {
    const draw = (seed: string) => Array.from({ length: 5 }, randomOf(seed));
    expect(draw('a')).toEqual(draw('a'));
    expect(draw('a')).not.toEqual(draw('b'));
  });

  test('are spread evenly from 0 to 1', () => {
    const random = randomOf('even');
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let count = 0; count < 10_000; count += 1) tenths[Math.floor(random() * 10)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
