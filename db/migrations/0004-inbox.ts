/** What the API writes and the dispatcher delivers, and what operators keep: tokens and findings. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table commands (
      id text primary key,
      release text not null,
      command json not null,
      state text not null check (state in ('accepted', 'applied', 'refused')),
      refusal json,
      settled_reason text,
      new_release text,
      at text not null,
      settled_at text
    )`.execute(db);
  await sql`create index commands_by_release on commands (release, at)`.execute(db);
  await sql`
    create table outbox (
      id bigint generated always as identity primary key,
      kind text not null check (kind in ('start', 'command', 'wake', 'supersede')),
      release text not null,
      payload json not null,
      attempts integer not null default 0,
      due_at timestamptz not null default now(),
      claimed_until timestamptz,
      error text,
      delivered_at timestamptz
    )`.execute(db);
  await sql`create index outbox_waiting on outbox (release, id) where delivered_at is null`.execute(db);
  await sql`
    create table idempotency (
      principal text not null,
      key text not null,
      route text not null,
      body_hash text not null,
      status integer,
      body json,
      created_at timestamptz not null default now(),
      primary key (principal, key)
    )`.execute(db);
  await sql`create table tokens (name text primary key, hash text not null unique check (hash ~ '^[0-9a-f]{64}$'), created_at timestamptz not null default now(), revoked_at timestamptz)`.execute(db);
  await sql`
    create table findings (
      id text primary key,
      kind text not null,
      subject text not null,
      sentence text not null,
      repair text not null,
      opened_at timestamptz not null default now(),
      cleared_at timestamptz
    )`.execute(db);
}
