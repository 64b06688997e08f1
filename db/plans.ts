/** Plans as they were shown, kept for a while so that a start that names one can be told what has changed since. */
import { sql } from 'kysely';
import type { PlannedOn } from '../domain/plan/plan-difference.ts';
import type { Queryable } from './client.ts';

/** Shown again, a plan is kept as long as a new one. What has expired goes. */
export async function keepPlan(db: Queryable, { digest, planned, expiresAt }: { readonly digest: string; readonly planned: PlannedOn; readonly expiresAt: Date }): Promise<void> {
  await sql`delete from plans where expires_at < now()`.execute(db.kysely);
  await sql`
    insert into plans (digest, planned, expires_at) values (${digest}, ${JSON.stringify(planned)}, ${expiresAt})
    on conflict (digest) do update set expires_at = greatest(plans.expires_at, excluded.expires_at)`.execute(db.kysely);
}

/** null: never shown, or expired. */
export async function findPlan(db: Queryable, digest: string): Promise<PlannedOn | null> {
  const row = await db.kysely.selectFrom('plans').select('planned').where('digest', '=', digest).where('expires_at', '>=', sql<Date>`now()`).executeTakeFirst();
  return row?.planned ?? null;
}
