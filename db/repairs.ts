/** Repairs: those a person asked for, settled by who can do them, and those that Signalbox does by itself. Each is an event. */
import { sql } from 'kysely';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { inTransaction, type Queryable } from './client.ts';
import { appendLoose } from './loose-events.ts';
import type { FindingAbout, RepairVerb } from '../domain/watchdog/finding.ts';
import type { Actor } from '../domain/vocabulary.ts';

export interface NewRepair {
  readonly id: string;
  readonly finding: string;
  readonly verb: RepairVerb;
  readonly about: FindingAbout;
  readonly reason: string;
  readonly actor: Actor;
}

export interface Repair extends NewRepair {
  /** ISO 8601 UTC */
  readonly at: string;
  readonly state: 'asked' | 'applied' | 'refused';
  /** what was done, or why it was not; null until it is settled */
  readonly outcome: string | null;
}

/** Keeps what somebody asked for, in the caller's transaction. */
export async function askRepair(db: Queryable, { id, finding, verb, about, reason, actor }: NewRepair): Promise<Repair> {
  const at = new Date().toISOString();
  await db.kysely.insertInto('repairs').values({ id, finding, verb, about: JSON.stringify(about), reason, actor: JSON.stringify(actor), at }).execute();
  await appendLoose(db, { stream: `repair/${id}`, type: 'repair-asked', data: { finding, verb, about, reason }, actor });
  return { id, finding, verb, about, reason, actor, at, state: 'asked', outcome: null };
}

/** Writes the outcome once; one that is settled already keeps its first. */
export async function settleRepair(db: Queryable, id: string, { state, outcome }: { readonly state: 'applied' | 'refused'; readonly outcome: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    const settled = await tx.kysely.updateTable('repairs').set({ state, outcome, settled_at: new Date().toISOString() }).where('id', '=', id).where('state', '=', 'asked').returning('id').executeTakeFirst();
    if (settled !== undefined) await appendLoose(tx, { stream: `repair/${id}`, type: state === 'applied' ? 'repair-applied' : 'repair-refused', data: { outcome }, actor: SIGNALBOX });
  });
}

export async function getRepair(db: Queryable, id: string): Promise<Repair | null> {
  const row = await db.kysely.selectFrom('repairs').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const { settled_at: _settled, ...repair } = row;
  return repair;
}

/** Those of a verb that nobody has settled yet, oldest first. */
export async function askedRepairs(db: Queryable, verb: RepairVerb): Promise<readonly Repair[]> {
  const rows = await db.kysely.selectFrom('repairs').selectAll().where('verb', '=', verb).where('state', '=', 'asked').orderBy('at').orderBy('id').execute();
  return rows.map(({ settled_at: _settled, ...repair }) => repair);
}

/** What Signalbox repairs without being asked. */
export type OwnRepair = 'woken-again' | 'lock-freed' | 'dispatched-again' | 'asserted-again' | 'started-again';

/** Says that it was done, in the stream of its subject. */
export async function noteOwnRepair(db: Queryable, { what, subject, sentence }: { readonly what: OwnRepair; readonly subject: string; readonly sentence: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`own-repair/${subject}`}, 0))`.execute(tx.kysely);
    await appendLoose(tx, { stream: `own-repair/${subject}`, type: what, data: { sentence }, actor: SIGNALBOX });
  });
}

export interface OwnRepairDone {
  readonly what: OwnRepair;
  readonly subject: string;
  readonly sentence: string;
  /** ISO 8601 UTC */
  readonly at: string;
}

/** The newest of them, newest first. */
export async function listOwnRepairs(db: Queryable, { subject, limit }: { readonly subject?: string; readonly limit: number }): Promise<readonly OwnRepairDone[]> {
  const { rows } = await sql<OwnRepairDone>`
    select type as what, substr(stream, ${'own-repair/'.length + 1}) as subject, data ->> 'sentence' as sentence, at from events
    where ${subject === undefined ? sql`stream like 'own-repair/%'` : sql`stream = ${`own-repair/${subject}`}`} order by position desc limit ${limit}`.execute(db.kysely);
  return rows;
}
