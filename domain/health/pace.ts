/**
 * How often a check must pass, and until when.
 *
 *   waiting  --pass-->  counting  --`passes` in a row-->  watching  --`healthySeconds` since the first of them-->  healthy
 *      ^                   |                                 |
 *      +----- failure -----+---------- failure -------------+
 *
 * A failure leads back to the beginning, whenever it comes. The deadline, `timeoutSeconds` after the first probe was sent, is the last
 * moment to begin watching: who watches then is watched to the end of the span, who does not is too late. Time in which no probe could
 * reach the host, or its answer could not come back, is not the application's and puts the deadline off.
 */
import type { HealthPace } from '../inventory.ts';

/** A way to the host and back that takes no longer is what the check was written for; all of a longer one is put to the deadline. */
export const ORDINARY_WAY_MS = 1_000;

/** `sinceMs`: when the first of the passes in a row was seen; null with none. Milliseconds of any clock that never goes back. */
export interface Watch {
  readonly startedMs: number;
  readonly inARow: number;
  readonly sinceMs: number | null;
  /** how long probes and answers were held up between here and the host */
  readonly heldUpMs: number;
}

/** One probe, whose end was at `atMs`. */
export interface TimedProbe {
  readonly pass: boolean;
  readonly atMs: number;
  /** what getting there and back took, without the work on the host; absent: as long as usual */
  readonly wayMs?: number;
}

export type PaceVerdict = 'healthy' | 'too-late' | 'go-on';

export function beginWatch(nowMs: number): Watch {
  return { startedMs: nowMs, inARow: 0, sinceMs: null, heldUpMs: 0 };
}

/** What a call took on its way. `onHostMs`: as the host measured it; null: it did not, and may have needed all of `boundMs`. */
export function wayMs({ tookMs, onHostMs, boundMs }: { readonly tookMs: number; readonly onHostMs: number | null; readonly boundMs: number }): number {
  return Math.max(0, tookMs - (onHostMs ?? boundMs));
}

/** Folds one probe. */
export function watchOn(pace: HealthPace, watch: Watch, { pass, atMs, wayMs: way = 0 }: TimedProbe): { readonly watch: Watch; readonly verdict: PaceVerdict } {
  const inARow = pass ? watch.inARow + 1 : 0;
  const sinceMs = pass ? (watch.sinceMs ?? atMs) : null;
  const next: Watch = { ...watch, inARow, sinceMs, heldUpMs: watch.heldUpMs + (way > ORDINARY_WAY_MS ? way : 0) };
  return { watch: next, verdict: verdictOn(pace, next, atMs) };
}

/** The last moment at which watching may begin. */
export function deadlineMs(pace: HealthPace, { startedMs, heldUpMs }: Watch): number {
  return startedMs + pace.timeoutSeconds * 1000 + heldUpMs;
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
