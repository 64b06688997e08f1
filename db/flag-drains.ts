/** Servers that flags took out of traffic, so that they are put back as they stood, and not as a hand at the balancer. */
import { sql } from 'kysely';
import pg from 'pg';
import type { FlagDrain } from '../domain/flag-keeping.ts';
import type { Queryable } from './client.ts';

/** One server: a host in the traffic of one pool. */
export interface DrainPlace {
  readonly host: string;
  readonly pool: string;
}

export interface FlagDrainAt extends FlagDrain, DrainPlace {
  /** since it was written or last seen to stand, by the database's clock alone */
  readonly ageMs: number;
}

/** Remembers how a server stood before flags take it out; one that is remembered keeps its weight and is unconfirmed again. */
export async function rememberDrain(db: Queryable, { host, pool, server, weight }: DrainPlace & Pick<FlagDrain, 'server' | 'weight'>): Promise<void> {
  await sql`
    insert into flag_drains (host, pool, server, weight) values (${host}, ${pool}, ${server}, ${weight})
    on conflict (host, pool) do update set server = excluded.server, confirmed = false, at = now()`.execute(db.kysely);
}

/** The drain was seen at the balancer just now. */
export async function confirmDrain(db: Queryable, { host, pool }: DrainPlace): Promise<void> {
  await sql`update flag_drains set confirmed = true, at = now() where host = ${host} and pool = ${pool}`.execute(db.kysely);
}

/** Before the server is brought in: should a flag be lowered right then, the drain is written again instead of being taken for standing. */
export async function unconfirmDrain(db: Queryable, { host, pool }: DrainPlace): Promise<void> {
  await sql`update flag_drains set confirmed = false where host = ${host} and pool = ${pool}`.execute(db.kysely);
}

/** The server stands as it did before. Kept when a flag is down by now: then it is to be drained again. */
export async function forgetStandingDrain(db: Queryable, place: DrainPlace): Promise<void> {
  await sql.raw(forgetUnlessLowered(place)).execute(db.kysely);
}

/** Whatever the flags say: the pool has another server for this host, or the host no more. */
export async function forgetDrain(db: Queryable, { host, pool }: DrainPlace): Promise<void> {
  await sql`delete from flag_drains where host = ${host} and pool = ${pool}`.execute(db.kysely);
}

/** Owners whose flags are down in the pool, or in another one with the same server, as a value of a statement. */
export function loweredOwners({ host, pool }: DrainPlace): string {
  return `(select coalesce(json_agg(distinct f.owner), '[]'::json) from host_flags f where ${isLowered({ host, pool })})`;
}

/** The statement that forgets a drain when every flag is up, for a transaction that goes on to bring the server in. */
export function forgetUnlessLowered({ host, pool }: DrainPlace): string {
  return `delete from flag_drains d where d.host = ${pg.escapeLiteral(host)} and ${concerning('d', { host, pool })} and not exists (select from host_flags f where ${isLowered({ host, pool })})`;
}

/** Condition on rows of host_flags named `f`. */
function isLowered({ host, pool }: DrainPlace): string {
  return `f.host = ${pg.escapeLiteral(host)} and not f.up and ${concerning('f', { host, pool })}`;
}

/** What is said of a host in one pool, or in all (''), concerns every pool that has the same server: the one condition for flags and drains. */
function concerning(table: string, { host, pool }: DrainPlace): string {
  return `concerns_server(${table}.pool, ${pg.escapeLiteral(pool)}, ${pg.escapeLiteral(host)})`;
}

/**
 * A release that must not admit a host leaves it to the flags: from now on it is theirs, standing ready with `weight` beneath. False when
 * meanwhile every flag is up again, or the release owns the host no more under this epoch: then nothing was stored.
 */
export async function leaveToFlags(db: Queryable, left: DrainPlace & Pick<FlagDrain, 'server' | 'weight'> & { readonly release: string; readonly epoch: number }): Promise<boolean> {
  const { host, pool, server, weight, release, epoch } = left;
  const { numAffectedRows } = await sql`
    insert into flag_drains (host, pool, server, weight)
    select host, ${await keeperPool(db, { host, pool })}, ${server}, ${weight}::integer from host_locks where host = ${host} and release = ${release} and epoch = ${epoch}
      and exists (select from host_flags f where ${sql.raw(isLowered({ host, pool }))})
    on conflict (host, pool) do update set server = excluded.server, weight = excluded.weight, confirmed = false, at = now()`.execute(db.kysely);
  return numAffectedRows === 1n;
}

/** Under which pool the flags' keeper looks for a drain: a joined pool is none of its own, so there it is the first that has the host. */
async function keeperPool(db: Queryable, { host, pool }: DrainPlace): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select member.name from inventory own join inventory member on member.kind = 'pool' and own.spec::jsonb -> 'joins' ? member.name and member.spec::jsonb -> 'hosts' ? ${host}
    where own.kind = 'pool' and own.name = ${pool} order by member.name limit 1`.execute(db.kysely);
  return rows[0]?.name ?? pool;
}
