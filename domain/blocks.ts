/**
 * What keeps a version or an application from being released: the quarantine of a bad build, and the hold a person's rollback leaves.
 * A failure alone blocks nothing.
 */
import { planOf, progressOf } from './release/evolve.ts';
import type { CoreEventData } from './release/events.ts';
import type { ReleaseState } from './release/state.ts';
import type { Observation } from './release/target.ts';
import type { FailedTarget, Failure } from './vocabulary.ts';

/** A quarantine (`name` is a package id) or a hold (`name` is an application of `pool`) that stands. */
export interface Standing {
  readonly kind: 'quarantine' | 'hold';
  readonly name: string;
  readonly pool: string;
  readonly reason: string;
  /** the release that failed or was taken back; null: somebody said so by hand */
  readonly release: string | null;
  readonly by: { readonly name: string };
  readonly since: string;
}

/** One sentence with who, why and since when, and the command that lifts it. */
export function blockSentence({ kind, name, pool, reason, release, by, since }: Standing): string {
  const because = `${release === null ? '' : `after release ${release} `}by ${by.name} since ${since}: ${reason}`;
  if (kind === 'quarantine') return `Package ${name} is quarantined ${because}. Release a new version, or lift it: signalbox package lift ${name} --reason ...`;
  return `Application ${name} of pool ${pool} is held ${because}. Lift it first: signalbox lift ${name} --pool ${pool} --reason ...`;
}

/** Why a release that waited may not start any more; null when nothing blocks it. */
export function blockedFailure(blocks: readonly Standing[]): Failure | null {
  const [first] = blocks;
  if (first === undefined) return null;
  const isHold = first.kind === 'hold';
  return {
    class: 'refused',
    code: isHold ? 'held' : 'quarantined',
    message: `${blocks.map(blockSentence).join(' ')} Nothing was touched.`,
    next: isHold ? `signalbox lift ${first.name} --pool ${first.pool} --reason ..., then release again.` : 'Release another version.',
  };
}

type RollbackCause = CoreEventData['rollback-started']['cause'];

/** Who wanted a rollback: a person, in whatever words, or the strategy by itself. `nobody-new`: it ends, or carries out, what was decided before. */
const WANTED_BY: Readonly<Record<RollbackCause, 'person' | 'strategy' | 'nobody-new'>> = {
  operator: 'person',
  answer: 'person',
  rejected: 'person',
  bastion: 'strategy',
  tolerance: 'strategy',
  'pause-deadline': 'strategy',
  abort: 'nobody-new',
  release: 'nobody-new',
};

/** Kinds of release that a hold or a quarantine lets pass: they bring back, or spread, what runs already. */
const PASSING: ReadonlySet<string> = new Set(['rollback', 'scale-out']);

export function mayBeBlocked(kind: string): boolean {
  return !PASSING.has(kind);
}

/**
 * Packages to quarantine when a release has begun to roll back because of the build: those it brought, if a target that the rollback is
 * about failed so. Never one that a host ran before, for then it is not the package that is bad.
 */
export function badPackages(state: ReleaseState, cause: RollbackCause, preImages: readonly Observation[]): readonly string[] {
  if (!failuresBehind(state, cause).some(({ failure }) => failure.class === 'bad-build')) return [];
  const before = new Set(preImages.flatMap(({ applications }) => applications.map(({ application, digest }) => `${application} ${digest ?? ''}`)));
  return (planOf(state.situation)?.changes ?? []).filter(({ application, sha256 }) => !before.has(`${application} ${sha256}`)).map(({ application, version }) => `${application}@${version}`);
}

/** The failures a rollback is about: all where the strategy began it, of a question those answered `fail`; else a person had reasons of their own. */
function failuresBehind({ situation }: ReleaseState, cause: RollbackCause): readonly FailedTarget[] {
  const { failed = [], answers = {} } = progressOf(situation) ?? {};
  if (cause === 'answer') return failed.filter(({ host }) => answers[host] === 'fail');
  return WANTED_BY[cause] === 'strategy' ? failed : [];
}

/** Applications of the pool that are held when a person takes a release back: by a command, by refusing the bastion, or by answering that a target has failed for good. */
export function heldApplications(state: ReleaseState, cause: RollbackCause): readonly string[] {
  return WANTED_BY[cause] === 'person' ? state.request.changes.map(({ application }) => application) : [];
}
