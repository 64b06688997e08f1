/** Dead services that were started again outside releases: each is counted before it is tried. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

export interface ServiceStart {
  readonly id: string;
  readonly host: string;
  readonly application: string;
  readonly epoch: number;
}

export async function countServiceStart(db: Queryable, { id, host, application, epoch }: ServiceStart): Promise<void> {
  await db.kysely.insertInto('service_starts').values({ id, host, application, epoch }).onConflict((conflict) => conflict.column('id').doNothing()).execute();
}

/** `outcome`: why it did not start; null: it did. */
export async function settleServiceStart(db: Queryable, id: string, outcome: string | null): Promise<void> {
  await db.kysely.updateTable('service_starts').set({ outcome }).where('id', '=', id).execute();
}

/** It was not tried, since a release came first: that is nobody's flapping. */
export async function skipServiceStart(db: Queryable, id: string): Promise<void> {
  await sql`update service_starts set outcome = 'a release took the host', looked_at = now() where id = ${id}`.execute(db.kysely);
}

export interface PastStarts {
  /** of those that nobody has looked at since, oldest first */
  readonly startsMs: readonly number[];
  /** of the last one */
  readonly outcome: string | null;
}

/** Within so long before now; by `host/application`. */
export async function pastStarts(db: Queryable, hosts: readonly string[], withinMs: number): Promise<ReadonlyMap<string, PastStarts>> {
  const { rows } = await sql<{ key: string } & PastStarts>`
    select host || '/' || application as key, array_agg((extract(epoch from at) * 1000)::float8 order by at) as "startsMs", (array_agg(outcome order by at desc))[1] as outcome
    from service_starts where host = any(${hosts}) and looked_at is null and at > now() - ${withinMs} * interval '1 millisecond' group by host, application`.execute(db.kysely);
  return new Map(rows.map(({ key, startsMs, outcome }) => [key, { startsMs, outcome }]));
}

/** Somebody has looked: what was counted until now counts no more for whether it flaps. */
export async function forgetStarts(db: Queryable, { host, application }: Pick<ServiceStart, 'host' | 'application'>): Promise<void> {
  await sql`update service_starts set looked_at = now() where host = ${host} and application = ${application} and looked_at is null`.execute(db.kysely);
}

/** Hosts of these that an operator took out of traffic, in whatever pool. */
export async function operatorDrained(db: Queryable, hosts: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.kysely.selectFrom('host_flags').select('host').where('host', 'in', hosts).where('owner', '=', 'operator').where('up', '=', false).execute();
  return new Set(rows.map(({ host }) => host));
}
