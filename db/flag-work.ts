/** Where flags and traffic may differ: every host with a lowered flag, or with a server that flags took out, in each of its pools. */
import { sql } from 'kysely';
import type { FlagOwner } from '../domain/flags.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { Queryable } from './client.ts';
import type { FlagDrainAt } from './flag-drains.ts';

export interface FlagWork {
  readonly host: string;
  readonly down: readonly FlagOwner[];
  /** taken out even below the floor */
  readonly forced: boolean;
  readonly drain: FlagDrainAt | null;
}

export interface PoolWork {
  readonly pool: PoolSpec;
  readonly hosts: readonly FlagWork[];
}

interface WorkRow {
  readonly spec: PoolSpec;
  readonly host: string;
  readonly down: readonly FlagOwner[] | null;
  readonly forced: boolean | null;
  readonly server: string | null;
  readonly weight: number | null;
  readonly confirmed: boolean | null;
  readonly ageMs: number | null;
}

/** Pools without a traffic entry are left out: nothing there can be carried out. So are joined ones: their entry is that of the pools they join. */
export async function listFlagWork(db: Queryable): Promise<readonly PoolWork[]> {
  const { rows } = await sql<WorkRow>`
    with concerned as (select host from host_flags where not up union select host from flag_drains),
      placed as (
        select p.name as pool, p.spec, c.host from concerned c
        join inventory p on p.kind = 'pool' and p.spec -> 'joins' is null and p.spec -> 'traffic' ->> 'driver' <> 'none' and p.spec::jsonb -> 'hosts' ? c.host
      )
    select placed.spec, placed.host, lowered.down, lowered.forced, d.server, d.weight, d.confirmed, (extract(epoch from now() - d.at) * 1000)::float8 as "ageMs"
    from placed
    left join lateral (
      select json_agg(distinct f.owner) as down, bool_or(f.forced) as forced from host_flags f where f.host = placed.host and not f.up and f.pool in ('', placed.pool)
    ) lowered on true
    left join flag_drains d on d.host = placed.host and d.pool = placed.pool
    where lowered.down is not null or d.host is not null
    order by placed.pool, placed.host`.execute(db.kysely);
  return [...Map.groupBy(rows, ({ spec }) => spec.name).values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ pool: first.spec, hosts: group.map((row) => workOf(first.spec.name, row)) }];
  });
}

function workOf(pool: string, { host, down, forced, server, weight, confirmed, ageMs }: WorkRow): FlagWork {
  const drain = server === null ? null : { host, pool, server, weight, confirmed: confirmed === true, ageMs: ageMs ?? 0 };
  return { host, down: down ?? [], forced: forced === true, drain };
}

/** Pools that a host serves in, by name, joined ones left out; with `pool` only that one. */
export async function poolsOfHost(db: Queryable, host: string, pool: string | null = null): Promise<readonly PoolSpec[]> {
  const { rows } = await sql<{ spec: PoolSpec }>`
    select spec from inventory where kind = 'pool' and spec -> 'joins' is null and spec::jsonb -> 'hosts' ? ${host} and (${pool}::text is null or name = ${pool}) order by name`.execute(db.kysely);
  return rows.map(({ spec }) => spec);
}

/** Every pool with a traffic entry of its own. */
export async function poolsWithTraffic(db: Queryable): Promise<readonly PoolSpec[]> {
  const { rows } = await sql<{ spec: PoolSpec }>`select spec from inventory where kind = 'pool' and spec -> 'joins' is null and spec -> 'traffic' ->> 'driver' <> 'none' order by name`.execute(db.kysely);
  return rows.map(({ spec }) => spec);
}
