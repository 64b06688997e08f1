/** How a host stands as people read it: its flags, and per pool who keeps it out and what the balancer was last seen to show. */
import { FLAG_OWNERS, loweredIn, type FlagOwner, type HostFlag, type HostFlags } from './flags.ts';
import type { ObservedTraffic } from './release/target.ts';

/** `by`, `since` and `reason` are null of a flag that nobody ever set: it is up. */
export interface FlagView {
  readonly owner: FlagOwner;
  /** null: in every pool */
  readonly pool: string | null;
  readonly up: boolean;
  readonly by: string | null;
  readonly since: string | null;
  readonly reason: string | null;
}

export interface PoolPlace {
  readonly pool: string;
  /** null where the pool has no traffic entry: flags change nothing there */
  readonly server: string | null;
  /** null until the worker looked */
  readonly observed: ObservedTraffic | null;
  readonly observedAt: string | null;
  /** since the look */
  readonly ageMs: number | null;
  /** flags took it out, and it is not back as it stood yet */
  readonly takenOut: boolean;
}

export interface PoolStanding extends Omit<PoolPlace, 'ageMs'> {
  /** every flag is up */
  readonly serves: boolean;
  readonly keptOutBy: readonly FlagOwner[];
  readonly sentence: string;
}

export interface HostStanding {
  readonly host: string;
  readonly serves: boolean;
  readonly flags: readonly FlagView[];
  readonly pools: readonly PoolStanding[];
}

/** `flags` with those of releases among them. */
export function standingOf(host: string, flags: HostFlags, places: readonly PoolPlace[]): HostStanding {
  const pools = places.map((place) => poolStanding(host, flags, place));
  const lowered = flags.some(({ up }) => !up);
  return { host, serves: pools.length === 0 ? !lowered : pools.every((pool) => pool.serves), flags: FLAG_OWNERS.flatMap((owner) => viewsOf(owner, flags)), pools };
}

function viewsOf(owner: FlagOwner, flags: HostFlags): readonly FlagView[] {
  const own = flags.filter((flag) => flag.owner === owner);
  if (own.length === 0) return [{ owner, pool: null, up: true, by: null, since: null, reason: null }];
  return own.map(({ pool, up, by, since, reason }) => ({ owner, pool, up, by, since, reason }));
}

function poolStanding(host: string, flags: HostFlags, { ageMs: _age, ...place }: PoolPlace): PoolStanding {
  const down = loweredIn(flags, place.pool);
  return { ...place, serves: down.length === 0, keptOutBy: [...new Set(down.map(({ owner }) => owner))], sentence: sentenceOf(host, down, place) };
}

function sentenceOf(host: string, down: HostFlags, { pool, server, observed, takenOut }: Omit<PoolPlace, 'ageMs'>): string {
  const shown = observed === null ? 'the balancer was not looked at yet' : `the balancer shows ${observed.admin}, its check says ${observed.operational}, ${observed.connections} connections`;
  if (server === null) return `Pool ${pool} has no traffic entry: ${host} cannot be kept out of it.`;
  if (down.length > 0) {
    const still = observed?.inService === true ? `${host} is to be out of pool ${pool}, but still serves` : `${host} is out of pool ${pool}`;
    return `${still}: ${down.map(toldOf).join('; ')}. ${capital(shown)}.`;
  }
  if (observed?.inService === true) return `${host} serves in pool ${pool}.`;
  return `Every flag of ${host} is up in pool ${pool}${takenOut ? ', and it is being brought back' : ', and none took it out'}: ${shown}.`;
}

function toldOf({ owner, by, since, reason }: HostFlag): string {
  return owner === 'release' ? reason : `${owner} (${by}, since ${since}): ${reason}`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Whether a drain can be said to be done: in each pool with a traffic entry the balancer was read after it was asked, and shows it out. */
export function isReadBackOut(places: readonly PoolPlace[], askedMsAgo: number): boolean {
  return places.every(({ server, observed, ageMs }) => server === null || (observed !== null && ageMs !== null && ageMs < askedMsAgo && observed.admin !== 'ready'));
}

/** Whether an admission has nothing left to do: where every flag is up, no server is still to be brought back. */
export function isBroughtIn(flags: HostFlags, places: readonly PoolPlace[]): boolean {
  return places.every(({ pool, server, takenOut }) => server === null || !takenOut || loweredIn(flags, pool).length > 0);
}
