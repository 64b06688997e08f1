/** Which worker processes live, and of which builds they are. All times are the database's. */
import { sql } from 'kysely';
import type { Build } from '../domain/builds.ts';
import type { Queryable } from './client.ts';

/** A worker gives a sign this often. */
export const SIGN_MS = 2_000;

/** One that has been silent for longer is taken for dead: five signs missed, or a pause of its process nobody should wait for. */
const SILENCE_MS_MAX = 10_000;

/** A build whose last worker ended longer ago is new again when it comes back. */
const KEPT_DAYS = 90;

export interface WorkerSign {
  /** of this process, made at its start: a UUID */
  readonly id: string;
  readonly build: string;
}

export async function giveSign(db: Queryable, { id, build }: WorkerSign): Promise<void> {
  await sql`
    insert into workers (id, build, started_at, seen_at) values (${id}, ${build}, now(), now())
    on conflict (id) do update set seen_at = now(), ended_at = null`.execute(db.kysely);
}

/** The worker ends by itself and does not wait to be taken for dead. */
export async function signOut(db: Queryable, { id }: WorkerSign): Promise<void> {
  await sql`update workers set ended_at = now() where id = ${id}`.execute(db.kysely);
  await sql`delete from workers where seen_at < now() - ${KEPT_DAYS} * interval '1 day'`.execute(db.kysely);
}

export async function listBuilds(db: Queryable): Promise<readonly Build[]> {
  const { rows } = await sql<Build>`
    select build as id, (extract(epoch from min(started_at)) * 1000)::float8 as "firstSeenAtMs",
      bool_or(ended_at is null and seen_at > now() - ${SILENCE_MS_MAX} * interval '1 millisecond') as "isLiving"
    from workers group by build order by build`.execute(db.kysely);
  return rows;
}
