import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../cli/backoff.ts';
import { parseDurationMs, showDuration } from '../../cli/duration.ts';

describe('durations', () => {
  test.each([
    ['90', 90_000],
    ['0', 0],
    ['1.5', 1500],
    ['250ms', 250],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
  ])('"%s" is %i milliseconds', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(['', 'soon', '-1', '10 m', '10x', '1e3'])('"%s" is refused', (text) => {
    expect(() => parseDurationMs(text)).toThrow('is not a duration');
  });

  test('are shown with the two units that matter', () => {
    expect([4_000, 65_000, 3_725_000].map(showDuration)).toEqual(['4s', '1m05s', '1h02m']);
  });
});

describe('pauses between attempts', () => {
  test('double up to 5 s and never fall below half of it', () => {
    const shortest = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 0));
    const longest = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 1));
    expect(shortest.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(longest.slice(0, 4)).toEqual([200, 400, 800, 1600]);
    expect(Math.max(...longest)).toBe(5000);
  });
});
