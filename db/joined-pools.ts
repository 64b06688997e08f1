/** Joined pools in the store: what they have from their members is written whenever one of those is. */
import { sql } from 'kysely';
import { joinedSpec, misfitsOf, poolsBeside } from '../domain/joined-pool.ts';
import type { Inventory, PoolSpec } from '../domain/inventory.ts';
import type { Queryable } from './client.ts';
import { JoinedMisfit } from './errors.ts';
import type { InventoryDocument } from './inventory-kinds.ts';

type PoolDocument = Extract<InventoryDocument, { kind: 'pool' }>;

export function isJoined(document: InventoryDocument): document is PoolDocument {
  return document.kind === 'pool' && document.spec.joins !== undefined;
}

/**
 * The joined pools among these documents, and those in the store that join one of their pools, each with what its members give it now.
 * The members must be written already. Throws JoinedMisfit with everything that does not fit together.
 */
export async function derivedPools(db: Queryable, documents: readonly InventoryDocument[]): Promise<readonly PoolDocument[]> {
  const asked = documents.filter(isJoined).map(({ spec }) => spec);
  const written = documents.filter((document) => document.kind === 'pool').map(({ name }) => name);
  const stored = written.length === 0 ? [] : (await poolsJoining(db, written)).filter(({ name }) => !written.includes(name));
  const pools = [...asked, ...stored];
  if (pools.length === 0) return [];
  const members = await poolsNamed(db, pools.flatMap(({ joins = [] }) => joins), asked);
  const misfits = pools.flatMap((pool) => misfitsOf(pool, members).map(({ message }) => ({ pool: pool.name, message })));
  if (misfits.length > 0) throw new JoinedMisfit(misfits);
  return pools.map((pool) => ({ kind: 'pool', name: pool.name, spec: joinedSpec(pool, (pool.joins ?? []).flatMap((name) => members.get(name) ?? [])) }));
}

/** Joined pools that name one of these. */
async function poolsJoining(db: Queryable, names: readonly string[]): Promise<readonly PoolSpec[]> {
  const { rows } = await sql<{ spec: PoolSpec }>`select spec from inventory where kind = 'pool' and spec::jsonb -> 'joins' ?| ${names} order by name`.execute(db.kysely);
  return rows.map(({ spec }) => spec);
}

/** Joined ones that are yet to be written count as they will be. */
async function poolsNamed(db: Queryable, names: readonly string[], asked: readonly PoolSpec[]): Promise<ReadonlyMap<string, PoolSpec>> {
  const { rows } = await sql<{ spec: PoolSpec }>`select spec from inventory where kind = 'pool' and name = any(${names})`.execute(db.kysely);
  return new Map([...rows.map(({ spec }) => spec), ...asked].map((spec) => [spec.name, spec]));
}

/** What a release of this pool counts besides it, as the pools stand now; nothing where it counts alone. */
export async function besideOf(db: Queryable, pool: PoolSpec): Promise<Pick<Inventory, 'members'>> {
  const { rows } = await sql<{ spec: PoolSpec }>`
    select spec from inventory where kind = 'pool' and name <> ${pool.name} and (spec::jsonb -> 'hosts' ?| ${pool.hosts} or name = any(${pool.joins ?? []})) order by name`.execute(db.kysely);
  const members = poolsBeside(pool, rows.map(({ spec }) => spec));
  return members.length === 0 ? {} : { members };
}
