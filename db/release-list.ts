/** Lists of releases, newest first, in keyset pages: a page never shifts while new releases come in. */
import { sql } from 'kysely';
import type { Change } from '../domain/release/events.ts';
import type { ReleaseKind, Status } from '../domain/vocabulary.ts';
import type { Queryable } from './client.ts';

export interface ReleaseSummary {
  readonly id: string;
  readonly kind: ReleaseKind;
  readonly status: Status;
  readonly paused: boolean;
  readonly pool: string;
  readonly environment: string;
  readonly changes: readonly Change[];
  readonly requestedBy: string;
  readonly reason: string | null;
  /** ISO 8601 UTC */
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly rollbackOf: string | null;
}

export interface ReleaseFilter {
  readonly pool?: string;
  readonly application?: string;
  readonly status?: Status;
  /** created at this time or later, ISO 8601 UTC */
  readonly since?: string;
  /** id of the last release of the page before */
  readonly after?: string;
  readonly limit: number;
}

const PAGE_LIMIT = 1_000;

/** Releases that match every given filter, requested but unopened ones included; at most `limit` (maximum 1,000). */
export async function listReleases(db: Queryable, filter: ReleaseFilter): Promise<readonly ReleaseSummary[]> {
  const since = filter.since === undefined ? null : new Date(filter.since).toISOString();
  const { rows } = await sql<ReleaseSummary>`
    with listed as (
      select id, kind, status, paused, pool, environment, applications, changes, requested_by, reason, created_at, finished_at, rollback_of from releases
      union all
      select id, request ->> 'kind', 'queued', false, request ->> 'pool', request ->> 'environment',
        array(select json_array_elements_text(request -> 'applications')), request -> 'changes', request ->> 'requestedBy', request ->> 'reason', at, null, request ->> 'rollbackOf'
      from release_requests q where not opened and not exists (select from releases r where r.id = q.id)
    ), last as (
      select at, id from release_requests where id = ${filter.after ?? null}
    )
    select id, kind, status, paused, pool, environment, changes, requested_by as "requestedBy", reason,
      created_at as "createdAt", finished_at as "finishedAt", rollback_of as "rollbackOf"
    from listed
    where (${filter.pool ?? null}::text is null or pool = ${filter.pool ?? null})
      and (${filter.application ?? null}::text is null or ${filter.application ?? null} = any(applications))
      and (${filter.status ?? null}::text is null or status = ${filter.status ?? null})
      and (${since}::text is null or created_at >= ${since})
      and (${filter.after ?? null}::text is null or (created_at, id) < (select at, id from last))
    order by created_at desc, id desc limit ${Math.min(filter.limit, PAGE_LIMIT)}`.execute(db.kysely);
  return rows;
}

/** Ids of the releases that have not ended, oldest first. */
export async function unfinishedReleases(db: Queryable): Promise<readonly string[]> {
  const rows = await db.kysely.selectFrom('releases').select('id').where('finished_at', 'is', null).orderBy('created_at').execute();
  return rows.map(({ id }) => id);
}
