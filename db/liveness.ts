/** What is kept of all looks at hosts; a row per host, of which nothing is rebuilt: the next look tells it anew. */
import { sql } from 'kysely';
import type { Liveness } from '../domain/liveness.ts';
import type { Queryable } from './client.ts';

const COLUMNS = sql`l.host, l.state, l.checked_at as "checkedAt", l.seen_at as "seenAt", l.dead_since as "deadSince", l.message, l.vitals, l.applications`;

/** Those of the hosts that were ever looked at. */
export async function knownLiveness(db: Queryable, hosts: readonly string[]): Promise<ReadonlyMap<string, Liveness>> {
  const { rows } = await sql<Liveness>`select ${COLUMNS} from host_liveness l where l.host = any(${hosts})`.execute(db.kysely);
  return new Map(rows.map((row) => [row.host, row]));
}

/** One statement however many they are; an older look than the one that is kept changes nothing. */
export async function keepLiveness(db: Queryable, looks: readonly Liveness[]): Promise<void> {
  if (looks.length === 0) return;
  await sql`
    insert into host_liveness (host, state, checked_at, seen_at, dead_since, message, vitals, applications)
    select host, state, "checkedAt", "seenAt", "deadSince", message, vitals, applications from json_to_recordset(${JSON.stringify(looks)}::json)
      as look(host text, state text, "checkedAt" text, "seenAt" text, "deadSince" text, message text, vitals json, applications json)
    order by host
    on conflict (host) do update set state = excluded.state, checked_at = excluded.checked_at, seen_at = excluded.seen_at, dead_since = excluded.dead_since,
      message = excluded.message, vitals = excluded.vitals, applications = excluded.applications
    where host_liveness.checked_at <= excluded.checked_at`.execute(db.kysely);
}

/** How often an application was started again outside releases, since ever. */
export interface StartedAgain {
  readonly application: string;
  readonly times: number;
  /** ISO 8601 UTC */
  readonly lastAt: string;
}

export interface ListedLiveness {
  readonly host: string;
  /** null: nobody has looked at it yet */
  readonly known: Liveness | null;
  readonly startedAgain: readonly StartedAgain[];
}

/** Every host of the inventory by name, those behind `after`. */
export async function pageLiveness(db: Queryable, { after, only, limit }: { readonly after?: string; readonly only?: string; readonly limit: number }): Promise<readonly ListedLiveness[]> {
  const { rows } = await sql<ListedLiveness>`
    select h.name as host, case when l.host is null then null else to_json(l) end as known, (
      select coalesce(json_agg(json_build_object('application', s.application, 'times', s.times, 'lastAt', s.last) order by s.application), '[]') from (
        select application, count(*) as times, to_char(max(at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last from service_starts where service_starts.host = h.name group by application) s) as "startedAgain"
    from inventory h left join lateral (select ${COLUMNS} from host_liveness l where l.host = h.name) l on true
    where h.kind = 'host' and h.name > ${after ?? ''} and (${only ?? null}::text is null or h.name = ${only ?? null})
    order by h.name limit ${limit}`.execute(db.kysely);
  return rows;
}

/** Forgets hosts that are in the inventory no more, and answers their names. */
export async function forgetGoneHosts(db: Queryable): Promise<readonly string[]> {
  const { rows } = await sql<{ host: string }>`delete from host_liveness l where not exists (select from inventory h where h.kind = 'host' and h.name = l.host) returning host`.execute(db.kysely);
  return rows.map(({ host }) => host);
}
