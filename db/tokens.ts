/** Who may speak to the API. Only the SHA-256 of a token is kept, so that reading the database gives nobody a token. */
import { sql } from 'kysely';
import { IdReused, sqlState } from './errors.ts';
import type { Queryable } from './client.ts';

export interface Token {
  readonly name: string;
  /** ISO 8601 UTC */
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

/** `hash` is the lower-case hex SHA-256 of the token. Throws IdReused when the name is taken, also by a revoked one: names stay in the log. */
export async function createToken(db: Queryable, token: { readonly name: string; readonly hash: string }): Promise<void> {
  try {
    await db.kysely.insertInto('tokens').values(token).execute();
  } catch (error) {
    throw sqlState(error) === '23505' ? new IdReused(token.name) : error;
  }
}

/** The token with this hash, unless it is unknown or revoked. */
export async function findToken(db: Queryable, hash: string): Promise<Token | null> {
  const row = await db.kysely.selectFrom('tokens').select(['name', 'created_at', 'revoked_at']).where('hash', '=', hash).where('revoked_at', 'is', null).executeTakeFirst();
  return row ? toToken(row) : null;
}

/** All tokens by name, revoked ones too. */
export async function listTokens(db: Queryable): Promise<readonly Token[]> {
  const rows = await db.kysely.selectFrom('tokens').select(['name', 'created_at', 'revoked_at']).orderBy('name').execute();
  return rows.map(toToken);
}

/** False when no valid token has this name. */
export async function revokeToken(db: Queryable, name: string): Promise<boolean> {
  const row = await db.kysely.updateTable('tokens').set({ revoked_at: sql<Date>`now()` }).where('name', '=', name).where('revoked_at', 'is', null).returning('name').executeTakeFirst();
  return row !== undefined;
}

function toToken(row: { readonly name: string; readonly created_at: Date; readonly revoked_at: Date | null }): Token {
  return { name: row.name, createdAt: row.created_at.toISOString(), revokedAt: row.revoked_at?.toISOString() ?? null };
}
