/** Reading over all streams. Numbers are given before commit, so readers follow the order of transactions and stop below the oldest open one. */
import { sql } from 'kysely';
import type { Actor } from '../domain/vocabulary.ts';
import type { Queryable } from './client.ts';

/** Where a reader stands: opaque to it, compare nothing but equality. */
export interface FeedCursor {
  readonly transaction: string;
  readonly position: number;
}

export interface FeedEvent {
  readonly cursor: FeedCursor;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  readonly data: unknown;
  readonly actor: Actor;
  readonly at: string;
}

const START: FeedCursor = { transaction: '0', position: 0 };

/**
 * Events of all streams after the cursor, at most `limit`. Each committed event comes exactly once, in one order for all readers; the
 * events of one stream come in the order of their versions. An event is held back while any older transaction is still open.
 */
export async function readFeed(db: Queryable, options: { readonly after?: FeedCursor | null; readonly limit: number }): Promise<readonly FeedEvent[]> {
  const after = options.after ?? START;
  const { rows } = await sql<FeedRow>`
    select position, transaction::text as transaction, stream, version, id, type, schema, data, actor, at from events
    where (transaction, position) > (${after.transaction}::xid8, ${after.position}) and transaction < pg_snapshot_xmin(pg_current_snapshot())
    order by transaction, position limit ${options.limit}`.execute(db.kysely);
  return rows.map(({ transaction, position, ...event }) => ({ ...event, cursor: { transaction, position } }));
}

interface FeedRow extends Omit<FeedEvent, 'cursor'>, FeedCursor {}
