/** What the watchdog asks the log: what should be running, who owns what, what was told to whom. */
import { sql } from 'kysely';
import { concernsPlace } from './release-flag.ts';
import type { LockHeld } from '../domain/watchdog/locks.ts';
import type { RunningRelease } from '../domain/watchdog/releases.ts';
import type { NamedSite } from '../domain/watchdog/sites.ts';
import type { SeenServer } from '../domain/watchdog/servers.ts';
import type { Queryable } from './client.ts';

/** False also for a release that was only asked for; true for one nobody knows. */
export async function hasEnded(db: Queryable, release: string): Promise<boolean> {
  const { rows } = await sql`
    select from release_requests q left join releases r on r.id = q.id where q.id = ${release} and r.finished_at is null`.execute(db.kysely);
  return rows.length === 0;
}

/** Releases that have not ended by the log, oldest first; with `releases` only those of them. */
export async function runningReleases(db: Queryable, releases: readonly string[] | null = null): Promise<readonly RunningRelease[]> {
  const { rows } = await sql<RunningRelease>`
    select q.id as release, q.request ->> 'pool' as pool, coalesce(r.status, 'queued') as status, r.id is not null as "isOpen", coalesce(r.core_version, 0) as version,
      coalesce(r.epoch, 0) as epoch, extract(epoch from now() - q.at::timestamptz)::float8 * 1000 as "ageMs",
      exists (select from outbox o where o.release = q.id and o.delivered_at is null and o.kind in ('start', 'adopt')) as "isStarting",
      exists (select from outbox o where o.release = q.id and o.delivered_at is null) as "hasMessages",
      exists (select from pool_locks p where p.holder = q.id and p.since < now() - interval '15 seconds') and coalesce(r.status, 'queued') = 'queued' as "isNamed"
    from release_requests q left join releases r on r.id = q.id
    where r.finished_at is null and (${releases === null} or q.id = any(${releases ?? []})) order by q.at, q.id`.execute(db.kysely);
  return rows;
}

/** Pools and hosts that a release owns or waits for although it has ended, or although nobody knows it. */
export async function strayLocks(db: Queryable): Promise<readonly LockHeld[]> {
  const { rows } = await sql<LockHeld>`
    with owned as (
      select holder as release, pool as what from pool_locks where holder is not null
      union all select release, host from host_locks where release is not null
      union all select release, pool from pool_queue
    )
    select o.release, q.id is not null as "isKnown", array_agg(distinct o.what order by o.what) as owned
    from owned o left join release_requests q on q.id = o.release left join releases r on r.id = o.release
    where q.id is null or r.finished_at is not null
    group by o.release, q.id order by o.release`.execute(db.kysely);
  return rows;
}

/** Commands that were accepted and whose message is gone, so that nobody will deliver them. */
export async function undispatchedCommands(db: Queryable): Promise<readonly { readonly id: string; readonly release: string }[]> {
  const { rows } = await sql<{ id: string; release: string }>`
    select c.id, c.release from commands c where c.state = 'accepted'
      and not exists (select from outbox o where o.release = c.release and o.kind = 'command' and o.payload ->> 'commandId' = c.id and o.delivered_at is null)
      and c.at::timestamptz < now() - interval '30 seconds'
    order by c.at limit 100`.execute(db.kysely);
  return rows;
}

