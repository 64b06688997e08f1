/** Percentages and counts → numbers of hosts. */
import type { BatchPolicy } from '../inventory.ts';

/** Where the declared parts are used up before the hosts are, because of rounding down; and for hosts that no list names. */
const LEFTOVER_PERCENT = 25;

/** What one part of a pool is said to be: a percentage of the whole pool, a number of hosts, or all that is left of its stretch. */
export type Part = { readonly percent: number } | { readonly count: number } | 'all';

/** The part that the batch at a position of the pattern takes. Position 0 is the first batch, or the first of a zone. */
export type PartPattern = (position: number) => Part;

/**
 * Sizes of the batches that take `rest` hosts, each a part of `hostsTotal` rounded down, at least 1 and at most what is left.
 * One percentage repeats and ends with the remainder (30 → 30+30+30+10); several are taken as they stand; then 25 %.
 * `hostsTotal` is the whole pool, the bastion included; `rest` is what the bastion leaves, for the bastion is no part of the hundred.
 */
export function batchSizes(percent: readonly number[], hostsTotal: number, rest: number): number[] {
  const pattern = percentPattern(percent);
  const sizes: number[] = [];
  for (let left = rest; left > 0; left -= sizes.at(-1) ?? left) sizes.push(Math.min(left, sizeOf(pattern(sizes.length), hostsTotal)));
  return sizes;
}

/** The pattern of a strategy that cuts by percentages or counts; the last count repeats. */
export function partPattern({ percent, count = [] }: Pick<BatchPolicy, 'percent' | 'count'>): PartPattern {
  if (count.length === 0) return percentPattern(percent);
  return (position) => ({ count: count[Math.min(position, count.length - 1)] ?? 1 });
}

/** What follows explicit lists. */
export const LEFTOVERS: PartPattern = () => ({ percent: LEFTOVER_PERCENT });

/** Hosts of a part if so many are left, at least 1. */
export function sizeOf(part: Part, hostsTotal: number): number {
  if (part === 'all') return Number.POSITIVE_INFINITY;
  return 'count' in part ? part.count : sizeOfPart(part.percent, hostsTotal);
}

/** A percentage of the whole pool as hosts: rounded down, at least 1. */
export function sizeOfPart(percent: number, hostsTotal: number): number {
  return Math.max(1, Math.floor((percent * hostsTotal) / 100));
}

/** Why these percentages make no plan, as the end of a sentence; null when they do. */
export function percentagesComplaint(percent: readonly number[]): string | null {
  if (percent.length === 0) return 'no percentage is given';
  const wrong = percent.find((part) => !(part > 0 && part <= 100));
  if (wrong !== undefined) return `${wrong} is not above 0 and at most 100`;
  const sum = percent.reduce((total, part) => total + part, 0);
  // Fractions such as 33.3 + 33.3 + 33.4 miss the hundred by the last binary digit.
  if (percent.length > 1 && Math.abs(sum - 100) > 1e-6) return `${percent.join(' + ')} add up to ${sum}, not 100`;
  return null;
}

function percentPattern(percent: readonly number[]): PartPattern {
  const parts = partsOf(percent);
  return (position) => ({ percent: parts[position] ?? LEFTOVER_PERCENT });
}

function partsOf(percent: readonly number[]): readonly number[] {
  const [single] = percent;
  if (percent.length !== 1 || single === undefined) return percent;
  const whole = Math.floor(100 / single);
  return [...Array.from({ length: whole }, () => single), 100 - whole * single].filter((part) => part > 0);
}
