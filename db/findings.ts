/**
 * Differences between the log and what is observed, each with its repair. Open until cleared; nothing is repaired in silence. Every change
 * is an event of the stream `finding/<id>` that carries the whole finding.
 */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import { closedBy, type Look } from '../domain/watchdog/finding.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { appendLoose } from './loose-events.ts';
import { inTransaction, type Queryable, type Tx } from './client.ts';
import type { FindingAbout, NewFinding, RepairVerb } from '../domain/watchdog/finding.ts';

export type { NewFinding } from '../domain/watchdog/finding.ts';

export interface Finding extends Required<Omit<NewFinding, 'verb'>> {
  /** null: `signalbox repair` can do nothing about it */
  readonly verb: RepairVerb | null;
  /** ISO 8601 UTC */
  readonly openedAt: string;
  /** ISO 8601 UTC; null while it is so */
  readonly clearedAt: string | null;
}

/** True when it was not open before; an open one only gets the newer words. */
export async function openFinding(db: Queryable, finding: NewFinding): Promise<boolean> {
  const known = await getFinding(db, finding.id);
  if (known !== null && known.clearedAt === null && isSame(known, finding)) return false;
  return inTransaction(db, async (tx) => {
    await lock(tx, finding.id);
    const before = await getFinding(tx, finding.id);
    const isOpen = before !== null && before.clearedAt === null;
    if (isOpen && isSame(before, finding)) return false;
    await write(tx, finding);
    await appendLoose(tx, { stream: `finding/${finding.id}`, type: isOpen ? 'finding-reworded' : 'finding-opened', data: finding, actor: SIGNALBOX });
    return !isOpen;
  });
}

/** False when it was not open. */
export async function clearFinding(db: Queryable, id: string): Promise<boolean> {
  const known = await getFinding(db, id);
  if (known === null || known.clearedAt !== null) return false;
  return inTransaction(db, async (tx) => {
    await lock(tx, id);
    const row = await tx.kysely.updateTable('findings').set({ cleared_at: sql<Date>`now()` }).where('id', '=', id).where('cleared_at', 'is', null).returning('kind').executeTakeFirst();
    if (row === undefined) return false;
    await appendLoose(tx, { stream: `finding/${id}`, type: 'finding-cleared', data: { id, kind: row.kind }, actor: SIGNALBOX });
    return true;
  });
}

/** Opens what was found and clears what is not so any more. */
export async function tellLooks(db: Queryable, looks: readonly Look[]): Promise<void> {
  for (const finding of looks.flatMap(({ found }) => found)) await openFinding(db, finding);
  const open = await openIds(db, looks.flatMap(({ kinds }) => kinds));
  for (const id of looks.flatMap((look) => closedBy(look, open))) await clearFinding(db, id);
}

/** Ids of the open findings of these kinds. */
export async function openIds(db: Queryable, kinds: readonly string[]): Promise<readonly Pick<Finding, 'id' | 'kind'>[]> {
  return db.kysely.selectFrom('findings').select(['id', 'kind']).where('cleared_at', 'is', null).where('kind', 'in', kinds).execute();
}

/** As it is or was told last; null when it never was. */
export async function getFinding(db: Queryable, id: string): Promise<Finding | null> {
  const row = await db.kysely.selectFrom('findings').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : toFinding(row);
}

/** Open findings, oldest first. */
export async function listFindings(db: Queryable): Promise<readonly Finding[]> {
  const rows = await db.kysely.selectFrom('findings').selectAll().where('cleared_at', 'is', null).orderBy('opened_at').orderBy('id').execute();
  return rows.map(toFinding);
}

/** Where a page of findings ended. */
export interface FindingKey {
  /** microseconds since 1970 */
  readonly openedAt: number;
  readonly id: string;
}

export interface FindingFilter {
  readonly kind?: string;
  readonly subject?: string;
  readonly release?: string;
  /** `open` are those that are so now */
  readonly state: 'open' | 'cleared' | 'all';
  readonly after?: FindingKey;
  readonly limit: number;
}

/** One page, oldest first, each with the key that the next page begins behind. */
export async function pageFindings(db: Queryable, { kind, subject, release, state, after, limit }: FindingFilter): Promise<readonly { readonly finding: Finding; readonly key: FindingKey }[]> {
  let query = db.kysely.selectFrom('findings').selectAll().select(sql<number>`(extract(epoch from opened_at) * 1000000)::bigint`.as('exact'));
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (subject !== undefined) query = query.where('subject', '=', subject);
  if (release !== undefined) query = query.where(sql<boolean>`about ->> 'release' = ${release}`);
  if (state !== 'all') query = query.where('cleared_at', state === 'open' ? 'is' : 'is not', null);
  if (after !== undefined) query = query.where(sql<boolean>`((extract(epoch from opened_at) * 1000000)::bigint, id) > (${after.openedAt}::bigint, ${after.id})`);
  const rows = await query.orderBy('opened_at').orderBy('id').limit(limit).execute();
  return rows.map(({ exact, ...row }) => ({ finding: toFinding(row), key: { openedAt: exact, id: row.id } }));
}

/** Open findings that keep a release from going on: its own, and those that concern every release. */
export async function findingsHindering(db: Queryable, release: string): Promise<readonly Finding[]> {
  const rows = await db.kysely
    .selectFrom('findings')
    .selectAll()
    .where('cleared_at', 'is', null)
    .where((or) => or.or([or('kind', '=', 'no-workers'), or.and([or('kind', 'in', ['orphaned-release', 'stuck-release', 'log-behind']), or('subject', '=', release)])]))
    .orderBy('id')
    .execute();
  return rows.map(toFinding);
}

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly sentence: string;
  readonly repair: string;
  readonly matters: string;
  readonly verb: RepairVerb | null;
  readonly about: FindingAbout;
  readonly opened_at: Date;
  readonly cleared_at: Date | null;
}

function toFinding({ opened_at, cleared_at, ...row }: Row): Finding {
  return { ...row, openedAt: opened_at.toISOString(), clearedAt: cleared_at?.toISOString() ?? null };
}

function isSame(known: Finding, { kind, subject, sentence, repair, matters = '', verb = undefined, about = {} }: NewFinding): boolean {
  const words = (finding: Pick<Finding, 'kind' | 'subject' | 'sentence' | 'repair' | 'matters'>): string => canonicalJson([finding.kind, finding.subject, finding.sentence, finding.repair, finding.matters]);
  return words(known) === words({ kind, subject, sentence, repair, matters }) && known.verb === (verb ?? null) && canonicalJson(known.about) === canonicalJson(about);
}

/** One finding changes at a time, so that it is opened once and its events are in order. */
async function lock(tx: Tx, id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`finding/${id}`}, 0))`.execute(tx.kysely);
}

async function write(tx: Tx, { id, kind, subject, sentence, repair, matters = '', verb, about = {} }: NewFinding): Promise<void> {
  await sql`
    insert into findings (id, kind, subject, sentence, repair, matters, verb, about)
    values (${id}, ${kind}, ${subject}, ${sentence}, ${repair}, ${matters}, ${verb ?? null}, ${JSON.stringify(about)}::json)
    on conflict (id) do update set kind = excluded.kind, subject = excluded.subject, sentence = excluded.sentence, repair = excluded.repair,
      matters = excluded.matters, verb = excluded.verb, about = excluded.about,
      opened_at = case when findings.cleared_at is null then findings.opened_at else now() end, cleared_at = null`.execute(tx.kysely);
}
