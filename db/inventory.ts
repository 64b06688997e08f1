/** What operators declare. Each change is an event of the stream `<kind>/<name>` and a row that says how it stands now. */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { inTransaction, type Queryable, type Tx } from './client.ts';
import { InUse, UnknownReference, VersionConflict, type MissingReference } from './errors.ts';
import { SCHEMA } from './event-schema.ts';
import { REBUILD_GATE } from './migrations/0006-appends.ts';
import { referencesOf, type InventoryDocument, type InventoryKind, type InventorySpecs, type ObjectName } from './inventory-kinds.ts';
import { objectUsers } from './inventory-users.ts';
import { derivedPools, isJoined } from './joined-pools.ts';

export interface InventoryObject<K extends InventoryKind = InventoryKind> {
  readonly kind: K;
  readonly name: string;
  readonly spec: InventorySpecs[K];
  /** version of its stream; grows on over deletion and new creation */
  readonly version: number;
}

export type PutInventory = InventoryDocument & {
  /** null = it must not exist yet */
  readonly expectedVersion: number | null;
  readonly actor: Actor;
};

/**
 * Creates or replaces one object; joined pools that name it follow. An equal spec changes nothing and writes no event. Throws
 * VersionConflict when it stands elsewhere, UnknownReference naming everything it refers to in vain, JoinedMisfit when joined pools would
 * not fit together any more.
 */
export async function putInventory(db: Queryable, put: PutInventory): Promise<{ readonly version: number; readonly created: boolean; readonly spec: InventorySpecs[InventoryKind] }> {
  return inTransaction(db, async (tx) => {
    await lockInventory(tx);
    const current = await getInventory(tx, put.kind, put.name);
    if ((current?.version ?? null) !== put.expectedVersion) throw new VersionConflict(put, put.expectedVersion, current?.version ?? null);
    const [applied] = await writeAll(tx, [put], put.actor);
    if (applied === undefined) throw new Error(`The store gave back nothing for ${put.kind} ${put.name}.`);
    return { version: applied.version, created: current === null, spec: applied.after };
  });
}

export async function getInventory<K extends InventoryKind>(db: Queryable, kind: K, name: string): Promise<InventoryObject<K> | null> {
  const row = await db.kysely.selectFrom('inventory').select(['name', 'spec', 'version']).where('kind', '=', kind).where('name', '=', name).executeTakeFirst();
  return row ? { kind, name: row.name, spec: row.spec as InventorySpecs[K], version: row.version } : null;
}

/** Those of the named objects that exist, by name; one statement however many are asked for. */
export async function getInventories<K extends InventoryKind>(db: Queryable, kind: K, names: readonly string[]): Promise<ReadonlyMap<string, InventoryObject<K>>> {
  const { rows } = await sql<{ name: string; spec: InventorySpecs[K]; version: number }>`select name, spec, version from inventory where kind = ${kind} and name = any(${names})`.execute(db.kysely);
  return new Map(rows.map(({ name, spec, version }) => [name, { kind, name, spec, version }]));
}

const PAGE_LIMIT = 1_000;

/** Objects of a kind by name, those behind `after`, at most `limit` (maximum 1,000). */
export async function listInventory<K extends InventoryKind>(db: Queryable, kind: K, page: { readonly after?: string; readonly limit: number }): Promise<readonly InventoryObject<K>[]> {
  const rows = await db.kysely
    .selectFrom('inventory')
    .select(['name', 'spec', 'version'])
    .where('kind', '=', kind)
    .where('name', '>', page.after ?? '')
    .orderBy('name')
    .limit(Math.min(page.limit, PAGE_LIMIT))
    .execute();
  return rows.map((row) => ({ kind, name: row.name, spec: row.spec as InventorySpecs[K], version: row.version }));
}

export interface DeleteInventory extends ObjectName {
  /** null = whatever its version is */
  readonly expectedVersion: number | null;
  readonly actor: Actor;
}

/** Removes an object; its history stays. False when it does not exist. Throws VersionConflict, InUse naming who needs it. */
export async function deleteInventory(db: Queryable, remove: DeleteInventory): Promise<boolean> {
  const { kind, name, expectedVersion, actor } = remove;
  return inTransaction(db, async (tx) => {
    await lockInventory(tx);
    const current = await getInventory(tx, kind, name);
    if (current === null && expectedVersion === null) return false;
    if (current === null || (expectedVersion !== null && current.version !== expectedVersion)) throw new VersionConflict(remove, expectedVersion, current?.version ?? null);
    const users = await objectUsers(tx, remove);
    if (users.length > 0) throw new InUse(remove, users);
    await append(tx, remove, { version: current.version, type: `${kind}-removed`, data: {}, actor });
    await tx.kysely.deleteFrom('inventory').where('kind', '=', kind).where('name', '=', name).execute();
    return true;
  });
}

export interface ApplyInventory {
  readonly documents: readonly InventoryDocument[];
  readonly actor: Actor;
  /** true = tell what would change, change nothing */
  readonly dryRun: boolean;
}

