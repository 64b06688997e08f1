/**
 * When Signalbox itself could not work: a pulse that a worker gives while Temporal and Postgres answer, and the gaps it left. Releases
 * do not count those times against their deadlines.
 */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table service_pulse (
      id boolean primary key default true check (id),
      at timestamptz not null
    )`.execute(db);
  await sql`
    create table outages (
      from_at timestamptz primary key,
      to_at timestamptz not null,
      check (to_at > from_at)
    )`.execute(db);
}
