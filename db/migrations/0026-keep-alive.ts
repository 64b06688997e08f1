/** Every time that a dead service was started again outside releases. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table service_starts (
      id text primary key,
      host text not null,
      application text not null,
      epoch bigint not null,
      at timestamptz not null default now(),
      outcome text,
      looked_at timestamptz
    )`.execute(db);
  await sql`create index service_starts_of on service_starts (host, application, at)`.execute(db);
}
