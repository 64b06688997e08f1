/** Commands that came too late: a host or its lock refused them, nothing happened, and that is written down. */
import { sql } from 'kysely';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { inTransaction, type Database, type Queryable } from './client.ts';
import { appendLoose } from './loose-events.ts';
import type { Direction, Step } from '../domain/vocabulary.ts';

/** What a worker still had in hand when the host obeyed somebody newer already. */
export interface LateCommand {
  /** the release it acted for */
  readonly release: string;
  readonly host: string;
  /** the epoch it acted under, which is void */
  readonly epoch: number;
  readonly direction: Direction;
  readonly round: number;
  readonly step: Step | 'fence' | 'stage';
  /** who refused it, and why */
  readonly sentence: string;
}

/**
 * An event of the stream `refusal/<host>`: the stream of a release that has ended does not change any more, and it is such releases that
 * late commands mostly belong to.
 */
export async function noteRefusal(db: Database, late: LateCommand): Promise<void> {
  const stream = `refusal/${late.host}`;
  await inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${stream}, 0))`.execute(tx.kysely);
    await appendLoose(tx, { stream, type: 'late-command-refused', data: late, actor: SIGNALBOX });
  });
}

/** A refusal as it is told: `position` is its place among all events. */
export interface ToldRefusal extends LateCommand {
  readonly position: number;
  /** when it was written down, ISO 8601 UTC */
  readonly at: string;
}

/** What was refused of a release, in order, at most `limit`; `after` is the position of the last one seen. Only its own hosts can have refused it. */
export async function readRefusals(db: Queryable, { release, after, limit }: { readonly release: string; readonly after: number; readonly limit: number }): Promise<readonly ToldRefusal[]> {
  const { rows } = await sql<{ position: number; at: string; data: LateCommand }>`
    select e.position, e.at, e.data from release_targets t
      join events e on e.stream = 'refusal/' || t.host
    where t.release = ${release} and e.data ->> 'release' = ${release} and e.position > ${after}
    order by e.position limit ${limit}`.execute(db.kysely);
  return rows.map(({ position, at, data }) => ({ ...data, position: Number(position), at }));
}
