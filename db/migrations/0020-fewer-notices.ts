/**
 * Listeners are told of a target's events some ten times a second at most, so the append says whether it tells them. The shape of before
 * stays: workers of the build before go on while this one comes up.
 */
import { sql, type Kysely } from 'kysely';

const NOTICE = /^\s*perform pg_notify\('signalbox_release', p_release\);$/m;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ body: string }>`select prosrc as body from pg_proc where proname = 'append_target_events' and pronargs = 2`.execute(db);
  const body = rows[0]?.body ?? '';
  if (!NOTICE.test(body)) throw new Error('append_target_events tells listeners otherwise than this migration knows.');
  await sql`create function append_target_events(p_release text, p_events json, p_tells boolean) returns integer[] language plpgsql as ${sql.lit(body.replace(NOTICE, "    if p_tells then perform pg_notify('signalbox_release', p_release); end if;"))}`.execute(db);
  await sql`create or replace function append_target_events(p_release text, p_events json) returns integer[] language sql as 'select append_target_events(p_release, p_events, true)'`.execute(db);
}
