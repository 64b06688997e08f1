import { expect, test } from 'vitest';
import { median, verdict, withSpread } from '../../bench/statistics.ts';

test('the median is the middle value, or the middle of the two', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([1, 2, 4, 100])).toBe(3);
});

test('no runs have no median: a bench without runs proves nothing', () => {
  expect(() => median([])).toThrow('at least one');
});

test('the spread names smallest and largest beside the median', () => {
  expect(withSpread([2, 1, 4], 1)).toBe('2.0 (1.0–4.0)');
});

test('a target that is met exactly holds, one above it is missed, and no number at all is missed', () => {
  expect(verdict({ what: 'ratio', measured: 1.5, max: 1.5, digits: 2 })).toEqual({ holds: true, line: 'ok     ratio: 1.50 (at most 1.5)' });
  expect(verdict({ what: 'ratio', measured: 1.51, max: 1.5, digits: 2 })).toEqual({ holds: false, line: 'MISSED ratio: 1.51 (at most 1.5)' });
  expect(verdict({ what: 'ratio', measured: Number.NaN, max: 1.5, digits: 2 }).holds).toBe(false);
});
