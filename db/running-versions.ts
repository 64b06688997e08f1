/** What a pool runs, as far as its releases tell: the last ones that ended well, application by application. */
import { sql } from 'kysely';
import { KIND_POLICIES, RELEASE_KINDS } from '../domain/release-kind.ts';
import type { Change } from '../domain/release/events.ts';
import type { Queryable } from './client.ts';

/** `release` brought the version, or restored it. */
export interface LastGood {
  readonly version: string;
  readonly release: string;
}

/** More releases than this are not looked through for an application that is rarely released. */
const RELEASES_MAX = 500;

/**
 * The version of each application by the last good release of the pool, in the order in which they had it; applications without one are
 * left out. A scale-out is never it, nor is the way back from one. A rollback is: its versions are those it restored, several joined by a comma.
 */
export async function lastGoodVersions(db: Queryable, pool: string): Promise<Readonly<Record<string, LastGood>>> {
  const { rows } = await sql<{ id: string; changes: readonly Change[] }>`
    select r.id, r.changes from releases r
    where r.pool = ${pool} and r.kind = any(${RELEASE_KINDS.filter((kind) => KIND_POLICIES[kind].isLastGood)})
      and r.status = case when r.kind = 'rollback' then 'rolled-back' else 'succeeded' end
      and not exists (select from releases source where source.id = r.restore_from and source.kind = 'scale-out')
    order by r.epoch desc limit ${RELEASES_MAX}`.execute(db.kysely);
  const found: Record<string, LastGood> = {};
  for (const { id, changes } of rows) for (const { application, version } of changes) found[application] ??= { version, release: id };
  return found;
}

/** Has a release ever brought this version to the whole pool and ended well? */
export async function hasSucceeded(db: Queryable, { pool, application, version }: Change & { readonly pool: string }): Promise<boolean> {
  const { rows } = await sql`
    select from releases where pool = ${pool} and status = 'succeeded' and kind <> 'scale-out' and exists (
      select from json_to_recordset(changes) as change (application text, version text) where change.application = ${application} and change.version = ${version}
    ) limit 1`.execute(db.kysely);
  return rows.length > 0;
}
