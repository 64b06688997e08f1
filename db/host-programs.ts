/** The host programs of the workers' builds, by their SHA-256, for agents that do not have them yet. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

/** Adds it unless it is there. */
export async function keepHostProgram(db: Queryable, { sha256, body }: { readonly sha256: string; readonly body: Buffer }): Promise<void> {
  await sql`insert into host_programs (sha256, body) values (${sha256}, ${body}) on conflict (sha256) do nothing`.execute(db.kysely);
}

export async function findHostProgram(db: Queryable, sha256: string): Promise<Buffer | null> {
  const { rows } = await sql<{ body: Buffer }>`select body from host_programs where sha256 = ${sha256}`.execute(db.kysely);
  return rows[0]?.body ?? null;
}
