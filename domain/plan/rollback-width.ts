/** How much of a pool goes back at a time. */
import type { StrategySpec } from '../inventory.ts';

/** Width of a rollback where the strategy leaves it open: the widest rollout batch, at least this. */
const ROLLBACK_PERCENT_MIN = 33;

/** Percent of the whole pool in one batch of a regular rollback. `share`: what the widest batch takes where counts and lists, which have no percentage, make it. */
export function rollbackWidth({ rollback, batches }: Pick<StrategySpec, 'rollback' | 'batches'>, share = 0): number {
  const { percent, each = [] } = batches;
  return rollback.batchPercent ?? Math.max(ROLLBACK_PERCENT_MIN, share, ...percent, ...each.flatMap((override) => override.percent ?? []));
}
