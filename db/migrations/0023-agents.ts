/**
 * Hosts that ask for their work: the tokens that are good for one host each, the agent that last asked with one, what waits to be done
 * there, the host programs that agents run, and the API processes that answer agents.
 */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table host_tokens (
      name text primary key,
      host text not null,
      hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    )`.execute(db);
  // `poll` counts the polls of a host, so that one whose line was cut and who asked again is not answered on the old line.
  await sql`
    create table agents (
      host text primary key,
      agent text not null,
      boot text not null,
      poll bigint not null,
      since timestamptz not null,
      seen_at timestamptz not null
    )`.execute(db);
  await sql`
    create table agent_calls (
      id bigint generated always as identity primary key,
      host text not null,
      verb text not null,
      op_id text,
      epoch text,
      program text not null,
      input text not null,
      asked_at timestamptz not null default now(),
      wanted_until timestamptz not null,
      handed_at timestamptz,
      answered_at timestamptz,
      exit_status integer,
      output bytea
    )`.execute(db);
  await sql`create index agent_calls_by_host on agent_calls (host, id)`.execute(db);
  await sql`create table host_programs (sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'), body bytea not null, added_at timestamptz not null default now())`.execute(db);
  await sql`create table agent_desks (id uuid primary key, started_at timestamptz not null, seen_at timestamptz not null)`.execute(db);
}
