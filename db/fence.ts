/** The fence around one write on a target: while it stands, nobody can raise the host's epoch. */
import pg from 'pg';
import { KeptOut, StaleEpoch, WishReplaced } from './errors.ts';
import { forgetUnlessLowered, loweredOwners } from './flag-drains.ts';
import { holding, limited } from './holding.ts';
import { isCurrentWish, rememberWish, type ListedWish, type Wish } from './wanted-traffic.ts';
import type { FlagOwner } from '../domain/flags.ts';
import type { Database } from './client.ts';

/** A frozen holder is cut off by the database after 15 s; a living one gives up before. */
const FENCE_MS_MAX = 12_000;

export interface TargetFence {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
  /** the pool the write brings the host into: refused while a flag of the host is down, and then the drain that flags left is theirs no more */
  readonly into?: string;
}

/**
 * For transactions of which nothing need survive a crash: a lock is gone with it anyway, and an admission is written again by its
 * repeated step, whose later events are flushed behind it. A drain must survive: its repetition would take it for somebody else's.
 */
export const NO_FLUSH = 'set local synchronous_commit = off';

/**
 * Runs `fn` while nobody can raise the host's epoch: for short writes to balancers and their read-back. `wishes` are what the balancers
 * are to be told, remembered before `fn` runs and kept also when it fails. `signal` aborts after 12 s. Throws without running `fn` StaleEpoch
 * when the epoch is void or the release owns the host no more, and KeptOut when flags keep the host out of `into`; else HeldTooLong when
 * `fn` takes longer, and the database's error when the lock was lost meanwhile: then the outcome of `fn` must be observed again.
 */
export async function withTargetFence<T>(db: Database, fence: TargetFence, fn: (signal: AbortSignal) => Promise<T>, wishes: readonly Wish[] = []): Promise<T> {
  const mayBeLost = wishes.every(({ wanted }) => wanted.admin !== 'drain');
  const remember = wishes.length === 0 ? [] : ['begin', ...(mayBeLost ? [NO_FLUSH] : []), ...wishes.map((wish) => rememberWish({ ...fence, ...wish })), 'commit'];
  const { host, into } = fence;
  const owned = `select epoch, release from host_locks where host = ${pg.escapeLiteral(host)}`;
  const lock = `${owned} for no key update`;
  // The flags are read by a statement of their own behind the lock: the lock may have been waited for.
  const flags = into === undefined ? [] : [forgetUnlessLowered({ host, pool: into }), owned.replace(' from', `, ${loweredOwners({ host, pool: into })} as down from`)];
  const isOurs = ([owner]: readonly OwnedHost[]): void => {
    if (owner?.epoch !== fence.epoch || owner.release !== fence.release) throw new StaleEpoch(host, fence.epoch, owner?.epoch ?? null, owner?.release ?? null);
    if (into !== undefined && owner.down !== undefined && owner.down.length > 0) throw new KeptOut(host, into, owner.down);
  };
  return holding(db.locks.fences, { take: [...remember, 'begin', NO_FLUSH, lock, ...flags], check: isOurs }, () => limited(`host ${host}`, FENCE_MS_MAX, fn));
}

/**
 * Runs `fn`, which tells a balancer once more what is wanted of it, while nobody can raise the host's epoch and only if it is still wanted:
 * who replaces a wish after that waits for this fence and writes behind it. Throws WishReplaced besides what withTargetFence throws.
 */
export function withWishFence<T>(db: Database, wish: ListedWish, fn: () => Promise<T>): Promise<T> {
  const { release, host, epoch, pool, server, wanted } = wish;
  return withTargetFence(db, { release, host, epoch, ...(wanted.admin === 'ready' ? { into: pool } : {}) }, async () => {
    if (!(await isCurrentWish(db, wish))) throw new WishReplaced(server);
    return fn();
  });
}

/**
 * Runs `fn` while no release can take the host and nobody can raise its epoch: for one short act on a host that no release owns. Throws
 * StaleEpoch without running `fn` when a release has it or the epoch is another one by now, and HeldTooLong when `fn` takes longer than a fence.
 */
export function withUnownedFence<T>(db: Database, { host, epoch }: Pick<TargetFence, 'host' | 'epoch'>, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const lock = `select epoch, release from host_locks where host = ${pg.escapeLiteral(host)} for no key update`;
  const isFree = ([owner]: readonly OwnedHost[]): void => {
    if (owner?.epoch !== epoch || owner.release !== null) throw new StaleEpoch(host, epoch, owner?.epoch ?? null, owner?.release ?? null);
  };
  return holding(db.locks.fences, { take: ['begin', NO_FLUSH, lock], check: isFree }, () => limited(`host ${host}`, FENCE_MS_MAX, fn));
}

interface OwnedHost {
  readonly epoch: number;
  readonly release: string | null;
  readonly down?: readonly FlagOwner[];
}
