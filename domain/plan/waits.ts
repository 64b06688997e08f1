/**
 * What is waited for after a batch, before the next one begins. It hangs on the order in which batches are done: the end of the first
 * zone bakes longer, one rest is longer than the others, and nothing follows the last.
 */
import type { BatchOverride, BatchPolicy, StrategySpec } from '../inventory.ts';
import type { PlannedBatch } from './plan.ts';

export interface Waits {
  readonly bakeSeconds: number;
  /** for a person's `promote` */
  readonly manual: boolean;
  readonly pauseSeconds: number;
}

/** Positions among the batches behind the bastion, in the order in which they are done; -1: there is no such batch. */
export interface WaitMarks {
  readonly endOfFirstZone: number;
  readonly longRest: number;
  readonly last: number;
}

type Ordered = readonly { readonly hosts: readonly unknown[]; readonly zone?: string | null }[];

interface Behind {
  /** hosts that are done before the first of these batches */
  readonly bastions: number;
  readonly hostsTotal: number;
}

/** `ordered` are all batches behind the bastion; `firstZone` is where the plan begins, null where no zones are kept apart. */
export function waitMarks(strategy: StrategySpec, ordered: Ordered, { firstZone, ...behind }: Behind & { readonly firstZone: string | null }): WaitMarks {
  return {
    endOfFirstZone: firstZone === null ? -1 : ordered.findLastIndex(({ zone }) => zone === firstZone),
    longRest: longRestAfter(strategy, ordered, behind),
    last: ordered.length - 1,
  };
}

/** Nothing follows the last batch, so it neither rests nor waits for anybody. */
export function waitsAt({ batches }: StrategySpec, position: number, { marks, override }: { readonly marks: WaitMarks; readonly override: BatchOverride | null }): Waits {
  const zoneBake = position === marks.endOfFirstZone ? batches.firstZoneBakeSeconds : null;
  const bakeSeconds = override?.bakeSeconds ?? zoneBake ?? batches.bakeSeconds;
  if (position === marks.last) return { bakeSeconds, manual: false, pauseSeconds: 0 };
  const own = { bakeSeconds, manual: (override?.advance ?? batches.advance) === 'manual', pauseSeconds: override?.pauseSeconds ?? batches.pauseSeconds ?? 0 };
  return position === marks.longRest ? rested(own, batches.pauseOnce?.seconds ?? null) : own;
}

/**
 * The override that counts for a planned batch. One that made a window of a part may have gone into the window before it, and then it is
 * not meant for the batch that got its index: that one has the mode of all.
 */
export function overrideOf({ each = [], mode }: BatchPolicy, batch: Pick<PlannedBatch, 'index' | 'mode'>): BatchOverride | null {
  return each.find((override) => override.index === batch.index && (override.mode ?? mode) === (batch.mode ?? 'barrier')) ?? null;
}

/**
 * Position of the first batch with which the share of `pauseOnce` is done; -1 where there is none, or only the last. The bastion
 * counts as done, but the rest follows a batch: only then does the build serve.
 */
export function longRestAfter({ batches: { pauseOnce } }: StrategySpec, ordered: Ordered, { bastions, hostsTotal }: Behind): number {
  if (pauseOnce === null || pauseOnce === undefined) return -1;
  let done = bastions;
  const reached = ordered.findIndex(({ hosts }) => (done += hosts.length) * 100 >= pauseOnce.afterPercent * hostsTotal);
  return reached < ordered.length - 1 ? reached : -1;
}

function rested(waits: Waits, seconds: number | null): Waits {
  return seconds === null ? { ...waits, manual: true } : { ...waits, pauseSeconds: Math.max(waits.pauseSeconds, seconds) };
}
