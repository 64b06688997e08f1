/** What counts for a planned batch, also in a plan from before its batches carried all their values. */
import type { BatchMode, Verification } from '../inventory.ts';
import type { PlannedBatch } from './plan.ts';

export interface BatchValues {
  /** targets in work at the same time; of a window, its width */
  readonly lanes: number;
  readonly mode: BatchMode;
  readonly bakeSeconds: number;
  readonly pauseSeconds: number;
  /** waits for `promote` before the next batch */
  readonly manual: boolean;
  readonly verification: Verification;
  /** failed targets allowed in this batch */
  readonly tolerance: number;
  /** only where the strategy goes zone by zone */
  readonly zone: string | null;
}

/** `tolerancePerBatch` is the strategy's; a bastion never had any. */
export function batchValues(batch: PlannedBatch, tolerancePerBatch: number): BatchValues {
  const { lanes, mode = 'barrier', bakeSeconds, pauseSeconds = 0, manual, verification = 'required', zone = null } = batch;
  return { lanes, mode, bakeSeconds, pauseSeconds, manual, verification, tolerance: batch.tolerance ?? (batch.kind === 'bastion' ? 0 : tolerancePerBatch), zone };
}
