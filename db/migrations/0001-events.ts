/** The event store: events, stream heads, the hash chain, and reading over all streams. */
import { sql, type Kysely } from 'kysely';

/** `fillfactor` leaves room so that the head of a busy stream is rewritten in place. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create sequence event_position as bigint`.execute(db);
  await sql`create sequence epochs as bigint`.execute(db);
  await sql`
    create table events (
      position bigint not null default nextval('event_position'),
      stream text not null,
      version integer not null check (version > 0),
      id text not null unique check (id <> ''),
      type text not null,
      schema integer not null,
      data json not null,
      actor json not null,
      at text not null,
      hash bytea not null check (length(hash) = 32),
      transaction xid8 not null,
      primary key (stream, version)
    )`.execute(db);
  await sql`create unique index events_in_order on events (transaction, position)`.execute(db);
  await sql`
    create table streams (
      stream text primary key,
      version integer not null default 0,
      hash bytea not null default decode(repeat('00', 32), 'hex'),
      transaction xid8 not null default '0'
    ) with (fillfactor = 40)`.execute(db);
  await sql`
    create function event_hash(previous bytea, event_position bigint, event_stream text, event_version integer, event_id text,
      event_type text, event_schema integer, event_data text, event_actor text, event_at text) returns bytea
    language sql immutable parallel safe
    return sha256(previous || convert_to(
      '{"actor":' || event_actor || ',"at":' || to_json(event_at)::text || ',"data":' || event_data || ',"id":' || to_json(event_id)::text
      || ',"position":' || event_position::text || ',"schema":' || event_schema::text || ',"stream":' || to_json(event_stream)::text
      || ',"type":' || to_json(event_type)::text || ',"version":' || event_version::text || '}', 'UTF8'))`.execute(db);
}
