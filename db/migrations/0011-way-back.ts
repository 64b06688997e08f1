/**
 * The frozen way back of each release, and what keeps packages and applications from being released. A trigger, not the append
 * function, keeps the plans: whoever replaces that function need not know of them.
 */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table release_rollback_plans (release text primary key, plan json not null)`.execute(db);
  await sql`
    create function keep_rollback_plan() returns trigger language plpgsql as $$
    begin
      insert into release_rollback_plans (release, plan) values (substr(new.stream, length('release/') + 1), new.data -> 'plan')
        on conflict (release) do update set plan = excluded.plan;
      return null;
    end $$`.execute(db);
  await sql`create trigger keep_rollback_plan after insert on events for each row when (new.type = 'rollback-planned') execute function keep_rollback_plan()`.execute(db);
  await sql`
    create table blocks (
      kind text not null check (kind in ('quarantine', 'hold')),
      name text not null,
      pool text not null,
      reason text not null,
      release text,
      by json not null,
      since text not null,
      lifted json,
      primary key (kind, name, pool)
    )`.execute(db);
}
