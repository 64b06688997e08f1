/** Failures one after the other, in the order targets ended. The order is known only to whoever saw the ends, so it is written into decisions. */

/** `last`: failures since the last success; `longest`: the most there ever were in a row. */
export interface Streak {
  readonly last: number;
  readonly longest: number;
}

export const NO_STREAK: Streak = { last: 0, longest: 0 };

export function afterEnd({ last, longest }: Streak, failed: boolean): Streak {
  const now = failed ? last + 1 : 0;
  return { last: now, longest: Math.max(longest, now) };
}
