/** Health checks that no healthy host could pass in the time a step has. */
import type { HealthCheck } from '../inventory.ts';

type Pace = Pick<HealthCheck, 'passes' | 'intervalMs' | 'healthySeconds'>;

/** Seconds a check takes at the very least: its first probe is at once, every further pass comes an interval later, and it may want to be seen healthy for longer. */
export function leastSecondsOf({ passes, intervalMs, healthySeconds = 0 }: Pace): number {
  return Math.max(((passes - 1) * intervalMs) / 1000, healthySeconds);
}

/** Why this check can never pass, as a sentence without its stop; null when it can. A long time-out alone is no fault: a check may pass sooner. */
export function neverFits(check: Pace, stepSeconds: number): string | null {
  const least = leastSecondsOf(check);
  if (least <= stepSeconds) return null;
  const { passes, intervalMs, healthySeconds = 0 } = check;
  const what = healthySeconds >= least ? `staying healthy for ${healthySeconds} s takes` : `${passes} passes, ${intervalMs} ms apart, take`;
  return `${what} at least ${least} s, but a step has only ${stepSeconds} s (deadlines.stepSeconds)`;
}
