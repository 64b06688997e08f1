/** The columns beside each fold that a rebuild must find again, and the fold of inventory streams. */
import { sql } from 'kysely';
import { isTargetEvent } from '../domain/release/events.ts';
import type { StoredReleaseEvent } from '../domain/release/events.ts';
import type { Queryable } from './client.ts';

/** Version of the last decision among the events so far. */
export function lastCoreVersion(before: number, event: StoredReleaseEvent): number {
  return isTargetEvent(event) ? before : event.version;
}

interface Mark {
  readonly version: number;
  readonly touched: boolean;
}

/** A target nothing was told of yet: its row came with the stream's first event. */
const UNTOUCHED: Mark = { version: 1, touched: false };

/** Of each target the version of its last event, and whether any step was ever begun. */
export class TargetMarks {
  readonly #marks = new Map<string, Mark>();

  add(event: StoredReleaseEvent): void {
    if (!isTargetEvent(event)) return;
    const { host } = event.data;
    this.#marks.set(host, { version: event.version, touched: this.of(host).touched || event.type === 'target-step-begun' });
  }

  of(host: string): Mark {
    return this.#marks.get(host) ?? UNTOUCHED;
  }
}

/** Every object as its last event left it; removed ones are gone. An object's event carries its whole spec, so SQL alone can fold it. */
export async function refoldInventory(db: Queryable, table: string): Promise<void> {
  await sql`
    insert into ${sql.table(table)} (kind, name, spec, version, updated_at)
    select split_part(stream, '/', 1), substr(stream, strpos(stream, '/') + 1), data -> 'spec', version, at
    from (
      select distinct on (stream) stream, type, data, version, at from events
      where (type like '%-defined' or type like '%-removed') and stream not like 'release/%' order by stream, version desc
    ) last where type like '%-defined'`.execute(db.kysely);
}

/** Every flag as it was last set; an object's own events stand between. */
export async function refoldHostFlags(db: Queryable, table: string): Promise<void> {
  await sql`
    insert into ${sql.table(table)} (host, owner, pool, up, forced, reason, actor, since)
    select distinct on (stream, data ->> 'owner', coalesce(data ->> 'pool', '')) substr(stream, length('host/') + 1), data ->> 'owner', coalesce(data ->> 'pool', ''),
      type = 'host-flag-raised', (data ->> 'forced')::boolean, data ->> 'reason', actor, at
    from events where stream like 'host/%' and type in ('host-flag-lowered', 'host-flag-raised')
    order by stream, data ->> 'owner', coalesce(data ->> 'pool', ''), version desc`.execute(db.kysely);
}
