/** Who owns which pool and host, under which epoch, and who waits. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table pool_locks (pool text primary key, holder text unique, epoch bigint, since timestamptz not null default now())`.execute(db);
  await sql`create table host_locks (host text primary key, epoch bigint not null default 0, release text) with (fillfactor = 70)`.execute(db);
  await sql`create index host_locks_by_release on host_locks (release)`.execute(db);
  await sql`
    create table pool_queue (
      release text primary key,
      pool text not null,
      hosts text[] not null,
      priority integer not null,
      place bigint generated always as identity,
      superseded_by text
    )`.execute(db);
  await sql`
    create table wanted_traffic (
      release text not null,
      host text not null,
      server text not null,
      epoch bigint not null,
      wanted json not null,
      at timestamptz not null default now(),
      primary key (release, host, server)
    )`.execute(db);
}
