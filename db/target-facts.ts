/** What activities ask of one target: facts that were recorded before and decide what a step may do. */
import { isHeldOut } from '../domain/release-hold.ts';
import { nextAfter } from '../domain/release/target.ts';
import type { Database } from './client.ts';
import type { Observation, ObservedProcess, TargetState } from '../domain/release/target.ts';
import type { Failure, Step } from '../domain/vocabulary.ts';

export interface RecordedTarget {
  readonly preImage: Observation | null;
  readonly configs: Readonly<Record<string, string>>;
  readonly staged: boolean;
}

/** Pre-image and staged configurations of one target, which stand once it is staged. Throws when the release has no such target. */
export async function targetFacts(db: Database, release: string, host: string): Promise<RecordedTarget> {
  const folded = db.folds.targets.get(`${release}/${host}`)?.state;
  const { preImage, configs, staged } = folded?.staged === true ? folded : await targetState(db, release, host);
  return { preImage, configs, staged };
}

/** The furthest forward step that may have begun on this target; null when none was. */
export async function begunStep(db: Database, release: string, host: string): Promise<Step | null> {
  const { forward } = await targetState(db, release, host);
  return forward.begun === null ? null : nextAfter(forward);
}

export interface ForwardFacts {
  /** what was started last, by application; empty when that was not recorded */
  readonly processes: Readonly<Record<string, ObservedProcess>>;
  /** the checks after admit failed in the round that is asked for */
  readonly checkFailure: Failure | null;
}

/** What earlier steps of the way forward have left to the later ones. */
export async function forwardFacts(db: Database, { release, host, round }: { readonly release: string; readonly host: string; readonly round: number }): Promise<ForwardFacts> {
  const { forward } = await targetState(db, release, host);
  return { processes: forward.processes ?? {}, checkFailure: forward.round === round ? (forward.checkFailure ?? null) : null };
}

/**
 * The ended release that last touched this host, if it left the host drained, with what it saw before: then its drains are ours, and the
 * next good release may lift them. null when the host was brought back, or was never ours.
 */
export async function leftOutBy(db: Database, release: string, host: string): Promise<{ readonly release: string; readonly preImage: Observation } | null> {
  const row = await db.kysely
    .selectFrom('release_targets')
    .innerJoin('releases', 'releases.id', 'release_targets.release')
    .select(['release_targets.release', 'release_targets.state'])
    .where('release_targets.host', '=', host)
    .where('release_targets.release', '!=', release)
    .where('release_targets.touched', '=', true)
    .orderBy('releases.created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined || row.state.preImage === null) return null;
  return isHeldOut(row.state) ? { release: row.release, preImage: row.state.preImage } : null;
}

async function targetState(db: Database, release: string, host: string): Promise<TargetState> {
  const row = await db.kysely.selectFrom('release_targets').select('state').where('release', '=', release).where('host', '=', host).executeTakeFirst();
  if (row === undefined) throw new Error(`Release ${release} has no target ${host}`);
  return row.state;
}
