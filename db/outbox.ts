/** Messages to workflows, written in the transaction that justifies them and delivered by a dispatcher: in order per release, at least once. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

export type OutboxKind = 'start' | 'command' | 'wake' | 'supersede' | 'adopt' | 'check-fleet';

export interface OutboxMessage {
  readonly kind: OutboxKind;
  /** whose messages are delivered in order: a release, or a fleet check by its id */
  readonly release: string;
  /** ids only: `commandId` of a command, `pool` of a wake, `by` of a supersede, `repair` of an adoption */
  readonly payload: Readonly<Record<string, string>>;
}

export interface ClaimedMessage extends OutboxMessage {
  readonly id: number;
  /** this delivery included */
  readonly attempts: number;
}

/** Adds a message in the caller's transaction and wakes the dispatchers when that commits. */
export async function enqueue(db: Queryable, message: OutboxMessage): Promise<void> {
  await sql`
    with added as (
      insert into outbox (kind, release, payload) values (${message.kind}, ${message.release}, ${JSON.stringify(message.payload)}) returning release
    )
    select pg_notify('signalbox_outbox', release) from added`.execute(db.kysely);
}

/** A dispatcher that dies loses its messages to the others after this. So long an operator may have to wait for a rollback, whose release had a message on its way. */
export const CLAIM_SECONDS = 15;

/**
 * Takes due messages for delivery: of each release only the oldest undelivered one, so a release has one deliverer at a time and its
 * messages keep their order. Only an adoption goes before the others: what waits for a workflow that answers nobody waits for that. Each must be answered with markDelivered or markFailed, else it is given out again after CLAIM_SECONDS.
 */
export async function claimOutbox(db: Queryable, options: { readonly limit: number }): Promise<readonly ClaimedMessage[]> {
  const { rows } = await sql<ClaimedMessage>`
    update outbox set claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS}), attempts = attempts + 1
    where id in (
      select o.id from outbox o
      where o.delivered_at is null and o.due_at <= now() and (o.claimed_until is null or o.claimed_until < now())
        and (o.kind = 'adopt' or not exists (select from outbox earlier where earlier.release = o.release and earlier.id < o.id and earlier.delivered_at is null))
      order by o.id limit ${options.limit} for update skip locked
    )
    returning id, kind, release, payload, attempts`.execute(db.kysely);
  return rows.toSorted((a, b) => a.id - b.id);
}

/** The message reached its workflow, or will never be needed: the next of its release may go. */
export async function markDelivered(db: Queryable, id: number): Promise<void> {
  await sql`
    with done as (update outbox set delivered_at = now(), claimed_until = null, error = null where id = ${id} and delivered_at is null returning release)
    select pg_notify('signalbox_outbox', release) from done
    where exists (select from outbox o where o.release = done.release and o.delivered_at is null and o.id > ${id})`.execute(db.kysely);
}

/** The delivery failed with `error`; the message, and all of its release behind it, wait for `retryAfterMs`. */
export async function markFailed(db: Queryable, id: number, error: string, retryAfterMs: number): Promise<void> {
  await sql`
    update outbox set claimed_until = null, error = ${error.slice(0, 2_000)}, due_at = now() + make_interval(secs => ${retryAfterMs / 1000})
    where id = ${id} and delivered_at is null`.execute(db.kysely);
}

/** Forgets messages that were delivered longer ago than this; returns how many. */
export async function pruneOutbox(db: Queryable, options: { readonly olderThanDays: number }): Promise<number> {
  const { rows } = await sql`delete from outbox where delivered_at < now() - make_interval(days => ${options.olderThanDays}) returning id`.execute(db.kysely);
  return rows.length;
}
