/** Reading one release: as it stands now from the projections, as it stood at any version from its events. */
import { sql } from 'kysely';
import { initialRelease } from '../domain/release/evolve.ts';
import { foldEvent, initialTargets, type Folded } from '../domain/release/fold.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { RollbackPlan } from '../domain/rollback-plan.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { Observation, TargetState } from '../domain/release/target.ts';
import type { Queryable } from './client.ts';
import { UnknownRelease } from './errors.ts';
import { releaseStream } from './event-identity.ts';
import { loadReleaseRequest } from './requests.ts';
import { eachReleaseEvent } from './stored-events.ts';

export { listReleases } from './release-list.ts';
export type { ReleaseSummary } from './release-list.ts';

/** A release as it stands; with version 0 while its workflow has not opened it; null when unknown. One statement, so one moment. */
export async function getRelease(db: Queryable, id: string): Promise<Folded | null> {
  const { rows } = await sql<{ core: ReleaseState; version: number; targets: readonly TargetState[]; plan: RollbackPlan | null }>`
    select r.core, s.version, (select plan from release_rollback_plans p where p.release = r.id) as plan,
      (select coalesce(json_agg(t.state), '[]'::json) from release_targets t where t.release = r.id) as targets
    from releases r join streams s on s.stream = ${releaseStream(id)} where r.id = ${id}`.execute(db.kysely);
  const row = rows[0];
  if (row === undefined) return requestedOnly(db, id);
  return { core: row.core, targets: byHost(row.core, row.targets), version: row.version, ...(row.plan === null ? {} : { rollbackPlan: row.plan }) };
}

/** In the pool's own order of hosts, as the fold has them. */
function byHost(core: ReleaseState, states: readonly TargetState[]): Readonly<Record<string, TargetState>> {
  const found = new Map(states.map((state) => [state.host, state]));
  const known = core.request.hosts.map((host) => host.name);
  return Object.fromEntries([...new Set([...known, ...found.keys()])].flatMap((host) => {
    const state = found.get(host);
    return state ? [[host, state] as const] : [];
  }));
}

async function requestedOnly(db: Queryable, id: string): Promise<Folded | null> {
  const asked = await loadReleaseRequest(db, id);
  if (!asked) return null;
  const core = initialRelease({ type: 'release-requested', data: asked.request, id: '', version: 0, at: asked.at, actor: asked.actor });
  return { core, targets: initialTargets(asked.request.hosts), version: 0 };
}

/** A release as it stood after the event with this version (0 = requested only); null when it is unknown or has not come so far. */
export async function getReleaseAt(db: Queryable, id: string, version: number): Promise<Folded | null> {
  if (version === 0) return requestedOnly(db, id);
  let folded: Folded | null = null;
  for await (const event of eachReleaseEvent(db, id, { after: 0, upTo: version })) folded = foldEvent(folded, event);
  return folded?.version === version ? folded : null;
}

/** The inventory a release runs on. Throws UnknownRelease. */
export async function getInventoryOf(db: Queryable, release: string): Promise<Inventory> {
  const row = await db.kysely.selectFrom('release_inventory').select('inventory').where('release', '=', release).executeTakeFirst();
  const inventory = row?.inventory ?? (await loadReleaseRequest(db, release))?.inventory;
  if (!inventory) throw new UnknownRelease(release);
  return inventory;
}

/** The frozen way back of a release; null when it planned none (yet). */
export async function getRollbackPlan(db: Queryable, release: string): Promise<RollbackPlan | null> {
  const row = await db.kysely.selectFrom('release_rollback_plans').select('plan').where('release', '=', release).executeTakeFirst();
  return row?.plan ?? null;
}

/** What was observed of each host before this release touched it; hosts never observed are left out. */
export async function preImages(db: Queryable, release: string): Promise<Readonly<Record<string, Observation>>> {
  const rows = await db.kysely.selectFrom('release_targets').select(['host', 'state']).where('release', '=', release).orderBy('host').execute();
  return Object.fromEntries(rows.flatMap(({ host, state }) => (state.preImage ? [[host, state.preImage] as const] : [])));
}

/**
 * The newest release that began a step on any of the hosts after `release` had its turn; null = none did. One that was rolled back
 * whole left every host as it found it and does not count, unless its strategy sent it to a version; the release of a rollback does. A scale-out only brought hosts to what the
 * pool ran: taking back what it ran takes them along.
 */
export async function laterReleaseTouching(db: Queryable, range: { readonly release: string; readonly hosts: readonly string[] }): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select later.id from releases later
    where later.epoch > coalesce((select epoch from releases where id = ${range.release}), 0) and later.id <> ${range.release}
      and not (later.status = 'rolled-back' and later.kind <> 'rollback' and not exists (select from release_rollback_plans p where p.release = later.id and json_typeof(p.plan -> 'to') = 'object')) and (later.kind <> 'scale-out' or (select kind from releases where id = ${range.release}) = 'scale-out')
      and exists (select from release_targets t where t.release = later.id and t.touched and t.host = any(${range.hosts}))
    order by later.epoch desc limit 1`.execute(db.kysely);
  return rows[0]?.id ?? null;
}

/**
 * Digests of an application that must stay on each host, as something may roll back to them: of every release that has not ended, and of
 * the ended ones back to the last good one that touched the host (a scale-out is none), what each found there (a rollback: also what it restores from), what each brought, and where each would go back to.
 * A host of which nothing must stay has no entry.
 */
export async function rollbackDigests(db: Queryable, { hosts, application }: { readonly hosts: readonly string[]; readonly application: string }): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ host: string; digests: readonly string[] }>`
    with of_host as (
      select t.host, r.id, r.restore_from, r.finished_at, r.created_at, t.state, max(r.created_at) filter (where r.status = 'succeeded' and r.kind <> 'scale-out' and t.touched) over (partition by t.host) as last_good
      from release_targets t join releases r on r.id = t.release where t.host = any(${hosts})
    ), kept as (
      select * from of_host where finished_at is null or created_at >= coalesce(last_good, '')
    ), found as (
      select host, state from kept union all
      select t.host, t.state from kept join release_targets t on t.host = kept.host and t.release = kept.restore_from
    ), brought as (
      select r.id, change ->> 'sha256' as digest from releases r, json_array_elements(r.core -> 'situation' -> 'plan' -> 'changes') change
        where r.id in (select id from kept) and json_typeof(r.core -> 'situation' -> 'plan') = 'object' and change ->> 'application' = ${application}
    ), sent as (
      select p.release, way from release_rollback_plans p, json_array_elements(p.plan -> 'targets') way
        where p.release in (select id from kept) and json_typeof(p.plan -> 'to') = 'object'
    ), needed as (
      select host, seen ->> 'digest' as digest from found, json_array_elements(state -> 'preImage' -> 'applications') seen
        where json_typeof(state -> 'preImage') = 'object' and seen ->> 'application' = ${application}
      union
      select kept.host, brought.digest from kept join brought on brought.id = kept.id
      union
      select kept.host, goal ->> 'digest' from kept join sent on sent.release = kept.id and sent.way ->> 'host' = kept.host, json_array_elements(sent.way -> 'applications') goal
        where goal ->> 'application' = ${application}
    )
    select host, array_agg(digest order by digest) as digests from needed where digest is not null group by host`.execute(db.kysely);
  return new Map(rows.map(({ host, digests }) => [host, digests]));
}
