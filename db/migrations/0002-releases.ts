/** What is read of releases: the fold of each stream, moved in the transaction of the append. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table releases (
      id text primary key,
      kind text not null,
      pool text not null,
      environment text not null,
      applications text[] not null,
      changes json not null,
      status text not null,
      paused boolean not null,
      requested_by text not null,
      reason text,
      created_at text not null,
      finished_at text,
      rollback_of text,
      restore_from text,
      epoch bigint,
      core json not null,
      core_version integer not null
    ) with (fillfactor = 50)`.execute(db);
  await sql`create index releases_newest on releases (created_at desc, id desc)`.execute(db);
  await sql`create index releases_by_pool on releases (pool, created_at desc, id desc)`.execute(db);
  await sql`
    create table release_targets (
      release text not null,
      host text not null,
      state json not null,
      version integer not null,
      touched boolean not null default false,
      primary key (release, host)
    ) with (fillfactor = 40)`.execute(db);
  await sql`create index release_targets_by_host on release_targets (host)`.execute(db);
  await sql`create table release_inventory (release text primary key, inventory json not null)`.execute(db);
  await sql`
    create table release_requests (
      id text primary key,
      request json not null,
      inventory json,
      actor json not null,
      at text not null,
      opened boolean not null default false
    )`.execute(db);
  await sql`create index release_requests_waiting on release_requests (at desc, id desc) where not opened`.execute(db);
}
