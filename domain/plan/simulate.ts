/** How long a plan would take if all goes well. */
import type { Plan } from './plan.ts';

/** `watchSeconds`: the strategy's watch after the last batch, when it should count. */
export interface Pace {
  readonly secondsPerTarget: number;
  readonly watchSeconds?: number;
}

/**
 * Seconds from the first drain to the end: each batch in as many turns as its lanes need, plus every bake and every rest. Time in which a person
 * is waited for (manual batches) is not known and not counted.
 */
export function predictSeconds(plan: Plan, { secondsPerTarget, watchSeconds = 0 }: Pace): number {
  return plan.batches.reduce((seconds, batch) => seconds + Math.ceil(batch.hosts.length / batch.lanes) * secondsPerTarget + batch.bakeSeconds + (batch.pauseSeconds ?? 0), watchSeconds);
}
