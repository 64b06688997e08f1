/** One effect per idempotency key: the key, the answer and everything the request did are committed together or not at all. */
import { sql } from 'kysely';
import { inTransaction, type Database, type Queryable, type Tx } from './client.ts';
import { KeyInFlight, KeyReused, sqlState } from './errors.ts';

export interface IdempotentRequest {
  /** who asks: keys of different principals never meet */
  readonly principal: string;
  readonly route: string;
  readonly key: string;
  /** hash of the body, any spelling as long as it is always the same */
  readonly bodyHash: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** How long an equal request waits for the first one's answer before it is told that the first is still in flight. */
const WAIT_FOR_FIRST = '10s';

/**
 * Runs `fn` once per key, all of its effects through `tx`; equal requests get the same answer, those that come meanwhile wait for it. A throw of
 * `fn` undoes everything and leaves the key unused. Throws KeyReused for another body or route, KeyInFlight when the first takes too long.
 */
export async function withIdempotency(db: Database, request: IdempotentRequest, fn: (tx: Tx) => Promise<Answer>): Promise<Answer & { readonly replayed: boolean }> {
  return inLine(db, `${request.principal} ${request.key}`, async () => {
    const stored = await findAnswer(db, request);
    return stored ?? inTransaction(db, (tx) => firstOrStored(tx, request, fn));
  });
}

async function firstOrStored(tx: Tx, request: IdempotentRequest, fn: (tx: Tx) => Promise<Answer>): Promise<Answer & { readonly replayed: boolean }> {
  if (await claimKey(tx, request)) {
    const answer = await fn(tx);
    await sql`
      update idempotency set status = ${answer.status}, body = ${JSON.stringify(answer.body ?? null)}
      where principal = ${request.principal} and key = ${request.key}`.execute(tx.kysely);
    return { ...answer, replayed: false };
  }
  const stored = await findAnswer(tx, request);
  if (!stored) throw new KeyInFlight(request.key);
  return stored;
}

/** False when the key is there already. Waits for a request in another process that holds it, until that commits or is undone. */
async function claimKey(tx: Tx, request: IdempotentRequest): Promise<boolean> {
  const { principal, route, key, bodyHash } = request;
  try {
    await sql`select set_config('lock_timeout', ${WAIT_FOR_FIRST}, true)`.execute(tx.kysely);
    const { numAffectedRows } = await sql`
      insert into idempotency (principal, key, route, body_hash) values (${principal}, ${key}, ${route}, ${bodyHash}) on conflict do nothing`.execute(tx.kysely);
    return numAffectedRows === 1n;
  } catch (error) {
    throw sqlState(error) === LOCK_NOT_AVAILABLE ? new KeyInFlight(key) : error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

async function findAnswer(db: Queryable, request: IdempotentRequest): Promise<(Answer & { readonly replayed: true }) | null> {
  const { principal, route, key, bodyHash } = request;
  const row = await db.kysely.selectFrom('idempotency').select(['route', 'body_hash', 'status', 'body']).where('principal', '=', principal).where('key', '=', key).executeTakeFirst();
  if (!row) return null;
  if (row.route !== route || row.body_hash !== bodyHash) throw new KeyReused(key);
  return row.status === null ? null : { status: row.status, body: row.body, replayed: true };
}

const lines = new WeakMap<Database, Map<string, Promise<unknown>>>();

/** Equal requests of this process wait in memory: fifty of them must not take all connections only to wait for one another. */
async function inLine<T>(db: Database, key: string, fn: () => Promise<T>): Promise<T> {
  const line = lines.get(db) ?? new Map<string, Promise<unknown>>();
  lines.set(db, line);
  const mine = (line.get(key) ?? Promise.resolve()).catch(() => {}).then(fn);
  line.set(key, mine);
  try {
    return await mine;
  } finally {
    if (line.get(key) === mine) line.delete(key);
  }
}

const KEPT_DAYS_MIN = 30;

/** Forgets keys older than this, never younger than 30 days; returns how many. */
export async function pruneIdempotency(db: Queryable, options: { readonly olderThanDays: number }): Promise<number> {
  const days = Math.max(options.olderThanDays, KEPT_DAYS_MIN);
  const { rows } = await sql`delete from idempotency where created_at < now() - make_interval(days => ${days}) returning key`.execute(db.kysely);
  return rows.length;
}
