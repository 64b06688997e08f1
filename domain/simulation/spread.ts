/** How a duration varies, kept as a few evenly spaced quantiles: small enough to travel with a release, exact enough to draw from. */

/** Milliseconds, shortest first; the first is the shortest seen and the last the longest. One entry: always the same. */
export type Spread = readonly number[];

const QUANTILES = 11;

/** The spread of what was seen, in whole milliseconds; null when nothing was. */
export function spreadOf(seenMs: readonly number[]): Spread | null {
  if (seenMs.length === 0) return null;
  const sorted = seenMs.toSorted((a, b) => a - b);
  if (sorted.length === 1 || sorted[0] === sorted.at(-1)) return [Math.round(sorted[0] ?? 0)];
  const points = Math.min(QUANTILES, sorted.length);
  return Array.from({ length: points }, (_, index) => Math.round(at(sorted, index / (points - 1))));
}

/** The duration that this part (0 to 1) of all stay below. */
export function at(spread: Spread, part: number): number {
  const place = part * (spread.length - 1);
  const below = Math.floor(place);
  const low = spread[below] ?? 0;
  const high = spread[below + 1] ?? low;
  return low + (high - low) * (place - below);
}

/** What is seen when one follows the other, slow with slow and quick with quick: rather too wide than too narrow. */
export function oneAfterOther(first: Spread, second: Spread): Spread {
  return Array.from({ length: QUANTILES }, (_, index) => Math.round(at(first, index / (QUANTILES - 1)) + at(second, index / (QUANTILES - 1))));
}