/** Open findings of hosts that changed during a release that has ended: the next release looks at them anew. */
export async function endedDrifts(db: Queryable): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select f.id from findings f join releases r on r.id = split_part(f.id, '/', 2)
    where f.kind = 'drift' and f.cleared_at is null and r.finished_at is not null`.execute(db.kysely);
  return rows.map(({ id }) => id);
}

/** Servers as balancers showed them lately, with everything that can explain how they stand. */
export async function seenServers(db: Queryable): Promise<readonly SeenServer[]> {
  const { rows } = await sql<SeenServer>`
    select s.pool, s.host, s.server, s.traffic, (extract(epoch from now() - s.at) * 1000)::float8 as "ageMs",
      exists (select from host_flags f where f.host = s.host and not f.up and concerns_server(f.pool, s.pool, s.host)) as "isFlagged",
      exists (select from flag_drains d where d.host = s.host and concerns_server(d.pool, s.pool, s.host)) as "isDrainedByFlags",
      l.release as owner,
      (select json_build_object('release', t.release, 'state', t.state, 'endedMs', (extract(epoch from now() - r.finished_at::timestamptz) * 1000)::float8) from release_targets t join releases r on r.id = t.release
        where t.host = s.host and t.touched and ${concernsPlace({ release: sql.ref('r'), target: sql.ref('t') }, { host: sql.ref('s.host'), pool: sql.ref('s.pool') })} order by r.created_at desc limit 1) as last,
      (select json_build_object('release', w.release, 'wanted', w.wanted, 'ageMs', (extract(epoch from now() - w.at) * 1000)::float8) from wanted_traffic w
        where w.host = s.host and w.server = s.server and w.release = l.release and concerns_server(w.pool, s.pool, s.host) limit 1) as wish
    from host_sightings s
    join inventory p on p.kind = 'pool' and p.name = s.pool and p.spec::jsonb -> 'hosts' ? s.host and p.spec -> 'joins' is null and p.spec -> 'traffic' ->> 'driver' <> 'none'
    left join host_locks l on l.host = s.host
    order by s.pool, s.host`.execute(db.kysely);
  return rows;
}

/** Sites that hosts name, each with these hosts. */
export async function namedSites(db: Queryable): Promise<readonly NamedSite[]> {
  const { rows } = await sql<NamedSite>`
    select spec ->> 'site' as site, array_agg(name order by name) as hosts from inventory where kind = 'host' and spec ->> 'site' is not null
    group by spec ->> 'site' order by 1`.execute(db.kysely);
  return rows;
}

/** In which namespace of Temporal workers take work, as one of them said last; null: none ever did. */
export async function workersNamespace(db: Queryable): Promise<string | null> {
  const { rows } = await sql<{ namespace: string }>`select by as namespace from watchdog_turns where part = 'namespace'`.execute(db.kysely);
  return rows[0]?.namespace ?? null;
}

/** Said by a worker when it begins. */
export async function sayNamespace(db: Queryable, namespace: string): Promise<void> {
  await sql`insert into watchdog_turns (part, by) values ('namespace', ${namespace}) on conflict (part) do update set at = now(), by = excluded.by`.execute(db.kysely);
}

/** Since a worker last said that it takes work, in ms; null: none ever did. */
export async function pulseAgeMs(db: Queryable): Promise<number | null> {
  const { rows } = await sql<{ ageMs: number }>`select (extract(epoch from now() - at) * 1000)::float8 as "ageMs" from service_pulse`.execute(db.kysely);
  return rows[0]?.ageMs ?? null;
}

export interface Backlog {
  readonly messages: number;
  /** of the oldest message that is not delivered yet, in ms; 0 when there is none */
  readonly oldestMs: number;
  /** why the oldest could not be delivered; null: it was not tried, or none waits */
  readonly error: string | null;
}

/** Messages for workflows that nobody has delivered yet. */
export async function outboxBacklog(db: Queryable): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select count(*)::int as messages, coalesce((extract(epoch from now() - min(due_at)) * 1000)::float8, 0) as "oldestMs", (array_agg(error order by id) filter (where error is not null))[1] as error
    from outbox where delivered_at is null`.execute(db.kysely);
  return rows[0] ?? { messages: 0, oldestMs: 0, error: null };
}

/** When each pool with a balancer was last looked at, in ms; null: never. */
export async function balancerLooks(db: Queryable): Promise<readonly { readonly pool: string; readonly ageMs: number | null }[]> {
  const { rows } = await sql<{ pool: string; ageMs: number | null }>`
    select p.name as pool, (extract(epoch from now() - max(s.at)) * 1000)::float8 as "ageMs" from inventory p left join host_sightings s on s.pool = p.name
    where p.kind = 'pool' and p.spec -> 'joins' is null and p.spec -> 'traffic' ->> 'driver' <> 'none' group by p.name order by p.name`.execute(db.kysely);
  return rows;
}
