import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { batchSizes, percentagesComplaint } from '../../../domain/plan/batch-sizes.ts';

describe('batch sizes', () => {
  test.each([
    { percent: [25], total: 10, rest: 10, sizes: [2, 2, 2, 2, 2] },
    { percent: [50], total: 7, rest: 7, sizes: [3, 3, 1] },
    { percent: [30], total: 9, rest: 9, sizes: [2, 2, 2, 1, 2] },
    { percent: [30], total: 10, rest: 10, sizes: [3, 3, 3, 1] },
    { percent: [30], total: 100, rest: 100, sizes: [30, 30, 30, 10] },
    { percent: [100], total: 5, rest: 5, sizes: [5] },
    { percent: [60], total: 10, rest: 10, sizes: [6, 4] },
    { percent: [1], total: 4, rest: 4, sizes: [1, 1, 1, 1] },
    { percent: [10, 40, 50], total: 20, rest: 20, sizes: [2, 8, 10] },
    { percent: [10, 90], total: 7, rest: 7, sizes: [1, 6] },
    { percent: [33, 33, 34], total: 8, rest: 8, sizes: [2, 2, 2, 2] },
    { percent: [45, 45, 10], total: 9, rest: 9, sizes: [4, 4, 1] },
    { percent: [50, 50], total: 9, rest: 9, sizes: [4, 4, 1] },
    { percent: [20, 80], total: 19, rest: 19, sizes: [3, 15, 1] },
    { percent: [50, 50], total: 40, rest: 40, sizes: [20, 20] },
  ])('$percent % of $total hosts become $sizes', ({ percent, total, rest, sizes }) => {
    expect(batchSizes(percent, total, rest)).toEqual(sizes);
  });

  test.each([
    { percent: [25], total: 8, rest: 7, sizes: [2, 2, 2, 1] },
    { percent: [25], total: 24, rest: 23, sizes: [6, 6, 6, 5] },
    { percent: [30], total: 10, rest: 9, sizes: [3, 3, 3] },
    { percent: [10, 40, 50], total: 10, rest: 9, sizes: [1, 4, 4] },
  ])('the bastion is no part of the hundred: $percent % of $total with $rest left become $sizes', ({ percent, total, rest, sizes }) => {
    expect(batchSizes(percent, total, rest)).toEqual(sizes);
  });

  test('used-up parts are followed by 25 % of the whole pool, not of what is left', () => {
    expect(batchSizes([1, 1], 40, 40)).toEqual([1, 1, 10, 10, 10, 8]);
  });

  test('no host left needs no batch', () => {
    expect(batchSizes([25], 1, 0)).toEqual([]);
  });

  test('sizes always add up to the hosts left, none is empty, none but the rounded-up one is above its part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 300 }), (part, total, less) => {
        const rest = Math.max(0, total - less);
        const sizes = batchSizes([part], total, rest);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(rest);
        for (const size of sizes) {
          expect(size).toBeGreaterThanOrEqual(1);
          expect(size).toBeLessThanOrEqual(Math.max(1, Math.floor((Math.max(part, 25) * total) / 100)));
        }
      }),
    );
  });
});

describe('complaints about percentages', () => {
  test.each([[[25]], [[100]], [[0.5]], [[10, 40, 50]], [[33.3, 33.3, 33.4]], [[0.1, 0.2, 99.7]], [[1]]])('%j are accepted', (percent) => {
    expect(percentagesComplaint(percent)).toBeNull();
  });

  test('percentages that do not add up are named with their sum', () => {
    expect(percentagesComplaint([30, 30])).toBe('30 + 30 add up to 60, not 100');
    expect(percentagesComplaint([50, 51])).toBe('50 + 51 add up to 101, not 100');
  });

  test.each([0, -5, 101, Number.NaN, Number.POSITIVE_INFINITY])('a part of %s is refused', (part) => {
    expect(percentagesComplaint([part])).toBe(`${part} is not above 0 and at most 100`);
  });

  test('a wrong part is named even where the sum is right', () => {
    expect(percentagesComplaint([120, -20])).toBe('120 is not above 0 and at most 100');
  });

  test('an empty list is refused', () => {
    expect(percentagesComplaint([])).toBe('no percentage is given');
  });
});
