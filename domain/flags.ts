/**
 * Capacity flags: a host serves only if every owner's flag is up, and an owner sets and clears its own flag alone. The flag of the
 * release is never set by anybody: it is what the events of the last release on the host say (release-hold.ts).
 */

/** Who may keep a host out: a release, a person, an outside monitor of the host's health, a check over the whole fleet. */
export type FlagOwner = 'release' | SettableOwner;
export type SettableOwner = (typeof SETTABLE_OWNERS)[number];

export const SETTABLE_OWNERS = ['operator', 'health', 'fleet-check'] as const;
export const FLAG_OWNERS: readonly FlagOwner[] = ['release', ...SETTABLE_OWNERS];

/** One flag of one host. `pool` null: in every pool of the host. A flag that nobody ever set is up and has no entry. */
export interface HostFlag {
  readonly owner: FlagOwner;
  readonly pool: string | null;
  readonly up: boolean;
  /** who set it last */
  readonly by: string;
  /** ISO 8601 UTC */
  readonly since: string;
  readonly reason: string;
  /** taken out even if too few hosts are left then */
  readonly forced: boolean;
}

export type HostFlags = readonly HostFlag[];

/** What an owner wants of its flag. */
export interface FlagChange extends Omit<HostFlag, 'owner'> {
  readonly owner: SettableOwner;
}

/**
 * The flags that a change really moves, in the order in which they are to be stored; empty when everything stands so already. Raising
 * a flag everywhere also raises what the same owner had lowered in single pools.
 */
export function changedFlags(flags: HostFlags, change: FlagChange): readonly FlagChange[] {
  const own = flags.filter(({ owner, up }) => owner === change.owner && !up);
  if (change.up) return own.filter(({ pool }) => change.pool === null || pool === change.pool).map(({ pool }) => ({ ...change, pool, forced: false }));
  const standing = own.find(({ pool }) => pool === change.pool);
  return standing === undefined || (change.forced && !standing.forced) ? [change] : [];
}

/** The flags after one of them was set. */
export function withFlag(flags: HostFlags, set: HostFlag): HostFlags {
  return [...flags.filter(({ owner, pool }) => owner !== set.owner || pool !== set.pool), set];
}

/** All that follows from one owner's wish. */
export function setFlags(flags: HostFlags, change: FlagChange): HostFlags {
  return changedFlags(flags, change).reduce(withFlag, flags);
}

/** The flags that keep the host out of this pool. */
export function loweredIn(flags: HostFlags, pool: string): HostFlags {
  return flags.filter((flag) => !flag.up && (flag.pool === null || flag.pool === pool));
}

export function serves(flags: HostFlags, pool: string): boolean {
  return loweredIn(flags, pool).length === 0;
}

/** Why a flag cannot be raised in one pool alone: it is down in all of them, and half of a flag cannot be cleared. Null when it can. */
export function raiseRefusal(flags: HostFlags, { owner, pool }: Pick<FlagChange, 'owner' | 'pool'>): string | null {
  if (pool === null || !flags.some((flag) => flag.owner === owner && flag.pool === null && !flag.up)) return null;
  return `The ${owner} flag is down in every pool of the host, so it cannot be raised in pool ${pool} alone. Raise it everywhere, then lower it where it must stay down.`;
}
