/**
 * Builds of the worker, and which of them begins releases. A release stays with the build that began it (Temporal: pinned worker
 * deployment versions), as long as a worker of that build lives. Pure.
 */

export interface Build {
  readonly id: string;
  /** when its first worker was ever started; a build that comes back later keeps it */
  readonly firstSeenAtMs: number;
  /** a worker of it has given a sign within the last seconds */
  readonly isLiving: boolean;
}

/**
 * The build that begins new releases: the newest one that lives, so that an upgrade counts from its first worker on, a restart of an older
 * worker changes nothing, and a way back counts once the last worker of the newer build has ended. null: nobody lives.
 */
export function buildThatBegins(builds: readonly Build[]): string | null {
  return builds.filter(({ isLiving }) => isLiving).toSorted(newestFirst)[0]?.id ?? null;
}

/** True when nobody is left who could go on with releases of this build; one that was never seen has nobody either. */
export function isDeserted(build: string, builds: readonly Build[]): boolean {
  return builds.every(({ id, isLiving }) => id !== build || !isLiving);
}

/** Of builds that came in the same millisecond any order is right, if it is everybody's. */
function newestFirst(one: Build, other: Build): number {
  return other.firstSeenAtMs - one.firstSeenAtMs || (one.id < other.id ? 1 : -1);
}
