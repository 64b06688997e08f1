/**
 * Appending in one round trip. Each function locks the stream's head row first and reads everything else after it, in a statement of
 * its own, so that it sees what the previous holder of the head committed. All return null, and write nothing, when the caller
 * worked from something that is no longer so: the caller then looks at what changed.
 *
 * An event's `transaction` is never below that of its predecessor: a transaction that began early may append late, and readers over
 * all streams must still meet the events of one stream in order.
 */
import { sql, type Kysely } from 'kysely';

/** Appends share this lock, a rebuild takes it alone while it swaps tables. */
export const REBUILD_GATE = 7_325_001;

export async function up(db: Kysely<unknown>): Promise<void> {
  await createAppendEvent(db);
  await createAppendTargetEvent(db);
  await createAppendCoreEvents(db);
}

/** One event of any stream, chained to the one before it; called by the other two and for inventory streams. */
async function createAppendEvent(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function append_event(p_stream text, p_id text, p_type text, p_schema integer, p_data text, p_actor text, p_at text)
    returns integer language plpgsql as $$
    declare
      head streams%rowtype;
      v_position bigint;
      v_hash bytea;
      v_transaction xid8;
    begin
      select * into head from streams where stream = p_stream for update;
      if not found then
        insert into streams (stream) values (p_stream) on conflict do nothing;
        select * into head from streams where stream = p_stream for update;
      end if;
      v_position := nextval('event_position');
      v_transaction := greatest(pg_current_xact_id(), head.transaction);
      v_hash := event_hash(head.hash, v_position, p_stream, head.version + 1, p_id, p_type, p_schema, p_data, p_actor, p_at);
      insert into events (position, stream, version, id, type, schema, data, actor, at, hash, transaction)
        values (v_position, p_stream, head.version + 1, p_id, p_type, p_schema, p_data::json, p_actor::json, p_at, v_hash, v_transaction);
      update streams set version = head.version + 1, hash = v_hash, transaction = v_transaction where stream = p_stream;
      return head.version + 1;
    end $$`.execute(db);
}

/** One event of a target with its row, where the epoch and the version are still the expected ones; null where they are not. */
async function createAppendTargetEvent(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function append_target_event(p_release text, p_host text, p_epoch bigint, p_id text, p_type text, p_schema integer,
      p_data text, p_actor text, p_at text, p_expected integer, p_state text)
    returns integer language plpgsql as $$
    declare
      v_stream text := 'release/' || p_release;
      head streams%rowtype;
      v_position bigint;
      v_hash bytea;
      v_transaction xid8;
    begin
      perform pg_advisory_xact_lock_shared(${sql.lit(REBUILD_GATE)});
      select * into head from streams where stream = v_stream for update;
      if not found then return null; end if;
      v_position := nextval('event_position');
      v_transaction := greatest(pg_current_xact_id(), head.transaction);
      v_hash := event_hash(head.hash, v_position, v_stream, head.version + 1, p_id, p_type, p_schema, p_data, p_actor, p_at);
      insert into events (position, stream, version, id, type, schema, data, actor, at, hash, transaction)
        select v_position, v_stream, head.version + 1, p_id, p_type, p_schema, p_data::json, p_actor::json, p_at, v_hash, v_transaction
        from release_targets t join host_locks h on h.host = t.host
        where t.release = p_release and t.host = p_host and t.version = p_expected and h.epoch = p_epoch and h.release = p_release
        on conflict (id) do nothing;
      if not found then return null; end if;
      update streams set version = head.version + 1, hash = v_hash, transaction = v_transaction where stream = v_stream;
      update release_targets set state = p_state::json, version = head.version + 1, touched = touched or p_type = 'target-step-begun'
        where release = p_release and host = p_host;
      perform pg_notify('signalbox_release', p_release);
      return head.version + 1;
    end $$`.execute(db);
}

/** Decisions of a release with its row; null where somebody else decided first. */
async function createAppendCoreEvents(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function append_core_events(p_release text, p_events json, p_expected integer, p_row json, p_core text)
    returns integer language plpgsql as $$
    declare
      v_stream text := 'release/' || p_release;
      v_current integer;
      v_version integer;
      e record;
    begin
      perform pg_advisory_xact_lock_shared(${sql.lit(REBUILD_GATE)});
      if p_expected = 0 then insert into streams (stream) values (v_stream) on conflict do nothing; end if;
      perform 1 from streams where stream = v_stream for update;
      select core_version into v_current from releases where id = p_release;
      if coalesce(v_current, 0) <> p_expected then return null; end if;
      if exists (select from events where id in (select x ->> 'id' from json_array_elements(p_events) x)) then return null; end if;
      for e in
        select x ->> 'id' as id, x ->> 'type' as type, (x ->> 'schema')::integer as schema, x ->> 'data' as data, x ->> 'actor' as actor, x ->> 'at' as at
        from json_array_elements(p_events) with ordinality as list(x, place) order by place
      loop
        v_version := append_event(v_stream, e.id, e.type, e.schema, e.data, e.actor, e.at);
        if e.type = 'inventory-captured' then
          insert into release_inventory (release, inventory) values (p_release, e.data::json -> 'inventory');
        end if;
      end loop;
      if p_expected = 0 then
        insert into releases select * from json_populate_record(null::releases, p_row);
        update releases set core = p_core::json, core_version = v_version where id = p_release;
        insert into release_targets (release, host, state, version)
          select p_release, x ->> 'host', x, 1 from json_array_elements(p_row -> 'targets') x;
      else
        update releases set status = r.status, paused = r.paused, finished_at = r.finished_at, epoch = r.epoch, core = p_core::json, core_version = v_version
          from json_populate_record(null::releases, p_row) r where releases.id = p_release;
      end if;
      perform pg_notify('signalbox_release', p_release);
      return v_version - json_array_length(p_events) + 1;
    end $$`.execute(db);
}
