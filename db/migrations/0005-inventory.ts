/** What operators declared, as it stands now; every change of it is an event of the stream `<kind>/<name>`. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table inventory (kind text not null, name text not null, spec json not null, version integer not null, updated_at text not null, primary key (kind, name))`.execute(db);
}
