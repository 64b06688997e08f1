/** A service that the last release left running and that is dead: is it started again, or left alone because it only dies again? */
import { findComposition } from './recipe/compose.ts';
import { runsOf } from './recipe/composition.ts';
import { repairCommand, type NewFinding } from './watchdog/finding.ts';
import type { TargetState } from './release/target.ts';
import type { SeenInstall } from './liveness.ts';
import type { FindRecipe } from './recipe/compose.ts';
import type { ApplicationSpec } from './inventory.ts';
import type { ExpectedInstall } from './watchdog/hosts.ts';

/** Started so often within this time, and dead once more: starting it again helps nobody. */
export const FLAPS = { startsMax: 5, withinMs: 600_000 } as const;

/** What a release left of an application on a host. */
export interface LeftInstall extends ExpectedInstall {
  /** it ran when the release went away */
  readonly leftRunning: boolean;
}

/** Of a target that is not held out: what was started there, or ran before and was not stopped for good. */
export function wasLeftRunning({ preImage, forward, back, fenced }: TargetState, application: string): boolean {
  const isBack = back.begun !== null || back.done.length > 0 || fenced !== null;
  if ((isBack ? back : forward).done.includes('start')) return true;
  return preImage?.applications.some((seen) => seen.application === application && seen.process !== null) ?? false;
}

/** One application on a host that no release owns, as it was just seen. */
export interface ServiceSeen {
  /** what the log says it runs */
  readonly expected: LeftInstall;
  /** null: the host says nothing of it */
  readonly seen: SeenInstall | null;
  /** an operator took the host out of traffic: then its processes are theirs, too */
  readonly isDrained: boolean;
  /** it was left alone before, and nobody has looked since */
  readonly isLeftAlone: boolean;
  /** when it was started again, of those times that nobody has looked at since */
  readonly startsMs: readonly number[];
  readonly nowMs: number;
}

/** `forget`: it runs again though it was left alone, so somebody has looked. */
export type KeepAlive = 'nothing' | 'start' | 'leave-alone' | 'forget';

/** What was changed by hand is never started: only the very release that the log says is there, when nobody else works in its folder. */
export function keepAlive({ expected, seen, isDrained, isLeftAlone, startsMs, nowMs }: ServiceSeen): KeepAlive {
  if (seen === null || !expected.leftRunning || expected.digest === null || seen.digest !== expected.digest || seen.config === null) return 'nothing';
  if (seen.running) return isLeftAlone ? 'forget' : 'nothing';
  if (isLeftAlone || isDrained || seen.unmanaged) return 'nothing';
  const recent = startsMs.filter((atMs) => nowMs - atMs < FLAPS.withinMs);
  return recent.length >= FLAPS.startsMax ? 'leave-alone' : 'start';
}

/** Only what is meant to run all the time is kept alive: an application whose recipe starts a process of its own. */
export function isKeptAlive({ recipe }: Pick<ApplicationSpec, 'recipe'>, find: FindRecipe): boolean {
  const composition = findComposition(recipe, find);
  return composition !== null && runsOf(composition) === 'process';
}

export const FLAPPING = 'service-flapping';

export function flappingId(host: string, application: string): string {
  return `${FLAPPING}/${host}/${application}`;
}

export interface Flapping {
  readonly host: string;
  readonly pool: string;
  readonly application: string;
  /** what the last start ended with; null: it started */
  readonly outcome: string | null;
}

export function flapping({ host, pool, application, outcome }: Flapping): NewFinding {
  const id = flappingId(host, application);
  return {
    id,
    kind: FLAPPING,
    subject: host,
    sentence: `${application} on ${host} was started again ${FLAPS.startsMax} times within ${FLAPS.withinMs / 60_000} minutes and is dead once more${outcome === null ? '' : ` (${outcome})`}; it is left alone now.`,
    matters: `${host} does not serve, unless its balancer notices. A release, or whatever makes it run again, ends this, too.`,
    repair: repairCommand(id),
    verb: 'keep-alive',
    about: { host, pool, application },
  };
}
