/** Events as they are read back: rows become the domain's stored events. */
import { sql } from 'kysely';
import { isTargetEvent } from '../domain/release/events.ts';
import type { CoreEvent, Stored, StoredReleaseEvent } from '../domain/release/events.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Queryable } from './client.ts';
import { releaseStream } from './event-identity.ts';

/** `position` orders events over all streams as they were numbered, not as they became visible. */
export type PositionedEvent = StoredReleaseEvent & { readonly position: number };

interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly data: unknown;
  readonly at: string;
  readonly actor: Actor;
}

/** The only place that trusts the store's types: everything in it was written by this code, under the same version of the domain. */
export function toStoredEvent(row: EventRow): StoredReleaseEvent {
  const { id, type, version, data, at, actor } = row;
  return { type, data, id, version, at, actor } as StoredReleaseEvent;
}

const PAGE_LIMIT = 1_000;

export interface ReadReleaseEvents {
  readonly release: string;
  /** events with a higher stream version only */
  readonly after?: number;
  readonly limit?: number;
}

/** Events of one release in the order of their versions, at most `limit` (default and maximum 1,000). Unknown releases give none. */
export async function readReleaseEvents(db: Queryable, options: ReadReleaseEvents): Promise<readonly PositionedEvent[]> {
  const rows = await db.kysely
    .selectFrom('events')
    .select(['id', 'type', 'version', 'data', 'at', 'actor', 'position'])
    .where('stream', '=', releaseStream(options.release))
    .where('version', '>', options.after ?? 0)
    .orderBy('version')
    .limit(Math.min(options.limit ?? PAGE_LIMIT, PAGE_LIMIT))
    .execute();
  return rows.map((row) => ({ ...toStoredEvent(row), position: row.position }));
}

/** Every event of a release after a version and up to another, page by page, so that a long stream never sits in memory whole. */
export async function* eachReleaseEvent(db: Queryable, release: string, range: { readonly after: number; readonly upTo: number }): AsyncGenerator<StoredReleaseEvent> {
  let after = range.after;
  while (after < range.upTo) {
    const page = await readReleaseEvents(db, { release, after });
    for (const event of page) {
      if (event.version > range.upTo) return;
      yield event;
    }
    const last = page.at(-1);
    if (!last) return;
    after = last.version;
  }
}

/** All decisions of a release, in order, without what happened on single targets. */
export async function coreEvents(db: Queryable, release: string): Promise<readonly Stored<CoreEvent>[]> {
  const { rows } = await sql<EventRow>`
    select id, type, version, data, at, actor from events where stream = ${releaseStream(release)} and not type like 'target-%' order by version`.execute(db.kysely);
  return rows.map(toStoredEvent).filter((event) => !isTargetEvent(event));
}

/** Those of the ids that are stored, in the order of their versions. */
export async function findEvents(db: Queryable, ids: readonly string[]): Promise<readonly StoredReleaseEvent[]> {
  const { rows } = await sql<EventRow>`select id, type, version, data, at, actor from events where id = any(${ids}) order by version`.execute(db.kysely);
  return rows.map(toStoredEvent);
}

/** The newest event of one of the types in a release, or null. */
export async function lastEventOf(db: Queryable, release: string, types: readonly CoreEvent['type'][]): Promise<Stored<CoreEvent> | null> {
  const { rows } = await sql<EventRow>`
    select id, type, version, data, at, actor from events
    where stream = ${releaseStream(release)} and type = any(${types}) order by version desc limit 1`.execute(db.kysely);
  const event = rows[0] && toStoredEvent(rows[0]);
  return event && !isTargetEvent(event) ? event : null;
}
