/** The connection to Postgres: one pool for work, two small ones for locks that are held while other work goes on. */
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { AppendGroups } from './append-group.ts';
import { FoldCache } from './fold-cache.ts';
import { DatabaseUnfit } from './errors.ts';
import { PoolTurns } from './pool-turn.ts';
import type { Schema } from './schema.ts';

/** What a query needs: a database, or a transaction of the caller's. */
export interface Queryable {
  readonly kysely: Kysely<Schema>;
}

/** A transaction handed to a callback: everything done through it is committed or undone together. */
export interface Tx extends Queryable {
  readonly kysely: Transaction<Schema>;
}

export interface Database extends Queryable {
  /** the address it was opened with, for who needs a connection of its own */
  readonly url: string;
  readonly pool: pg.Pool;
  /**
   * Connections that hold a lock while a callback works. Turns nest fences and fences nest queries, never the other way round, and
   * each has its own pool: so lock holders cannot starve the work that would let them go.
   */
  readonly locks: { readonly turns: pg.Pool; readonly fences: pg.Pool };
  /** states last folded by this process; only a guess, the append checks it */
  readonly folds: FoldCache;
  /** target events on their way, one statement per release at a time */
  readonly appends: AppendGroups;
  /** turns of pools this process asked for */
  readonly turns: PoolTurns;
  readonly close: () => Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** connections per pool, default 10 */
  readonly max?: number;
  /** shown in pg_stat_activity */
  readonly applicationName: string;
  /** told of errors on idle connections; the pool replaces them by itself */
  readonly onError?: (error: Error) => void;
}

export const STATEMENT_TIMEOUT_MS = 30_000;
/** above the longest fence (12 s), so that raising an epoch outwaits a fence instead of failing */
export const LOCK_TIMEOUT_MS = 14_000;
/** a frozen process loses its locks after this; balancers close an idle command connection earlier (10 s) */
export const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;

/** Opens nothing yet: connections are made on first use. The caller closes it. */
export function openDatabase(options: DatabaseOptions): Database {
  const onError = options.onError ?? logIdleError;
  const pools = { work: newPool(options, onError), turns: newPool(options, onError), fences: newPool(options, onError) };
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: pools.work }) });
  const close = async (): Promise<void> => {
    await kysely.destroy();
    await Promise.all(Object.values(pools).filter((pool) => !pool.ending).map((pool) => pool.end()));
  };
  return { url: options.url, kysely, pool: pools.work, locks: pools, folds: new FoldCache(), appends: new AppendGroups(pools.work), turns: new PoolTurns(pools.turns), close };
}

function newPool(options: DatabaseOptions, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types: { getTypeParser: typeParser },
  });
  return survivingLostConnections(pool, onError);
}

/** A connection that dies between two queries, or while it is being closed, must not end the process: the next query fails or opens another. */
export function survivingLostConnections(pool: pg.Pool, onError: (error: Error) => void): pg.Pool {
  pool.on('error', (error) => {
    if (!pool.ending) onError(error);
  });
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

const INT8 = 20;

/** bigint columns hold counters far below 2^53, so they are read as numbers. */
function typeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === INT8 && format !== 'binary' ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown);
}

function logIdleError(error: Error): void {
  console.error(`A connection to Postgres was lost while idle (${error.message}); the next query opens another.`);
}

/** Runs `fn` in the caller's transaction if there is one, else in a new one. */
export function inTransaction<T>(db: Queryable, fn: (tx: Tx) => Promise<T>): Promise<T> {
  if (isTx(db)) return fn(db);
  return db.kysely.transaction().execute((kysely) => fn({ kysely }));
}

function isTx(db: Queryable): db is Tx {
  return db.kysely.isTransaction;
}

const OLDEST_POSTGRES = 140_000;

/** Asks the database for nothing, to see that it answers. */
export async function pingDatabase(db: Database): Promise<void> {
  await sql`select 1`.execute(db.kysely);
}

/** Refuses a database on which Signalbox would lose acknowledged events, or that was never migrated. Throws DatabaseUnfit. */
export async function checkDatabase(db: Database): Promise<void> {
  const settings = await db.pool.query<{ commit: string; version: number; encoding: string; migrated: boolean }>(
    `select current_setting('synchronous_commit') as commit, current_setting('server_version_num')::integer as version,
       current_setting('server_encoding') as encoding, to_regclass('events') is not null as migrated`,
  );
  const found = settings.rows[0];
  if (!found) throw new DatabaseUnfit('Postgres did not tell its settings.');
  if (found.commit === 'off') {
    throw new DatabaseUnfit('Postgres runs with synchronous_commit=off and would lose acknowledged events in a crash. Set it to on (ALTER SYSTEM, ALTER DATABASE or ALTER ROLE) and start again.');
  }
  if (found.version < OLDEST_POSTGRES) throw new DatabaseUnfit(`Postgres ${found.version} is too old: 14 or newer is needed.`);
  if (found.encoding !== 'UTF8') throw new DatabaseUnfit(`The database is encoded in ${found.encoding}; create it with encoding UTF8.`);
  if (!found.migrated) throw new DatabaseUnfit('The database has no schema yet. Run `signalbox migrate` with the owner\'s address first.');
}
