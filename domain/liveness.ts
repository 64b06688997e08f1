/** Is a host there, and how is it: what one look at it told, and what is kept of all looks. Times are ISO 8601 UTC of the worker's clock. */
import type { ExpectedInstall } from './watchdog/hosts.ts';

/** What one look at a host told. */
export type HostProbe = AnsweredProbe | SilentProbe;

export interface AnsweredProbe {
  readonly host: string;
  readonly answered: true;
  readonly at: string;
  readonly vitals: HostVitals;
  /** what is linked there, and whether it runs */
  readonly applications: readonly SeenInstall[];
  /** of break-glass; null: nobody used it */
  readonly marker: string | null;
  /** the highest epoch that the host has seen */
  readonly maxEpoch: number;
}

/** It was asked and did not answer, though the worker's own side was well. `message` says how that showed. */
export interface SilentProbe {
  readonly host: string;
  readonly answered: false;
  readonly at: string;
  readonly message: string;
}

export interface SeenInstall extends ExpectedInstall {
  /** the run configuration that is linked; null: none */
  readonly config: string | null;
  readonly running: boolean;
  /** something works in its folder that Signalbox did not start */
  readonly unmanaged: boolean;
}

/** What is null could not be told. */
export interface HostVitals {
  readonly freeBytes: number | null;
  /** size of the file system that holds the host's root */
  readonly diskBytes: number | null;
  /** what the host's clock is ahead of the worker's, at the very least; see `skewOf` */
  readonly skewMs: number | null;
  /** SHA-256 of the host program that answered, or `version N` of one that cannot tell it */
  readonly program: string | null;
}

/** What is kept of all looks at a host. */
export interface Liveness {
  readonly host: string;
  readonly state: 'up' | 'dead';
  readonly checkedAt: string;
  /** its last answer; null: it has never answered */
  readonly seenAt: string | null;
  /** the first look of those without an answer; null while it is up */
  readonly deadSince: string | null;
  /** why it is dead; null while it is up */
  readonly message: string | null;
  /** as of its last answer; null before the first */
  readonly vitals: HostVitals | null;
  readonly applications: readonly SeenInstall[];
}

/** A look that is older than what is known changes nothing: two workers may look at once. */
export function livenessAfter(before: Liveness | null, probe: HostProbe): Liveness {
  if (before !== null && before.checkedAt > probe.at) return before;
  const { host, at } = probe;
  if (probe.answered) return { host, state: 'up', checkedAt: at, seenAt: at, deadSince: null, message: null, vitals: newer(before?.vitals ?? null, probe.vitals), applications: probe.applications };
  const { seenAt = null, deadSince = null, vitals = null, applications = [] } = before ?? {};
  return { host, state: 'dead', checkedAt: at, seenAt, deadSince: deadSince ?? at, message: probe.message, vitals, applications };
}

/** Most looks do not ask for everything: what was told before stays. */
function newer(before: HostVitals | null, now: HostVitals): HostVitals {
  const { freeBytes = null, diskBytes = null, skewMs = null, program = null } = before ?? {};
  return { freeBytes: now.freeBytes ?? freeBytes, diskBytes: now.diskBytes ?? diskBytes, skewMs: now.skewMs ?? skewMs, program: now.program ?? program };
}

/** Longer than the longest interval of the fleet check: who was not looked at for so long may be anything. */
export const LOOK_MS_MAX = 900_000;

/** How a host stands now: what was seen last, unless that is too long ago. */
export function standingNow(known: Pick<Liveness, 'state' | 'checkedAt'> | null, nowMs: number): 'up' | 'dead' | 'unknown' {
  return known === null || nowMs - Date.parse(known.checkedAt) > LOOK_MS_MAX ? 'unknown' : known.state;
}

export interface ClockLook {
  /** whole seconds since 1970, cut off, by the host's clock */
  readonly clockSeconds: number;
  /** by the worker's clock: the host looked at its own somewhere between these */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/**
 * What the host's clock is ahead (behind: negative) at the very least. The answer's way and the cut-off seconds leave a span of
 * possible differences; when zero lies in it, nothing can be said against the clock.
 */
export function skewOf({ clockSeconds, askedMs, answeredMs }: ClockLook): number {
  const least = clockSeconds * 1000 - answeredMs;
  const most = clockSeconds * 1000 + 999 - askedMs;
  if (least > 0) return least;
  return most < 0 ? most : 0;
}
