/** Times in which no worker could work, read off a pulse: one row that moves while all is well, and the gaps it left. */
import { sql } from 'kysely';
import type { Outage, Span } from '../domain/outage.ts';
import type { Queryable } from './client.ts';

/** A worker gives a pulse this often while Temporal and Postgres answer it. */
export const PULSE_MS = 5_000;

/** A longer silence is an outage; a shorter one may be a slow answer. */
const SILENCE_MS_MAX = 15_000;

const WHAT = 'Signalbox itself (worker, Temporal or database)';

/** Moves the pulse to now. After a silence the gap becomes an outage, which is answered; with several workers the first one tells it. */
export async function givePulse(db: Queryable): Promise<Span | null> {
  const { rows } = await sql<Span>`
    with last as (select at from service_pulse where id for update),
      gap as (
        insert into outages (from_at, to_at)
        select at, now() from last where now() - at > ${SILENCE_MS_MAX} * interval '1 millisecond'
        on conflict do nothing
        returning from_at, to_at),
      pulse as (
        insert into service_pulse (id, at) values (true, now())
        on conflict (id) do update set at = greatest(service_pulse.at, excluded.at))
    select ${epochMs('from_at')} as "fromMs", ${epochMs('to_at')} as "toMs" from gap`.execute(db.kysely);
  return rows[0] ?? null;
}

/** Outages that touch the span, oldest first. A silence that has not ended yet is one too, up to now. */
export async function listOutages(db: Queryable, { fromMs, toMs }: Span): Promise<readonly Outage[]> {
  const { rows } = await sql<Span>`
    select "fromMs", "toMs" from (
      select ${epochMs('from_at')} as "fromMs", ${epochMs('to_at')} as "toMs" from outages
      union all
      select ${epochMs('at')}, ${epochMs('now()')} from service_pulse where now() - at > ${SILENCE_MS_MAX} * interval '1 millisecond'
    ) as silences
    where "fromMs" < ${toMs}::float8 and "toMs" > ${fromMs}::float8
    order by "fromMs"`.execute(db.kysely);
  return rows.map((span) => ({ ...span, what: WHAT }));
}

function epochMs(column: 'from_at' | 'to_at' | 'at' | 'now()') {
  return sql`(extract(epoch from ${sql.raw(column)}) * 1000)::float8`;
}
