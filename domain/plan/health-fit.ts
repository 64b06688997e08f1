/** Health checks that no healthy host could pass in the time a step has. */
import type { HealthCheck } from '../inventory.ts';

/** Seconds a check takes at the very least: its first probe is at once, every further pass comes an interval later. */
export function leastSecondsOf({ passes, intervalMs }: Pick<HealthCheck, 'passes' | 'intervalMs'>): number {
  return ((passes - 1) * intervalMs) / 1000;
}

/** Why this check can never pass, as a sentence without its stop; null when it can. A long time-out alone is no fault: a check may pass sooner. */
export function neverFits(check: Pick<HealthCheck, 'passes' | 'intervalMs'>, stepSeconds: number): string | null {
  const least = leastSecondsOf(check);
  if (least <= stepSeconds) return null;
  return `${check.passes} passes, ${check.intervalMs} ms apart, take at least ${least} s, but a step has only ${stepSeconds} s (deadlines.stepSeconds)`;
}
