/** Who may ask for the work of a host. A token is good for one host and for nothing else; only its SHA-256 is kept. */
import { sql } from 'kysely';
import { IdReused, sqlState } from './errors.ts';
import type { Queryable } from './client.ts';

export interface HostToken {
  readonly name: string;
  readonly host: string;
  /** ISO 8601 UTC */
  readonly createdAt: string;
  readonly revokedAt: string | null;
  /** when the agent of this host last asked, with whatever token; null: never */
  readonly hostSeenAt: string | null;
}

/** `hash` is the lower-case hex SHA-256 of the token. Throws IdReused when the name is taken, also by a revoked one. */
export async function createHostToken(db: Queryable, { name, host, hash }: { readonly name: string; readonly host: string; readonly hash: string }): Promise<void> {
  try {
    await sql`insert into host_tokens (name, host, hash) values (${name}, ${host}, ${hash})`.execute(db.kysely);
  } catch (error) {
    throw sqlState(error) === '23505' ? new IdReused(name) : error;
  }
}

/** The token with this hash, unless it is unknown or revoked. */
export async function findHostToken(db: Queryable, hash: string): Promise<{ readonly name: string; readonly host: string } | null> {
  const { rows } = await sql<{ name: string; host: string }>`select name, host from host_tokens where hash = ${hash} and revoked_at is null`.execute(db.kysely);
  return rows[0] ?? null;
}

/** All host tokens by name, revoked ones too. */
export async function listHostTokens(db: Queryable): Promise<readonly HostToken[]> {
  const { rows } = await sql<{ name: string; host: string; created_at: Date; revoked_at: Date | null; seen_at: Date | null }>`
    select name, host, created_at, revoked_at, seen_at from host_tokens left join agents using (host) order by name`.execute(db.kysely);
  return rows.map(({ name, host, created_at, revoked_at, seen_at }) => ({
    name, host, createdAt: created_at.toISOString(), revokedAt: revoked_at?.toISOString() ?? null, hostSeenAt: seen_at?.toISOString() ?? null,
  }));
}

/** False when no valid token has this name. Whoever waits with it is told, so that it hears at once. */
export async function revokeHostToken(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await sql`
    with revoked as (update host_tokens set revoked_at = now() where name = ${name} and revoked_at is null returning host)
    select pg_notify('signalbox_call', host) from revoked`.execute(db.kysely);
  return rows.length > 0;
}
