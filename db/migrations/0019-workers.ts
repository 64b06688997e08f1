/** Worker processes and their builds: each gives a sign every few seconds, so that all know which builds live. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table workers (
      id uuid primary key,
      build text not null,
      started_at timestamptz not null,
      seen_at timestamptz not null,
      ended_at timestamptz
    )`.execute(db);
}
