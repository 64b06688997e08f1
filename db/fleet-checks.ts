/** Fleet checks: looks at every host of the inventory, begun by the schedule or asked for by somebody. */
import { sql } from 'kysely';
import { enqueue } from './outbox.ts';
import type { HostSpec, PoolSpec } from '../domain/inventory.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Queryable, Tx } from './client.ts';

export interface FleetCheck {
  readonly id: string;
  /** null: the schedule began it */
  readonly askedBy: Actor | null;
  readonly reason: string | null;
  /** ISO 8601 UTC, as are the others */
  readonly at: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** looked at so far; all of them once it is finished */
  readonly hosts: number;
  readonly dead: number;
  /** of which nothing can be said, because something of Signalbox's own side was away */
  readonly unjudged: number;
}

const COLUMNS = sql`id, asked_by as "askedBy", reason, at, started_at as "startedAt", finished_at as "finishedAt", hosts, dead, unjudged`;

/** One that was asked for and has not ended after so long is not waited for by who asks anew. */
const SHARED_MINUTES = 10;

/** Asks for a check in the caller's transaction. One that somebody asked for already and that has not begun is answered instead: it will see the same hosts. */
export async function askFleetCheck(tx: Tx, { id, actor, reason }: { readonly id: string; readonly actor: Actor; readonly reason: string | null }): Promise<FleetCheck> {
  const { rows } = await sql<FleetCheck>`
    select ${COLUMNS} from fleet_checks where asked_by is not null and started_at is null and at::timestamptz > now() - make_interval(mins => ${SHARED_MINUTES})
    order by at limit 1`.execute(tx.kysely);
  if (rows[0] !== undefined) return rows[0];
  await tx.kysely.insertInto('fleet_checks').values({ id, asked_by: JSON.stringify(actor), reason, at: new Date().toISOString() }).execute();
  await enqueue(tx, { kind: 'check-fleet', release: id, payload: {} });
  return (await getFleetCheck(tx, id)) as FleetCheck;
}

export async function getFleetCheck(db: Queryable, id: string): Promise<FleetCheck | null> {
  const { rows } = await sql<FleetCheck>`select ${COLUMNS} from fleet_checks where id = ${id}`.execute(db.kysely);
  return rows[0] ?? null;
}

/** Repeated for the same check it changes nothing. */
export async function beginFleetCheck(db: Queryable, id: string): Promise<void> {
  const now = new Date().toISOString();
  await sql`
    insert into fleet_checks (id, at, started_at) values (${id}, ${now}, ${now})
    on conflict (id) do update set started_at = coalesce(fleet_checks.started_at, excluded.started_at)`.execute(db.kysely);
}

export type FleetCheckCounts = Pick<FleetCheck, 'hosts' | 'dead' | 'unjudged'>;

const KEPT_DAYS = 30;

/** Its first end counts. Old checks are forgotten with it. */
export async function finishFleetCheck(db: Queryable, id: string, { hosts, dead, unjudged }: FleetCheckCounts): Promise<void> {
  await db.kysely.updateTable('fleet_checks').set({ hosts, dead, unjudged, finished_at: new Date().toISOString() }).where('id', '=', id).where('finished_at', 'is', null).execute();
  await sql`delete from fleet_checks where at::timestamptz < now() - make_interval(days => ${KEPT_DAYS})`.execute(db.kysely);
}

/** Hosts whose names lie behind `after`, up to `upTo`. */
export interface HostRange {
  readonly after: string;
  readonly upTo: string;
}

/** The first `count` ranges of `size` hosts behind `after`, and whether there are hosts behind them. */
export async function hostRanges(db: Queryable, { after, size, count }: { readonly after: string; readonly size: number; readonly count: number }): Promise<{ readonly ranges: readonly HostRange[]; readonly more: boolean }> {
  const rows = await db.kysely.selectFrom('inventory').select('name').where('kind', '=', 'host').where('name', '>', after).orderBy('name').limit(size * count + 1).execute();
  const names = rows.slice(0, size * count).map(({ name }) => name);
  const ends = names.filter((_, index) => index % size === size - 1 || index === names.length - 1);
  return { ranges: ends.map((upTo, index) => ({ after: ends[index - 1] ?? after, upTo })), more: rows.length > size * count };
}

export interface FleetHost {
  readonly host: HostSpec;
  /** the first pool that has it, by name; null: none has */
  readonly pool: PoolSpec | null;
}

/** The hosts of a range, by name, whoever owns them. */
export async function hostsInRange(db: Queryable, { after, upTo }: HostRange): Promise<readonly FleetHost[]> {
  const { rows } = await sql<FleetHost>`
    with membership as (
      select distinct on (member.host) member.host, p.spec as pool
      from inventory p cross join lateral jsonb_array_elements_text(p.spec::jsonb -> 'hosts') member(host)
      where p.kind = 'pool' and p.spec -> 'joins' is null and member.host > ${after} and member.host <= ${upTo}
      order by member.host, p.name)
    select h.spec as host, m.pool from inventory h left join membership m on m.host = h.name
    where h.kind = 'host' and h.name > ${after} and h.name <= ${upTo} order by h.name`.execute(db.kysely);
  return rows;
}
