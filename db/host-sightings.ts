/** What balancers showed of hosts when the worker last looked, for who may not speak to balancers. */
import { sql } from 'kysely';
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Queryable } from './client.ts';

export interface Sighting {
  readonly host: string;
  readonly server: string;
  readonly traffic: ObservedTraffic;
}

export interface SightingAt extends Sighting {
  readonly pool: string;
  /** since the look, by the database's clock alone */
  readonly ageMs: number;
  /** ISO 8601 UTC */
  readonly at: string;
}

export async function storeSightings(db: Queryable, pool: string, seen: readonly Sighting[]): Promise<void> {
  if (seen.length === 0) return;
  await sql`
    insert into host_sightings (pool, host, server, traffic)
    select ${pool}, host, server, traffic from json_to_recordset(${JSON.stringify(seen.toSorted((a, b) => (a.host < b.host ? -1 : 1)))}::json) as seen(host text, server text, traffic json)
    on conflict (pool, host) do update set server = excluded.server, traffic = excluded.traffic, at = now()`.execute(db.kysely);
}

export async function sightingsOf(db: Queryable, host: string): Promise<readonly SightingAt[]> {
  const rows = await db.kysely
    .selectFrom('host_sightings')
    .select(['pool', 'host', 'server', 'traffic', 'at'])
    .select(sql<number>`(extract(epoch from now() - at) * 1000)::float8`.as('ageMs'))
    .where('host', '=', host)
    .orderBy('pool')
    .execute();
  return rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
}
