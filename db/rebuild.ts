/**
 * Projections made again from the events alone. Shadow tables are filled while appends go on; at the end appends wait for the few
 * events that came meanwhile and for the swap. Needs the owner's connection: the services may not make tables.
 */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import { foldEvent, type Folded } from '../domain/release/fold.ts';
import type { RollbackPlan } from '../domain/rollback-plan.ts';
import type { Database, Queryable } from './client.ts';
import { releaseStream } from './event-identity.ts';
import { refoldBlocks } from './blocks.ts';
import { REBUILD_GATE } from './migrations/0006-appends.ts';
import { releaseRow } from './release-row.ts';
import { grantOn } from './roles.ts';
import { eachReleaseEvent } from './stored-events.ts';
import { lastCoreVersion, refoldHostFlags, refoldInventory, TargetMarks } from './refold.ts';

const PROJECTIONS = ['releases', 'release_targets', 'release_inventory', 'release_rollback_plans', 'inventory', 'host_flags', 'blocks'] as const;

type Projection = (typeof PROJECTIONS)[number];

export interface Rebuilt {
  readonly releases: number;
  readonly events: number;
}

/** Rebuilds every projection table and swaps all at once. Two rebuilds at a time wait for each other. */
export async function rebuildProjections(db: Database): Promise<Rebuilt> {
  return db.kysely.connection().execute(async (kysely) => {
    await sql`select pg_advisory_lock(${REBUILDING}), set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)`.execute(kysely);
    try {
      for (const table of PROJECTIONS) await makeShadow(kysely, table);
      const work = { folded: new Map<string, number>(), events: 0 };
      await foldStreams({ kysely }, work);
      await kysely.transaction().execute(async (tx) => {
        await sql`select pg_advisory_xact_lock(${REBUILD_GATE})`.execute(tx);
        await foldStreams({ kysely: tx }, work);
        await refoldInventory({ kysely: tx }, shadowOf('inventory'));
        await refoldHostFlags({ kysely: tx }, shadowOf('host_flags'));
        await refoldBlocks({ kysely: tx }, shadowOf('blocks'));
        for (const table of PROJECTIONS) await swap(tx, table);
      });
      return { releases: work.folded.size, events: work.events };
    } finally {
      await sql`select pg_advisory_unlock(${REBUILDING}), set_config('statement_timeout', '30000', false), set_config('lock_timeout', '14000', false)`.execute(kysely);
    }
  });
}

const REBUILDING = 7_325_005;

function shadowOf(table: Projection): string {
  return `${table}_rebuilt`;
}

async function makeShadow(kysely: Queryable['kysely'], table: Projection): Promise<void> {
  await sql`drop table if exists ${sql.table(shadowOf(table))}`.execute(kysely);
  await sql`create table ${sql.table(shadowOf(table))} (like ${sql.table(table)} including all)`.execute(kysely);
}

interface Work {
  /** version each release was folded up to */
  readonly folded: Map<string, number>;
  events: number;
}

/** Folds every release that has moved since the last look. The first pass may find streams that go on growing; the last one finds none. */
async function foldStreams(db: Queryable, work: Work): Promise<void> {
  const { rows } = await sql<{ release: string; version: number }>`
    select substr(stream, length('release/') + 1) as release, version from streams where stream like 'release/%' and version > 0 order by stream`.execute(db.kysely);
  for (const head of rows) {
    if (work.folded.get(head.release) === head.version) continue;
    work.events += await foldRelease(db, head);
    work.folded.set(head.release, head.version);
  }
}

async function foldRelease(db: Queryable, head: { readonly release: string; readonly version: number }): Promise<number> {
  let folded: Folded | null = null;
  let coreVersion = 0;
  const marks = new TargetMarks();
  for await (const event of eachReleaseEvent(db, head.release, { after: 0, upTo: head.version })) {
    folded = foldEvent(folded, event);
    coreVersion = lastCoreVersion(coreVersion, event);
    marks.add(event);
  }
  if (folded) await writeRelease(db, folded, { coreVersion, marks });
  if (folded?.rollbackPlan) await writeRollbackPlan(db, head.release, folded.rollbackPlan);
  await writeInventory(db, head.release);
  return folded?.version ?? 0;
}

async function writeRollbackPlan(db: Queryable, release: string, plan: RollbackPlan): Promise<void> {
  await sql`
    insert into ${sql.table(shadowOf('release_rollback_plans'))} (release, plan) values (${release}, ${canonicalJson(plan)}::json)
    on conflict (release) do update set plan = excluded.plan`.execute(db.kysely);
}

/** Copied inside the database: it may be large, and nothing is folded. */
async function writeInventory(db: Queryable, release: string): Promise<void> {
  await sql`
    insert into ${sql.table(shadowOf('release_inventory'))} (release, inventory)
    select ${release}, data -> 'inventory' from events where stream = ${releaseStream(release)} and type = 'inventory-captured'
    on conflict (release) do nothing`.execute(db.kysely);
}

async function writeRelease(db: Queryable, folded: Folded, fold: { readonly coreVersion: number; readonly marks: TargetMarks }): Promise<void> {
  const releases = sql.table(shadowOf('releases'));
  const targets = sql.table(shadowOf('release_targets'));
  const { id } = folded.core.request;
  await sql`delete from ${releases} where id = ${id}`.execute(db.kysely);
  await sql`delete from ${targets} where release = ${id}`.execute(db.kysely);
  const row = { ...releaseRow(folded.core), core: {}, core_version: fold.coreVersion };
  await sql`insert into ${releases} select * from json_populate_record(null::releases, ${JSON.stringify(row)}::json)`.execute(db.kysely);
  await sql`update ${releases} set core = ${JSON.stringify(folded.core)} where id = ${id}`.execute(db.kysely);
  for (const state of Object.values(folded.targets)) {
    const { version, touched } = fold.marks.of(state.host);
    await sql`
      insert into ${targets} (release, host, state, version, touched)
      values (${id}, ${state.host}, ${JSON.stringify(state)}, ${version}, ${touched})`.execute(db.kysely);
  }
}

/** The new table takes the name, the indexes' names and the rights of the old one. */
async function swap(tx: Queryable['kysely'], table: Projection): Promise<void> {
  const { rows } = await sql<{ name: string; definition: string }>`
    select indexname as name, replace(indexdef, indexname, '') as definition from pg_indexes where schemaname = 'public' and tablename = ${table} order by 2`.execute(tx);
  const old = `${table}_replaced`;
  await sql`alter table ${sql.table(table)} rename to ${sql.id(old)}`.execute(tx);
  await sql`alter table ${sql.table(shadowOf(table))} rename to ${sql.id(table)}`.execute(tx);
  const fresh = await sql<{ name: string }>`
    select indexname as name from pg_indexes where schemaname = 'public' and tablename = ${table} order by replace(indexdef, indexname, '')`.execute(tx);
  await sql`drop table ${sql.table(old)}`.execute(tx);
  for (const [index, { name }] of rows.entries()) {
    const made = fresh.rows[index];
    if (made) await sql`alter index ${sql.id(made.name)} rename to ${sql.id(name)}`.execute(tx);
  }
  await grantOn(tx, table);
}
