/** Locks held while something outside the database is done: the fence around one write on a target, and a pool's turn. */
import type pg from 'pg';
import { HeldTooLong, StaleEpoch } from './errors.ts';
import type { Database } from './client.ts';

/** A frozen holder is cut off by the database after 15 s; a living one gives up before. */
export const FENCE_LIMIT_MS = 12_000;

export interface TargetFence {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
}

/**
 * Runs `fn` while nobody can raise the host's epoch: for one short write to a balancer and its read-back. `signal` aborts after 12 s.
 * Throws StaleEpoch without running `fn` when the epoch is void or the release owns the host no more, HeldTooLong when `fn` takes
 * longer, and the database's error when the lock was lost meanwhile: then the outcome of `fn` must be observed again.
 */
export async function withTargetFence<T>(db: Database, fence: TargetFence, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return holding(db.locks.fences, `host ${fence.host}`, async (client) => {
    const result = await client.query<{ epoch: number; release: string | null }>({
      name: 'fence-target',
      text: 'select epoch, release from host_locks where host = $1 for no key update',
      values: [fence.host],
    });
    const lock = result.rows[0];
    if (lock?.epoch !== fence.epoch || lock.release !== fence.release) {
      throw new StaleEpoch(fence.host, fence.epoch, lock?.epoch ?? null, lock?.release ?? null);
    }
  }, fn);
}

/** the class of advisory locks that are pool turns */
const POOL_TURN = 7_325_003;

/** Turns of this process that are waited for or held, so that waiting takes no connection. */
const turns = new WeakMap<Database, Map<string, Promise<unknown>>>();

/**
 * Runs `fn` alone among all that ask for a turn of this pool, in every process: counting who is in service and taking one out must be
 * one act. Fences may be taken inside, turns not. Throws HeldTooLong after 12 s.
 */
export async function withPoolTurn<T>(db: Database, turn: { readonly pool: string }, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = turns.get(db) ?? new Map<string, Promise<unknown>>();
  turns.set(db, own);
  const before = own.get(turn.pool) ?? Promise.resolve();
  const mine = before.catch(() => {}).then(() =>
    holding(db.locks.turns, `pool ${turn.pool}`, async (client) => {
      await client.query('select pg_advisory_xact_lock($1, hashtext($2))', [POOL_TURN, turn.pool]);
    }, fn),
  );
  own.set(turn.pool, mine);
  try {
    return await mine;
  } finally {
    if (own.get(turn.pool) === mine) own.delete(turn.pool);
  }
}

/** One transaction around `take` and `fn`. The connection is thrown away after any failure: its state is not worth guessing. */
async function holding<T>(pool: pg.Pool, subject: string, take: (client: pg.PoolClient) => Promise<void>, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isHealthy = false;
  try {
    await client.query('begin');
    await take(client);
    const result = await limited(subject, fn);
    await client.query('commit');
    isHealthy = true;
    return result;
  } finally {
    client.release(!isHealthy);
  }
}

async function limited<T>(subject: string, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new HeldTooLong(subject, FENCE_LIMIT_MS);
    abort.abort(error);
    late.reject(error);
  }, FENCE_LIMIT_MS);
  try {
    return await Promise.race([fn(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
