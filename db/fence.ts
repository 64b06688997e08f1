/** Locks held while something outside the database is done: the fence around one write on a target, and a pool's turn. */
import pg from 'pg';
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
  const take = `select epoch, release from host_locks where host = ${pg.escapeLiteral(fence.host)} for no key update`;
  const isOurs = ([lock]: readonly OwnedHost[]): void => {
    if (lock?.epoch !== fence.epoch || lock.release !== fence.release) throw new StaleEpoch(fence.host, fence.epoch, lock?.epoch ?? null, lock?.release ?? null);
  };
  return holding(db.locks.fences, { subject: `host ${fence.host}`, take, check: isOurs }, fn);
}

interface OwnedHost {
  readonly epoch: number;
  readonly release: string | null;
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
  const take = `select pg_advisory_xact_lock(${POOL_TURN}, hashtext(${pg.escapeLiteral(turn.pool)}))`;
  const mine = before.catch(() => {}).then(() => holding(db.locks.turns, { subject: `pool ${turn.pool}`, take, check: () => undefined }, fn));
  own.set(turn.pool, mine);
  try {
    return await mine;
  } finally {
    if (own.get(turn.pool) === mine) own.delete(turn.pool);
  }
}

interface Hold<Row> {
  /** for messages */
  readonly subject: string;
  /** takes the lock; a literal statement, since it travels together with the begin of its transaction */
  readonly take: string;
  /** looks at what was locked; throws when it must not be held */
  readonly check: (rows: readonly Row[]) => void;
}

/** One transaction around `take` and `fn`. The connection is thrown away after any failure: its state is not worth guessing. */
async function holding<T, Row>(pool: pg.Pool, { subject, take, check }: Hold<Row>, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isHealthy = false;
  try {
    const [, taken] = await bothAnswers(client, `begin; ${take}`);
    check((taken?.rows ?? []) as readonly Row[]);
    const result = await limited(subject, fn);
    await client.query('commit');
    isHealthy = true;
    return result;
  } finally {
    client.release(!isHealthy);
  }
}

/** Statements sent in one round trip are answered by a list, of which pg's declarations know nothing. */
async function bothAnswers(client: pg.PoolClient, statements: string): Promise<readonly pg.QueryResult[]> {
  const answers: unknown = await client.query(statements);
  return Array.isArray(answers) ? answers : [];
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
