/** Is every release that runs by the log also running in Temporal, and does it get on? Judged from two looks, so that no change between them counts. */
import { repairCommand, type Look, type NewFinding } from './finding.ts';
import type { Status } from '../vocabulary.ts';

/** A release that has not ended by the log. */
export interface RunningRelease {
  readonly release: string;
  readonly pool: string;
  readonly status: Status;
  /** its workflow has opened its stream */
  readonly isOpen: boolean;
  /** stream version of its last decision */
  readonly version: number;
  readonly epoch: number;
  readonly ageMs: number;
  /** the message that starts its workflow is on its way */
  readonly isStarting: boolean;
  /** some message to it is on its way */
  readonly hasMessages: boolean;
  /** it was named holder of its pool a while ago and has not taken it */
  readonly isNamed: boolean;
}

/**
 * What Temporal says of a workflow. `attempt`: of the workflow task that is due, from 1; null when none is. `head`: how far the workflow
 * knows the log; null: nobody could ask it.
 */
export type WorkflowSight =
  | { readonly seen: 'running'; readonly attempt: number | null; readonly failure: string | null; readonly head: { readonly version: number; readonly epoch: number | null } | null }
  | { readonly seen: 'closed'; readonly status: string }
  | { readonly seen: 'absent' }
  | { readonly seen: 'unknown' };

/** After so many attempts at one workflow task it is its code that fails, and nobody's outage. */
const ATTEMPTS_MAX = 3;

export interface ReleaseLook {
  /** as the log said before Temporal was asked */
  readonly before: RunningRelease;
  readonly sight: WorkflowSight;
  /** as the log says after it; null: it has ended meanwhile */
  readonly after: RunningRelease | null;
}

/** One finding at most: what keeps this release from going on. */
export function findingOfRelease({ before, sight, after }: ReleaseLook): NewFinding | null {
  if (after === null || before.isStarting || after.isStarting) return null;
  switch (sight.seen) {
    case 'closed':
      return orphaned(after, `its workflow is closed in Temporal (${sight.status})`);
    case 'absent':
      // Never opened and never started: it is started again by itself.
      return after.isOpen ? orphaned(after, 'Temporal knows no such workflow') : null;
    case 'running':
      return stuck(after, sight) ?? behind(after, sight);
    default:
      return null;
  }
}

function orphaned({ release, pool, status }: RunningRelease, why: string): NewFinding {
  const id = `orphaned-release/${release}`;
  return {
    id,
    kind: 'orphaned-release',
    subject: release,
    sentence: `Release ${release} is ${status} by the log, but ${why}: nobody carries it on.`,
    matters: `It keeps pool ${pool} and its hosts, takes no command, and hosts may stay out of traffic. Adopting goes on exactly where the log stands; with --then rollback or --then abort it is taken back or ended at once.`,
    repair: repairCommand(id),
    verb: 'adopt-release',
    about: { release, pool },
  };
}

function stuck({ release, pool }: RunningRelease, { attempt, failure, head }: Extract<WorkflowSight, { seen: 'running' }>): NewFinding | null {
  if (attempt === null || attempt < ATTEMPTS_MAX) return null;
  const id = `stuck-release/${release}`;
  return {
    id,
    kind: 'stuck-release',
    subject: release,
    sentence: `The workflow code of release ${release} fails again and again${failure === null ? '' : `: ${failure}`}`,
    matters: `Pool ${pool} waits. Run a worker whose code is right and it goes on by itself. If its history cannot be read by any, adopting starts a new workflow from the log; with --then rollback it is taken back at once.`,
    repair: repairCommand(id),
    verb: 'adopt-release',
    about: { release, pool, terminate: true, ...(head?.epoch == null ? {} : { epochAbove: head.epoch }) },
  };
}

function behind({ release, pool, version }: RunningRelease, { head }: Extract<WorkflowSight, { seen: 'running' }>): NewFinding | null {
  if (head === null || head.version <= version) return null;
  const id = `log-behind/${release}`;
  return {
    id,
    kind: 'log-behind',
    subject: release,
    sentence: `The log of release ${release} ends at decision ${version}, but its workflow has seen decision ${head.version} stored: an older state of the database was restored.`,
    matters: `What was done in between is not in the log, so the release stores nothing more and waits; nothing is numbered anew. Restore the newer database if there is one. Else adopt: it goes on from the log as it is, under new epochs, and every host is looked at before it is touched. Pool ${pool} waits meanwhile.`,
    repair: repairCommand(id),
    verb: 'adopt-release',
    about: { release, pool, terminate: true, ...(head.epoch === null ? {} : { epochAbove: head.epoch }) },
  };
}

/** While its start or adoption is on its way, nobody can say whether it will arrive. */
function isUnjudged({ before, sight, after }: ReleaseLook): boolean {
  return sight.seen === 'unknown' || (after !== null && (before.isStarting || after.isStarting));
}

/** Releases nobody could judge keep what was found of them. */
export function lookAtReleases(looks: readonly ReleaseLook[], unlooked: ReadonlySet<string>): Look {
  const unknown = new Set([...looks.flatMap((look) => (isUnjudged(look) ? [look.before.release] : [])), ...unlooked]);
  // A workflow that cannot be asked says nothing about how far it knows the log.
  const mute = new Set(looks.flatMap(({ before, sight }) => (sight.seen === 'running' && sight.head === null ? [`log-behind/${before.release}`] : [])));
  return {
    kinds: ['orphaned-release', 'stuck-release', 'log-behind'],
    found: looks.flatMap((look) => findingOfRelease(look) ?? []),
    isUnjudged: (id) => unknown.has(id.slice(id.indexOf('/') + 1)) || mute.has(id),
  };
}

/** Done without being asked: repeating either message is harmless. */
export type OwnAct =
  | { readonly do: 'start'; readonly release: string; readonly sentence: string }
  | { readonly do: 'wake'; readonly release: string; readonly pool: string; readonly sentence: string };

/** A release that was never started is started again; one that was given its pool and did not take it is woken again. */
export function ownActs({ before, sight, after }: ReleaseLook): readonly OwnAct[] {
  if (after === null || before.hasMessages || after.hasMessages) return [];
  const { release, pool, isOpen, isNamed } = after;
  if (sight.seen === 'absent' && !isOpen) return [{ do: 'start', release, sentence: `The workflow of release ${release} was never started; its start was sent again.` }];
  const isWell = sight.seen === 'running' && (sight.attempt ?? 0) < ATTEMPTS_MAX;
  return isWell && before.isNamed && isNamed ? [{ do: 'wake', release, pool, sentence: `Pool ${pool} was given to release ${release}, which had not taken it; it was woken again.` }] : [];
}
