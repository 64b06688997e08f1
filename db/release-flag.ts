/**
 * The release's flag of a host: what the last release that touched it in a pool recorded, be it one of this pool, of another one with the
 * same server, or of one that took the host out at this pool's entry, too. Nothing else says it, so that the two cannot differ.
 */
import { sql, type RawBuilder } from 'kysely';
import { holdReason, isHeldOut } from '../domain/release-hold.ts';
import type { HostFlag } from '../domain/flags.ts';
import type { Queryable } from './client.ts';
import type { DrainPlace } from './flag-drains.ts';

/** Null when no release holds the host out of this pool. */
export async function releaseFlag(db: Queryable, { host, pool }: DrainPlace): Promise<HostFlag | null> {
  const row = await db.kysely
    .selectFrom('release_targets')
    .innerJoin('releases', 'releases.id', 'release_targets.release')
    .select(['releases.id', 'releases.created_at', 'release_targets.state'])
    .where('release_targets.host', '=', host)
    .where('release_targets.touched', '=', true)
    .where(concernsPlace({ release: sql.ref('releases'), target: sql.ref('release_targets') }, { host: sql`${host}`, pool: sql`${pool}` }))
    .orderBy('releases.created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined || !isHeldOut(row.state)) return null;
  return { owner: 'release', pool, up: false, by: row.id, since: row.created_at, reason: `Release ${row.id} ${holdReason(row.state)}`, forced: false };
}

/** True of a release and its target when the release is of a pool with that server, or took the host out of that server's pool, too. */
export function concernsPlace({ release, target }: Readonly<Record<'release' | 'target', RawBuilder<unknown>>>, { host, pool }: Readonly<Record<'host' | 'pool', RawBuilder<unknown>>>): RawBuilder<boolean> {
  return sql<boolean>`(concerns_server(${release}.pool, ${pool}, ${host}) or exists (
    select from json_array_elements(${target}.state -> 'preImage' -> 'elsewhere') as further where concerns_server(further ->> 'pool', ${pool}, ${host})))`;
}
