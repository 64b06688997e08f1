/** Commands that came too late: a host or its lock refused them, nothing happened, and that is written down. */
import { sql } from 'kysely';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { inTransaction, type Database } from './client.ts';
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
