/** How much of a pool one batch may take at most, whatever the strategy says; the floor comes on top. */

/** Percent of the whole pool, where nobody raised it. */
export const BATCH_CAP_PERCENT = 33;

/** What a release may raise it to, in percent, with a reason that is kept with it. */
export const BATCH_CAP_RAISED = { least: 34, most: 50 } as const;

/** Hosts a batch may hold, and lanes a window may have: the percentage of the pool rounded down, at least 1. */
export function batchCap(percent: number, hostsTotal: number): number {
  return Math.max(1, Math.floor((percent * hostsTotal) / 100));
}

/** The lowest raised cap, in percent, under which a batch of so many hosts fits; null when none does. */
export function capNeeded(batchHosts: number, hostsTotal: number): number | null {
  for (let percent: number = BATCH_CAP_RAISED.least; percent <= BATCH_CAP_RAISED.most; percent += 1) {
    if (batchCap(percent, hostsTotal) >= batchHosts) return percent;
  }
  return null;
}
