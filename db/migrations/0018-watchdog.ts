/** What the watchdog keeps: findings that say why they matter and what repairs them, repairs people asked for, and when who last looked. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table findings add column matters text not null default '', add column verb text, add column about json not null default '{}'`.execute(db);
  await sql`create index findings_open on findings (opened_at, id) where cleared_at is null`.execute(db);
  await sql`alter table outbox drop constraint outbox_kind_check`.execute(db);
  await sql`alter table outbox add constraint outbox_kind_check check (kind in ('start', 'command', 'wake', 'supersede', 'adopt'))`.execute(db);
  await sql`
    create table repairs (
      id text primary key,
      finding text not null,
      verb text not null,
      about json not null,
      reason text not null,
      actor json not null,
      at text not null,
      state text not null default 'asked' check (state in ('asked', 'applied', 'refused')),
      outcome text,
      settled_at text
    )`.execute(db);
  await sql`create index repairs_asked on repairs (verb, at) where state = 'asked'`.execute(db);
  await sql`create table watchdog_turns (part text primary key, at timestamptz not null default now(), by text not null)`.execute(db);
}
