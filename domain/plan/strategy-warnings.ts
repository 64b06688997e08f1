/** Words of a strategy that this plan cannot follow, or that an operator should know of: never accepted and silently ignored. */
import type { BatchOverride, StrategySpec } from '../inventory.ts';
import { BATCH_CAP_PERCENT, batchCap } from './batch-cap.ts';
import { longRestAfter } from './waits.ts';
import type { CutBatch } from './cut.ts';
import type { Layout } from './layout.ts';
import type { PlannedBatch } from './plan.ts';
import type { PoolStanding } from './standing.ts';

interface WarningInput {
  readonly strategy: StrategySpec;
  readonly batchCapPercent?: number | null;
}

interface Planned {
  readonly batches: readonly PlannedBatch[];
  /** null for a pool of one, whose only batch is number 0 */
  readonly layout: Layout | null;
}

export function strategyWarnings({ strategy, batchCapPercent }: WarningInput, { hostsTotal, isJoined }: PoolStanding, { batches, layout }: Planned): string[] {
  const all = [
    unused(layout?.cut.unused ?? (strategy.batches.each ?? []).filter(({ index }) => index > 0)),
    ...(layout?.cut.joined ?? []).map(joined),
    ...(isJoined ? [] : (layout?.cut.batches ?? [])).map((batch) => narrowWindow(batch, batchCap(batchCapPercent ?? BATCH_CAP_PERCENT, hostsTotal))),
    longRest(strategy, batches, hostsTotal),
    ...batches.map((batch) => tolerance(strategy, batch)),
    unverified(batches),
  ];
  return all.filter((warning) => warning !== null);
}

function unused(overrides: readonly BatchOverride[]): string | null {
  if (overrides.length === 0) return null;
  return `The strategy has other values for batch ${overrides.map(({ index }) => index).join(', ')} (batches.each), and this plan has no such batch.`;
}

/** Size and mode did their work when the batch was cut; everything else would have counted for a batch of its own. */
function joined(override: BatchOverride): string | null {
  const lost = Object.keys(override).filter((member) => !['index', 'mode', 'percent', 'count'].includes(member));
  if (lost.length === 0) return null;
  return `Batch ${override.index} of batches.each goes on in the window before it: its ${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} not used.`;
}

function narrowWindow({ index, mode, width }: CutBatch, cap: number): string | null {
  if (mode !== 'window' || width <= cap) return null;
  return `The window of batch ${index} is narrowed from ${width} to ${cap} hosts at a time, the cap per batch.`;
}

function longRest(strategy: StrategySpec, batches: readonly PlannedBatch[], hostsTotal: number): string | null {
  const { pauseOnce } = strategy.batches;
  if (pauseOnce === null || pauseOnce === undefined) return null;
  const rolling = batches.filter(({ kind }) => kind === 'batch');
  const bastions = batches.find(({ kind }) => kind === 'bastion')?.hosts.length ?? 0;
  if (longRestAfter(strategy, rolling, { bastions, hostsTotal }) >= 0) return null;
  return `The one longer rest (batches.pauseOnce) has no place: ${pauseOnce.afterPercent} % of the pool is done only with the last batch.`;
}

function tolerance({ tolerance: { perBatch, total } }: StrategySpec, { index, kind, tolerance: own = 0 }: PlannedBatch): string | null {
  if (kind === 'bastion' || own <= Math.max(perBatch, total)) return null;
  return `Batch ${index} may have ${own} failed ${own === 1 ? 'target' : 'targets'}, but the whole release only ${total} (tolerance.total).`;
}

function unverified(batches: readonly PlannedBatch[]): string | null {
  const lenient = batches.filter(({ verification }) => verification === 'ignored');
  if (lenient.length === 0) return null;
  return `Health is not required in batch ${lenient.map(({ index }) => index).join(', ')}: hosts that do not become healthy are admitted nevertheless.`;
}
