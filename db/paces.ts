/** How long things took in past releases: read from their events once, kept, and put together for the next estimate. */
import { sql } from 'kysely';
import { pastDay } from '../domain/simulation/learn.ts';
import { pacesFrom } from '../domain/simulation/paces.ts';
import type { Paces, PastDay } from '../domain/simulation/paces.ts';
import type { PastStep } from '../domain/simulation/learn.ts';
import type { Queryable } from './client.ts';
import { releaseStream } from './event-identity.ts';
import { coreEvents } from './stored-events.ts';

const RELEASES_MAX = 5;

/**
 * Paces of the last good releases of the pool; of the applications where the pool had none; of everything where they had none; the
 * defaults where nothing was released yet.
 */
export async function recentPaces(db: Queryable, asked: { readonly pool: string; readonly applications: readonly string[] }): Promise<Paces> {
  const past: PastDay[] = [];
  for (const release of await lastGoodReleases(db, asked)) {
    const day = await pastOf(db, release);
    if (day !== null) past.push(day);
  }
  return pacesFrom(past);
}

/** Newest first. */
async function lastGoodReleases(db: Queryable, { pool, applications }: { readonly pool: string; readonly applications: readonly string[] }): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    with good as (
      select id, created_at, case when pool = ${pool} then 0 when applications && ${applications}::text[] then 1 else 2 end as distance
      from releases where status = 'succeeded' and kind <> 'rollback'
    )
    select id from good where distance = (select min(distance) from good) order by created_at desc, id desc limit ${RELEASES_MAX}`.execute(db.kysely);
  return rows.map(({ id }) => id);
}

/** A release that has ended never changes, so what it teaches is worked out once. */
async function pastOf(db: Queryable, release: string): Promise<PastDay | null> {
  const kept = await db.kysely.selectFrom('release_paces').select('past').where('release', '=', release).executeTakeFirst();
  if (kept !== undefined) return kept.past;
  const past = pastDay({ core: await coreEvents(db, release), steps: await stepsOf(db, release), waited: await waitedIn(db, release) });
  await sql`insert into release_paces (release, past) values (${release}, ${JSON.stringify(past)}) on conflict do nothing`.execute(db.kysely);
  return past;
}

async function stepsOf(db: Queryable, release: string): Promise<readonly PastStep[]> {
  const { rows } = await sql<PastStep>`
    select data ->> 'host' as host, data ->> 'direction' as direction, (data ->> 'round')::integer as round, data ->> 'step' as step, (data ->> 'durationMs')::integer as "durationMs"
    from events where stream = ${releaseStream(release)} and type = 'target-step-succeeded' order by version`.execute(db.kysely);
  return rows;
}

async function waitedIn(db: Queryable, release: string): Promise<readonly string[]> {
  const { rows } = await sql<{ host: string }>`
    select distinct data ->> 'host' as host from events where stream = ${releaseStream(release)} and type = 'target-step-waiting'`.execute(db.kysely);
  return rows.map(({ host }) => host);
}
