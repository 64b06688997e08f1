/** Plans that were shown and may be named by a release, and what past releases taught about durations. Both can be made again. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table plans (
      digest text primary key check (digest ~ '^[0-9a-f]{64}$'),
      planned json not null,
      expires_at timestamptz not null
    )`.execute(db);
  await sql`create index plans_by_expiry on plans (expires_at)`.execute(db);
  await sql`create table release_paces (release text primary key, past json not null)`.execute(db);
}