export interface AppliedDocument extends ObjectName {
  readonly change: 'created' | 'updated' | 'unchanged';
  /** after the change; of a dry run the version it would have */
  readonly version: number;
  readonly before: InventorySpecs[InventoryKind] | null;
  readonly after: InventorySpecs[InventoryKind];
}

/**
 * All documents, in any order, in one transaction; last one wins over what is there. Joined pools that follow a change of a member come
 * behind them. Throws UnknownReference with everything missing, or JoinedMisfit, and then nothing is stored.
 */
export async function applyInventory(db: Queryable, apply: ApplyInventory): Promise<readonly AppliedDocument[]> {
  try {
    return await inTransaction(db, async (tx) => {
      await lockInventory(tx);
      const applied = await writeAll(tx, apply.documents, apply.actor);
      if (apply.dryRun) throw new DryRun(applied);
      return applied;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.applied;
    throw error;
  }
}

/** Carries the outcome out of a transaction that is undone on purpose. */
class DryRun extends Error {
  readonly applied: readonly AppliedDocument[];
  constructor(applied: readonly AppliedDocument[]) {
    super('A dry run is undone.');
    this.applied = applied;
  }
}

/** Joined pools last, for they are made of the others. Answers in the order of the documents. */
async function writeAll(tx: Tx, documents: readonly InventoryDocument[], actor: Actor): Promise<readonly AppliedDocument[]> {
  const applied = new Map<string, AppliedDocument>();
  const keyOf = ({ kind, name }: ObjectName): string => `${kind}/${name}`;
  for (const document of documents) if (!isJoined(document)) applied.set(keyOf(document), await applyOne(tx, document, actor));
  await assertReferences(tx, documents);
  const asked = new Set(documents.map(keyOf));
  const followed: AppliedDocument[] = [];
  for (const document of await derivedPools(tx, documents)) {
    const one = await applyOne(tx, document, actor);
    if (asked.has(keyOf(document))) applied.set(keyOf(document), one);
    else if (one.change !== 'unchanged') followed.push(one);
  }
  return [...documents.flatMap((document) => applied.get(keyOf(document)) ?? []), ...followed];
}

async function applyOne(tx: Tx, document: InventoryDocument, actor: Actor): Promise<AppliedDocument> {
  const current = await getInventory(tx, document.kind, document.name);
  const version = await write(tx, document, current, actor);
  const change = current === null ? 'created' : version === current.version ? 'unchanged' : 'updated';
  return { kind: document.kind, name: document.name, change, version, before: current?.spec ?? null, after: document.spec };
}

const INVENTORY_LOCK = 7_325_004;

/** Changes of the inventory happen one at a time: references can then be checked once and stay true. */
export async function lockInventory(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${INVENTORY_LOCK}), pg_advisory_xact_lock_shared(${REBUILD_GATE})`.execute(tx.kysely);
}

async function write(tx: Tx, document: InventoryDocument, current: InventoryObject | null, actor: Actor): Promise<number> {
  const { kind, name, spec } = document;
  if (current !== null && canonicalJson(current.spec) === canonicalJson(spec)) return current.version;
  const { version, at } = await append(tx, document, { version: current?.version ?? null, type: `${kind}-defined`, data: { spec }, actor });
  await sql`
    insert into inventory (kind, name, spec, version, updated_at) values (${kind}, ${name}, ${canonicalJson(spec)}, ${version}, ${at})
    on conflict (kind, name) do update set spec = excluded.spec, version = excluded.version, updated_at = excluded.updated_at`.execute(tx.kysely);
  return version;
}

export interface InventoryEvent {
  readonly version: number | null;
  readonly type: string;
  readonly data: unknown;
  readonly actor: Actor;
}

/** Ids are derived from the version they lead to, so that two writers can never both be the next. */
export async function append(tx: Tx, place: ObjectName, event: InventoryEvent): Promise<{ readonly version: number; readonly at: string }> {
  const stream = `${place.kind}/${place.name}`;
  const head = await tx.kysely.selectFrom('streams').select('version').where('stream', '=', stream).executeTakeFirst();
  const at = new Date().toISOString();
  const id = `${stream}/${(head?.version ?? 0) + 1}`;
  const { rows } = await sql<{ version: number }>`
    select append_event(${stream}, ${id}, ${event.type}, ${SCHEMA}, ${canonicalJson(event.data)}, ${canonicalJson(event.actor)}, ${at}) as version`.execute(tx.kysely);
  const version = rows[0]?.version ?? 0;
  return { version, at };
}

async function assertReferences(tx: Tx, documents: readonly InventoryDocument[]): Promise<void> {
  const needed = documents.flatMap((document) => referencesOf(document).map((one) => ({ ...one, neededBy: `${document.kind} ${document.name}` })));
  if (needed.length === 0) return;
  const { rows } = await sql<MissingReference>`
    select needed.kind, needed.name, needed."neededBy"
    from json_to_recordset(${JSON.stringify(needed)}::json) as needed(kind text, name text, "neededBy" text)
    where not exists (select from inventory i where i.kind = needed.kind and i.name = needed.name)
    order by needed."neededBy", needed.kind, needed.name`.execute(tx.kysely);
  if (rows.length > 0) throw new UnknownReference(rows);
}
