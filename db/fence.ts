/** The fence around one write on a target: while it stands, nobody can raise the host's epoch. */
import pg from 'pg';
import { StaleEpoch } from './errors.ts';
import { holding, limited } from './holding.ts';
import { rememberWish, type Wish } from './wanted-traffic.ts';
import type { Database } from './client.ts';

/** A frozen holder is cut off by the database after 15 s; a living one gives up before. */
const FENCE_MS_MAX = 12_000;

export interface TargetFence {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
}

/**
 * For transactions of which nothing need survive a crash: a lock is gone with it anyway, and an admission is written again by its
 * repeated step, whose later events are flushed behind it. A drain must survive: its repetition would take it for somebody else's.
 */
const NO_FLUSH = 'set local synchronous_commit = off';

/**
 * Runs `fn` while nobody can raise the host's epoch: for one short write to a balancer and its read-back. `wish` is what the balancer is
 * to be told, remembered before `fn` runs and kept also when it fails. `signal` aborts after 12 s. Throws StaleEpoch without running `fn`
 * when the epoch is void or the release owns the host no more, HeldTooLong when `fn` takes longer, and the database's error when the lock
 * was lost meanwhile: then the outcome of `fn` must be observed again.
 */
export async function withTargetFence<T>(db: Database, fence: TargetFence, fn: (signal: AbortSignal) => Promise<T>, wish?: Wish): Promise<T> {
  const remember = wish === undefined ? [] : ['begin', ...(wish.wanted.admin === 'drain' ? [] : [NO_FLUSH]), rememberWish({ ...fence, ...wish }), 'commit'];
  const lock = `select epoch, release from host_locks where host = ${pg.escapeLiteral(fence.host)} for no key update`;
  const isOurs = ([owner]: readonly OwnedHost[]): void => {
    if (owner?.epoch !== fence.epoch || owner.release !== fence.release) throw new StaleEpoch(fence.host, fence.epoch, owner?.epoch ?? null, owner?.release ?? null);
  };
  return holding(db.locks.fences, { take: [...remember, 'begin', NO_FLUSH, lock], check: isOurs }, () => limited(`host ${fence.host}`, FENCE_MS_MAX, fn));
}

interface OwnedHost {
  readonly epoch: number;
  readonly release: string | null;
}
