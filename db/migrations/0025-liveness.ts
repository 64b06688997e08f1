/** What looks at hosts told, and the fleet checks that look at all of them. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table host_liveness (
      host text primary key,
      state text not null check (state in ('up', 'dead')),
      checked_at text not null,
      seen_at text,
      dead_since text,
      message text,
      vitals json,
      applications json not null default '[]'
    )`.execute(db);
  await sql`
    create table fleet_checks (
      id text primary key,
      asked_by json,
      reason text,
      at text not null,
      started_at text,
      finished_at text,
      hosts integer not null default 0,
      dead integer not null default 0,
      unjudged integer not null default 0
    )`.execute(db);
  await sql`create index fleet_checks_at on fleet_checks (at)`.execute(db);
  await sql`alter table outbox drop constraint outbox_kind_check`.execute(db);
  await sql`alter table outbox add constraint outbox_kind_check check (kind in ('start', 'command', 'wake', 'supersede', 'adopt', 'check-fleet'))`.execute(db);
}
