/** Percentages → numbers of hosts. */

/** Where the declared parts are used up before the hosts are, because of rounding down. */
const LEFTOVER_PERCENT = 25;

/**
 * Sizes of the batches that take `rest` hosts, each a part of `hostsTotal` rounded down, at least 1 and at most what is left.
 * One percentage repeats and ends with the remainder (30 → 30+30+30+10); several are taken as they stand; then 25 %.
 * `hostsTotal` is the whole pool, the bastion included; `rest` is what the bastion leaves, for the bastion is no part of the hundred.
 */
export function batchSizes(percent: readonly number[], hostsTotal: number, rest: number): number[] {
  const sizes: number[] = [];
  const parts = partsOf(percent);
  for (let left = rest; left > 0; left -= sizes.at(-1) ?? left) {
    const part = parts[sizes.length] ?? LEFTOVER_PERCENT;
    sizes.push(Math.min(left, Math.max(1, Math.floor((part * hostsTotal) / 100))));
  }
  return sizes;
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

function partsOf(percent: readonly number[]): readonly number[] {
  const [single] = percent;
  if (percent.length !== 1 || single === undefined) return percent;
  const whole = Math.floor(100 / single);
  return [...Array.from({ length: whole }, () => single), 100 - whole * single].filter((part) => part > 0);
}
