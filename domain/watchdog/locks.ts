/** Pools and hosts that are owned by a release that does not run: of one that has ended they are freed at once, of one nobody knows a person decides. */
import { repairCommand, type Look, type NewFinding } from './finding.ts';

export interface LockHeld {
  readonly release: string;
  /** the log knows this release; then it has ended */
  readonly isKnown: boolean;
  /** pools and hosts, by name */
  readonly owned: readonly string[];
}

const NAMES_MAX = 8;

/** Releases whose locks are freed without being asked: their record does not change any more. */
export function freedAtOnce(locks: readonly LockHeld[]): readonly { readonly release: string; readonly sentence: string }[] {
  return locks.filter(({ isKnown }) => isKnown).map(({ release, owned }) => ({ release, sentence: `Release ${release} has ended but still owned ${listed(owned)}; that was freed.` }));
}

export function lookAtLocks(locks: readonly LockHeld[]): Look {
  return { kinds: ['orphaned-lock'], found: locks.filter(({ isKnown }) => !isKnown).map(orphanedLock), isUnjudged: () => false };
}

function orphanedLock({ release, owned }: LockHeld): NewFinding {
  const id = `orphaned-lock/${release}`;
  return {
    id,
    kind: 'orphaned-lock',
    subject: release,
    sentence: `${listed(owned)} ${owned.length === 1 ? 'is' : 'are'} owned by release ${release}, which the log does not know.`,
    matters: 'Nothing can be released there until it is freed. If the database was set back, see to it that no workflow of that release runs any more.',
    repair: repairCommand(id),
    verb: 'free-lock',
    about: { release },
  };
}

function listed(names: readonly string[]): string {
  return names.length > NAMES_MAX ? `${names.slice(0, NAMES_MAX).join(', ')} and ${names.length - NAMES_MAX} more` : names.join(', ');
}
