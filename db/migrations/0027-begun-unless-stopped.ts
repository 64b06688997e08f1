/**
 * A host that is begun while its release is being paused or aborted: the log's own order decides. The append of such an event says that
 * it stands only where no stop is stored before it, which is known exactly here, under the lock of the stream's head. The question is
 * asked once for a group, and only where one of the group asks it.
 */
import { sql, type Kysely } from 'kysely';
import { REBUILD_GATE } from './0006-appends.ts';

/** As before, and null for each event that may not follow a stop and would. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function append_target_events(p_release text, p_events json, p_tells boolean) returns integer[] language plpgsql as $$
    declare
      v_stream text := 'release/' || p_release;
      head streams%rowtype;
      v_stopped boolean := false;
      v_position bigint;
      v_hash bytea;
      v_versions integer[] := '{}';
      e record;
    begin
      perform pg_advisory_xact_lock_shared(${sql.lit(REBUILD_GATE)});
      select * into head from streams where stream = v_stream for update;
      if not found then return null; end if;
      head.transaction := greatest(pg_current_xact_id(), head.transaction);
      if exists (select from json_array_elements(p_events) x where (x ->> 'unlessStopped')::boolean) then
        select paused or core ->> 'aborting' is not null into v_stopped from releases where id = p_release;
      end if;
      for e in
        select * from rows from (json_to_recordset(p_events) as (host text, epoch bigint, id text, type text, schema integer,
          data text, actor text, at text, expected integer, state text, "unlessStopped" boolean)) with ordinality as told order by told.ordinality
      loop
        if v_stopped and e."unlessStopped" then
          v_versions := v_versions || null::integer;
          continue;
        end if;
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
      if p_tells then perform pg_notify('signalbox_release', p_release); end if;
      return v_versions;
    end $$`.execute(db);
}
