/** Differences between the log and what is observed, each with its repair. Open until cleared; nothing is repaired in silence. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

export interface NewFinding {
  /** the same difference always has the same id, so that it is open once */
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly sentence: string;
  /** the command that repairs it */
  readonly repair: string;
}

export interface Finding extends NewFinding {
  /** ISO 8601 UTC */
  readonly openedAt: string;
}

/** True when it was not open before; an open one only gets the newer words. */
export async function openFinding(db: Queryable, finding: NewFinding): Promise<boolean> {
  const { rows } = await sql<{ wasOpen: boolean }>`
    with earlier as (select id from findings where id = ${finding.id} and cleared_at is null)
    insert into findings (id, kind, subject, sentence, repair)
    values (${finding.id}, ${finding.kind}, ${finding.subject}, ${finding.sentence}, ${finding.repair})
    on conflict (id) do update set kind = excluded.kind, subject = excluded.subject, sentence = excluded.sentence, repair = excluded.repair,
      opened_at = case when findings.cleared_at is null then findings.opened_at else now() end, cleared_at = null
    returning exists (select from earlier) as "wasOpen"`.execute(db.kysely);
  return rows[0]?.wasOpen === false;
}

/** False when it was not open. */
export async function clearFinding(db: Queryable, id: string): Promise<boolean> {
  const row = await db.kysely.updateTable('findings').set({ cleared_at: sql<Date>`now()` }).where('id', '=', id).where('cleared_at', 'is', null).returning('id').executeTakeFirst();
  return row !== undefined;
}

/** Open findings, oldest first. */
export async function listFindings(db: Queryable): Promise<readonly Finding[]> {
  const rows = await db.kysely.selectFrom('findings').selectAll().where('cleared_at', 'is', null).orderBy('opened_at').orderBy('id').execute();
  return rows.map(({ id, kind, subject, sentence, repair, opened_at }) => ({ id, kind, subject, sentence, repair, openedAt: opened_at.toISOString() }));
}
