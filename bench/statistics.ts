/** Figures of repeated runs: the middle one, and how far they lie apart. */

/** Throws on an empty list, for a bench without runs proves nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error('A median needs at least one value.');
  return (lower + upper) / 2;
}

/** "1.23 (1.10–1.41)": median, smallest and largest. */
export function withSpread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

export interface Target {
  readonly what: string;
  readonly measured: number;
  readonly max: number;
  readonly digits: number;
}

/** One line a reader can check, and whether it holds. */
export function verdict({ what, measured, max, digits }: Target): { readonly holds: boolean; readonly line: string } {
  const holds = measured <= max;
  return { holds, line: `${holds ? 'ok    ' : 'MISSED'} ${what}: ${measured.toFixed(digits)} (at most ${max})` };
}
