/** Quarantined packages and held applications. Each change is an event of the stream `quarantine/<package>` or `hold/<pool>/<application>`. */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { inTransaction, type Queryable, type Tx } from './client.ts';
import { SCHEMA } from './event-schema.ts';
import { REBUILD_GATE } from './migrations/0006-appends.ts';

/** `pool` is empty for a quarantine, which holds everywhere. */
export interface BlockPlace {
  readonly kind: 'quarantine' | 'hold';
  /** a package id, or an application */
  readonly name: string;
  readonly pool: string;
}

export interface Block extends BlockPlace {
  readonly reason: string;
  /** the release that failed or was taken back; null: somebody said so by hand */
  readonly release: string | null;
  readonly by: Actor;
  /** ISO 8601 UTC */
  readonly since: string;
  /** null while it stands */
  readonly lifted: Lift | null;
}

export interface Lift {
  readonly reason: string;
  readonly by: Actor;
  readonly at: string;
}

export interface NewBlock extends BlockPlace {
  readonly reason: string;
  readonly release: string | null;
  readonly by: Actor;
  /** told by an activity that may be repeated: of the same release it is put once, and once lifted it stays lifted */
  readonly mayRepeat?: boolean;
}

/** Blocks it and answers the block. One that stands already stays as it was first told. */
export async function putBlock(db: Queryable, block: NewBlock): Promise<Block> {
  return inTransaction(db, async (tx) => {
    await lockBlocks(tx);
    const before = await getBlock(tx, block);
    if (before !== null && (before.lifted === null || (block.mayRepeat === true && before.release === block.release))) return before;
    const { kind, name, pool, reason, release, by } = block;
    return store(tx, { kind, name, pool, reason, release, by, since: new Date().toISOString(), lifted: null }, kind === 'hold' ? 'application-held' : 'package-quarantined');
  });
}

/** The lifted block; null when nothing was blocked there. */
export async function liftBlock(db: Queryable, place: BlockPlace, { reason, by }: { readonly reason: string; readonly by: Actor }): Promise<Block | null> {
  return inTransaction(db, async (tx) => {
    await lockBlocks(tx);
    const before = await getBlock(tx, place);
    if (before === null || before.lifted !== null) return null;
    const lifted = { reason, by, at: new Date().toISOString() };
    return store(tx, { ...before, lifted }, place.kind === 'hold' ? 'application-hold-lifted' : 'package-quarantine-lifted');
  });
}

/** The block of a place as it stands, or as it was lifted; null when there never was one. */
export async function getBlock(db: Queryable, { kind, name, pool }: BlockPlace): Promise<Block | null> {
  const row = await db.kysely.selectFrom('blocks').selectAll().where('kind', '=', kind).where('name', '=', name).where('pool', '=', pool).executeTakeFirst();
  return row ?? null;
}

/** Those that stand now and concern the pool: holds of these applications in it or in a pool joined with it, quarantines of these packages; in that order, by name. */
export async function standingBlocks(db: Queryable, { pool, applications, packages }: { readonly pool: string; readonly applications: readonly string[]; readonly packages: readonly string[] }): Promise<readonly Block[]> {
  const { rows } = await sql<Block>`
    select * from blocks where lifted is null and (
      (kind = 'hold' and name = any(${applications}) and (pool = ${pool} or exists (
        select from inventory p where p.kind = 'pool' and ((p.name = ${pool} and p.spec::jsonb -> 'joins' ? blocks.pool) or (p.name = blocks.pool and p.spec::jsonb -> 'joins' ? ${pool}))))) or (kind = 'quarantine' and name = any(${packages})))
    order by kind, name`.execute(db.kysely);
  return rows;
}

/** Every hold of an application that was ever put, by pool. */
export async function holdsOf(db: Queryable, application: string): Promise<readonly Block[]> {
  return db.kysely.selectFrom('blocks').selectAll().where('kind', '=', 'hold').where('name', '=', application).orderBy('pool').execute();
}

/** Versions of an application that are quarantined now. */
export async function quarantinedVersions(db: Queryable, application: string): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ version: string }>`
    select substr(name, length(${application}) + 2) as version from blocks
    where kind = 'quarantine' and lifted is null and name like ${`${application.replaceAll('_', '\\_')}@%`}`.execute(db.kysely);
  return new Set(rows.map(({ version }) => version));
}

const BLOCKS_LOCK = 7_325_011;

async function lockBlocks(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${BLOCKS_LOCK}), pg_advisory_xact_lock_shared(${REBUILD_GATE})`.execute(tx.kysely);
}

/** The event carries the whole block, so that a rebuild needs the last one of each stream only. */
async function store(tx: Tx, block: Block, type: string): Promise<Block> {
  const stream = block.kind === 'hold' ? `hold/${block.pool}/${block.name}` : `quarantine/${block.name}`;
  const head = await tx.kysely.selectFrom('streams').select('version').where('stream', '=', stream).executeTakeFirst();
  const actor = block.lifted?.by ?? block.by;
  const at = block.lifted?.at ?? block.since;
  await sql`select append_event(${stream}, ${`${stream}/${(head?.version ?? 0) + 1}`}, ${type}, ${SCHEMA}, ${canonicalJson(block)}, ${canonicalJson(actor)}, ${at})`.execute(tx.kysely);
  await sql`
    insert into blocks select * from json_populate_record(null::blocks, ${canonicalJson(block)}::json)
    on conflict (kind, name, pool) do update set reason = excluded.reason, release = excluded.release, by = excluded.by, since = excluded.since, lifted = excluded.lifted`.execute(tx.kysely);
  return block;
}

/** Every block as its last event left it. */
export async function refoldBlocks(db: Queryable, table: string): Promise<void> {
  await sql`
    insert into ${sql.table(table)} select b.* from events e join streams s on s.stream = e.stream and s.version = e.version,
      json_populate_record(null::blocks, e.data) b
    where e.stream like 'quarantine/%' or e.stream like 'hold/%'`.execute(db.kysely);
}
