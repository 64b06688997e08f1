/** The inbox: commands of operators, accepted durably before anybody is told so, and settled by the workflow they are for. */
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Command, CommandType, Refusal } from '../domain/release/commands.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { inTransaction, type Queryable } from './client.ts';
import { IdReused } from './errors.ts';
import { enqueue } from './outbox.ts';
import type { CommandsTable } from './schema.ts';

export interface Receipt {
  readonly id: string;
  readonly release: string;
  readonly type: CommandType;
  readonly state: 'accepted' | 'applied' | 'refused';
  readonly by: Actor;
  /** ISO 8601 UTC */
  readonly at: string;
  /** the operator's own words */
  readonly reason: string;
  /** why it was refused, and what is allowed instead */
  readonly refusal?: Refusal;
  /** the release this command made, when a finished one was rolled back */
  readonly newRelease?: string;
  readonly settledAt?: string;
}

/** Keeps the command and asks the dispatcher to deliver it. The same command again gets its receipt as it stands; throws IdReused for another one under its id. */
export async function acceptCommand(db: Queryable, accept: { readonly command: Command; readonly release: string }): Promise<Receipt> {
  const { command, release } = accept;
  return inTransaction(db, async (tx) => {
    const added = await tx.kysely
      .insertInto('commands')
      .values({ id: command.id, release, command: JSON.stringify(command), state: 'accepted', at: new Date().toISOString() })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returningAll()
      .executeTakeFirst();
    if (added) {
      await enqueue(tx, { kind: 'command', release, payload: { commandId: command.id } });
      return toReceipt(added);
    }
    const earlier = await tx.kysely.selectFrom('commands').selectAll().where('id', '=', command.id).executeTakeFirstOrThrow();
    if (earlier.release !== release || canonicalJson(earlier.command) !== canonicalJson(command)) throw new IdReused(command.id);
    return toReceipt(earlier);
  });
}

export interface SettleCommand {
  readonly id: string;
  readonly state: 'applied' | 'refused';
  /** one sentence for a refusal that is not the domain's, e.g. that the workflow is gone */
  readonly reason?: string;
  readonly refusal?: Refusal;
  readonly release?: string;
}

/** Writes the outcome once; a command that is settled already keeps its first outcome. Null when the id is unknown. */
export async function settleCommand(db: Queryable, settle: SettleCommand): Promise<Receipt | null> {
  const { rows } = await sql<Selectable<CommandsTable>>`
    with settled as (
      update commands set state = ${settle.state}, settled_reason = ${settle.reason ?? null}, new_release = ${settle.release ?? null},
        refusal = ${settle.refusal ? JSON.stringify(settle.refusal) : null}::json, settled_at = ${new Date().toISOString()}
      where id = ${settle.id} and state = 'accepted' returning *
    )
    select settled.*, pg_notify('signalbox_release', release) from settled`.execute(db.kysely);
  return rows[0] ? toReceipt(rows[0]) : getReceipt(db, settle.id);
}

export async function getReceipt(db: Queryable, id: string): Promise<Receipt | null> {
  const row = await db.kysely.selectFrom('commands').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toReceipt(row) : null;
}

/** The command itself, for its delivery; null when the id is unknown. */
export async function loadCommand(db: Queryable, id: string): Promise<{ readonly command: Command; readonly release: string; readonly state: Receipt['state'] } | null> {
  const row = await db.kysely.selectFrom('commands').select(['command', 'release', 'state']).where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

/** Ids of the commands that a release has applied, for a workflow that did not see them itself. */
export async function appliedCommands(db: Queryable, release: string): Promise<readonly string[]> {
  const rows = await db.kysely.selectFrom('commands').select('id').where('release', '=', release).where('state', '=', 'applied').orderBy('at').execute();
  return rows.map(({ id }) => id);
}

/** A refusal that is not the domain's (the workflow is gone) reads like one: nothing is allowed any more. */
function toReceipt(row: Selectable<CommandsTable>): Receipt {
  const { id, release, command, state, at } = row;
  const refusal = row.refusal ?? (state === 'refused' ? ({ code: 'not-allowed', message: row.settled_reason ?? 'It was refused.', allowed: [] } satisfies Refusal) : null);
  return {
    id,
    release,
    type: command.type,
    state,
    by: command.by,
    at,
    reason: command.reason,
    ...(refusal ? { refusal } : {}),
    ...(row.new_release === null ? {} : { newRelease: row.new_release }),
    ...(row.settled_at === null ? {} : { settledAt: row.settled_at }),
  };
}
