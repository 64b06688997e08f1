/**
 * How often a check must pass, and until when.
 *
 *   waiting  --pass-->  counting  --`passes` in a row-->  watching  --`healthySeconds` since the first of them-->  healthy
 *      ^                   |                                 |
 *      +----- failure -----+---------- failure -------------+
 *
 * A failure leads back to the beginning, whenever it comes. The deadline, `timeoutSeconds` after the first probe was sent, is the last
 * moment to begin watching: who watches then is watched to the end of the span, who does not is too late.
 */
import type { HealthPace } from '../inventory.ts';

/** `sinceMs`: when the first of the passes in a row was seen; null with none. Milliseconds of any clock that never goes back. */
export interface Watch {
  readonly startedMs: number;
  readonly inARow: number;
  readonly sinceMs: number | null;
}

export type PaceVerdict = 'healthy' | 'too-late' | 'go-on';

export function beginWatch(nowMs: number): Watch {
  return { startedMs: nowMs, inARow: 0, sinceMs: null };
}

/** Folds one probe, whose end was at `atMs`. */
export function watchOn(pace: HealthPace, watch: Watch, { pass, atMs }: { readonly pass: boolean; readonly atMs: number }): { readonly watch: Watch; readonly verdict: PaceVerdict } {
  const inARow = pass ? watch.inARow + 1 : 0;
  const sinceMs = pass ? (watch.sinceMs ?? atMs) : null;
  const next: Watch = { ...watch, inARow, sinceMs };
  return { watch: next, verdict: verdictOn(pace, next, atMs) };
}

/** The last moment at which watching may begin. */
export function deadlineMs(pace: HealthPace, { startedMs }: Watch): number {
  return startedMs + pace.timeoutSeconds * 1000;
}

/** When the span that is under way ends; null when none is. */
export function spanEndMs(pace: HealthPace, { inARow, sinceMs }: Watch): number | null {
  return sinceMs === null || inARow < pace.passes ? null : sinceMs + (pace.healthySeconds ?? 0) * 1000;
}

function verdictOn(pace: HealthPace, watch: Watch, atMs: number): PaceVerdict {
  const endMs = spanEndMs(pace, watch);
  if (endMs !== null) return atMs >= endMs ? 'healthy' : 'go-on';
  return atMs >= deadlineMs(pace, watch) ? 'too-late' : 'go-on';
}
