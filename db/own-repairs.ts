/** What Signalbox repairs without being asked, each as one transaction with its event. Nothing here decides whether. */
import { sql } from 'kysely';
import { inTransaction, type Database, type Tx } from './client.ts';
import { handOver, lockOwnership } from './hand-over.ts';
import { enqueue } from './outbox.ts';
import { noteOwnRepair } from './repairs.ts';

/** Frees everything a release owns that does not run, and wakes whoever waits for it. */
export async function freeLocks(db: Database, { release, sentence }: { readonly release: string; readonly sentence: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    await lockOwnership(tx);
    const { rows } = await sql`select from releases where id = ${release} and finished_at is null`.execute(tx.kysely);
    if (rows.length > 0) return;
    await handOver(tx, release);
    await noteOwnRepair(tx, { what: 'lock-freed', subject: release, sentence });
  });
}

/** Sends the start of a workflow again; a second start is the first one. */
export async function startAgain(db: Database, { release, sentence }: { readonly release: string; readonly sentence: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (await hasMessage(tx, release)) return;
    await enqueue(tx, { kind: 'start', release, payload: {} });
    await noteOwnRepair(tx, { what: 'dispatched-again', subject: release, sentence });
  });
}

export async function wakeAgain(db: Database, { release, pool, sentence }: { readonly release: string; readonly pool: string; readonly sentence: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (await hasMessage(tx, release)) return;
    await enqueue(tx, { kind: 'wake', release, payload: { pool } });
    await noteOwnRepair(tx, { what: 'woken-again', subject: release, sentence });
  });
}

/** Sends a command again whose message is gone; a workflow takes a repeated one as the same. */
export async function dispatchAgain(db: Database, { id, release }: { readonly id: string; readonly release: string }): Promise<void> {
  await inTransaction(db, async (tx) => {
    await enqueue(tx, { kind: 'command', release, payload: { commandId: id } });
    await noteOwnRepair(tx, { what: 'dispatched-again', subject: release, sentence: `Command ${id} to release ${release} was not delivered; it was sent again.` });
  });
}

async function hasMessage(tx: Tx, release: string): Promise<boolean> {
  const row = await tx.kysely.selectFrom('outbox').select('id').where('release', '=', release).where('delivered_at', 'is', null).executeTakeFirst();
  return row !== undefined;
}
