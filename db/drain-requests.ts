/** Drains that operators ask for and that must keep to the capacity floor: asked by the API, settled by who sees the balancers. */
import { sql } from 'kysely';
import type { DrainRefusal } from '../domain/operator-drain.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { inTransaction, type Queryable } from './client.ts';
import { setHostFlag } from './host-flags.ts';

export interface DrainRequest {
  readonly id: string;
  readonly host: string;
  /** null: out of every pool of the host */
  readonly pool: string | null;
  readonly reason: string;
  readonly actor: Actor;
}

export interface SettledDrain {
  readonly state: 'asked' | 'applied' | 'refused';
  readonly refusal: DrainRefusal | null;
}

export async function askDrain(db: Queryable, { id, host, pool, reason, actor }: DrainRequest): Promise<void> {
  await db.kysely.insertInto('drain_requests').values({ id, host, pool: pool ?? '', reason, actor: JSON.stringify(actor) }).execute();
}

/** Oldest first. */
export async function askedDrains(db: Queryable): Promise<readonly DrainRequest[]> {
  const rows = await db.kysely.selectFrom('drain_requests').select(['id', 'host', 'pool', 'reason', 'actor']).where('state', '=', 'asked').orderBy('at').limit(100).execute();
  return rows.map(({ pool, ...row }) => ({ ...row, pool: pool === '' ? null : pool }));
}

export async function getDrain(db: Queryable, id: string): Promise<SettledDrain | null> {
  const row = await db.kysely.selectFrom('drain_requests').select(['state', 'refusal']).where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

/** Lowers the operator's flag. False when somebody else settled the request before: then nothing was done. */
export async function applyDrain(db: Queryable, { id, host, pool, reason, actor }: DrainRequest): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { numUpdatedRows } = await tx.kysely.updateTable('drain_requests').set({ state: 'applied', settled_at: sql<Date>`now()` }).where('id', '=', id).where('state', '=', 'asked').executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await setHostFlag(tx, { host, owner: 'operator', pool, up: false, reason, forced: false, actor });
    return true;
  });
}

export async function refuseDrain(db: Queryable, id: string, refusal: DrainRefusal): Promise<void> {
  await db.kysely.updateTable('drain_requests').set({ state: 'refused', refusal: JSON.stringify(refusal), settled_at: sql<Date>`now()` }).where('id', '=', id).where('state', '=', 'asked').execute();
}

/** An operator who admits a host takes back what was asked for it and not carried out yet. */
export async function withdrawDrains(db: Queryable, host: string): Promise<void> {
  const refusal: DrainRefusal = { code: 'superseded', message: `${host} was admitted before this drain was carried out.` };
  await db.kysely.updateTable('drain_requests').set({ state: 'refused', refusal: JSON.stringify(refusal), settled_at: sql<Date>`now()` }).where('host', '=', host).where('state', '=', 'asked').execute();
}
