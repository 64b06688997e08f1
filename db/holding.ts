/** A lock of the database held while something outside it is done, in a transaction of its own. */
import { HeldTooLong } from './errors.ts';
import type pg from 'pg';

export interface Hold<Row> {
  /** statements that begin a transaction and take the lock, the last one; literal, since they travel together in one round trip */
  readonly take: readonly string[];
  /** looks at what was locked; throws when it must not be held */
  readonly check: (rows: readonly Row[]) => void;
}

/** Runs `fn` while the lock is held. The connection is thrown away after any failure: its state is not worth guessing. */
export async function holding<T, Row>(pool: pg.Pool, { take, check }: Hold<Row>, fn: () => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isHealthy = false;
  try {
    check((await lastRows(client, take)) as readonly Row[]);
    const result = await fn();
    await client.query('commit');
    isHealthy = true;
    return result;
  } finally {
    client.release(!isHealthy);
  }
}

/** Several statements are answered by a list, of which pg's declarations know nothing. */
async function lastRows(client: pg.PoolClient, statements: readonly string[]): Promise<readonly unknown[]> {
  const answers: unknown = await client.query(statements.join(';'));
  const last = Array.isArray(answers) ? (answers.at(-1) as pg.QueryResult | undefined) : undefined;
  return last?.rows ?? [];
}

/** Gives `fn` its time, then aborts its signal and throws HeldTooLong. */
export async function limited<T>(subject: string, limitMs: number, fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new HeldTooLong(subject, limitMs);
    abort.abort(error);
    late.reject(error);
  }, limitMs);
  try {
    return await Promise.race([fn(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
