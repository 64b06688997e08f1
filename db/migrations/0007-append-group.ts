/**
 * Target events that wait for the same stream go together: one round trip, one lock of the head and one commit for all of them.
 * `append_target_event` stays for workers of the version before, which may still run while this is applied.
 */
import { sql, type Kysely } from 'kysely';
import { REBUILD_GATE } from './0006-appends.ts';

/** Versions in the order of the events, null for each whose epoch, version or id is not what its teller believed; null for no stream. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function append_target_events(p_release text, p_events json) returns integer[] language plpgsql as $$
    declare
      v_stream text := 'release/' || p_release;
      head streams%rowtype;
      v_position bigint;
      v_hash bytea;
      v_versions integer[] := '{}';
      e record;
    begin
      perform pg_advisory_xact_lock_shared(${sql.lit(REBUILD_GATE)});
      select * into head from streams where stream = v_stream for update;
      if not found then return null; end if;
      head.transaction := greatest(pg_current_xact_id(), head.transaction);
      for e in
        select * from rows from (json_to_recordset(p_events) as (host text, epoch bigint, id text, type text, schema integer,
          data text, actor text, at text, expected integer, state text)) with ordinality as told order by told.ordinality
      loop
        v_position := nextval('event_position');
        v_hash := event_hash(head.hash, v_position, v_stream, head.version + 1, e.id, e.type, e.schema, e.data, e.actor, e.at);
        insert into events (position, stream, version, id, type, schema, data, actor, at, hash, transaction)
          select v_position, v_stream, head.version + 1, e.id, e.type, e.schema, e.data::json, e.actor::json, e.at, v_hash, head.transaction
          from release_targets t join host_locks h on h.host = t.host
          where t.release = p_release and t.host = e.host and t.version = e.expected and h.epoch = e.epoch and h.release = p_release
          on conflict (id) do nothing;
        if not found then
          v_versions := v_versions || null::integer;
          continue;
        end if;
        head.version := head.version + 1;
        head.hash := v_hash;
        update release_targets set state = e.state::json, version = head.version, touched = touched or e.type = 'target-step-begun'
          where release = p_release and host = e.host;
        v_versions := v_versions || head.version;
      end loop;
      update streams set version = head.version, hash = head.hash, transaction = head.transaction where stream = v_stream;
      perform pg_notify('signalbox_release', p_release);
      return v_versions;
    end $$`.execute(db);
}
