/** The public way to append decisions: the short way for most, a transaction with locks for those that change who owns the hosts. */
import { sql } from 'kysely';
import { isTargetEvent } from '../domain/release/events.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import { assertCurrent, isOutdated, NOTHING, readCore, storeCoreEvents, type AppendReleaseEvents, type Base } from './append-core.ts';
import { inTransaction, type Database, type Queryable, type Tx } from './client.ts';
import { UnknownRelease } from './errors.ts';
import { assertSameStory, eventIds, isEnding, isRaising } from './event-identity.ts';
import { findEvents } from './stored-events.ts';
import { handOver, lockOwnership } from './hand-over.ts';

/** Decisions of one release come from its one workflow; only a retry racing its own first try can be in the way. */
const ROUNDS_MAX = 20;

/**
 * Stores decisions of a release in one transaction with its projection, and returns them as stored. The same opId again returns what
 * was stored first. Raising events get the next epoch, which every host of the release gets too; ending events free the pool and its
 * hosts and wake whoever is next. Throws StreamForked when an id tells another story, UnknownRelease.
 */
export async function appendReleaseEvents(db: Database, append: AppendReleaseEvents): Promise<readonly Stored<CoreEvent>[]> {
  const changesOwner = append.events.some((event) => isRaising(event) || isEnding(event));
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const stored = changesOwner ? await withOwnership(db, append) : await withoutOwnership(db, append);
    if (stored) return stored;
    db.folds.cores.delete(append.release);
  }
  throw new Error(`Release ${append.release} changed ${ROUNDS_MAX} times while ${append.opId} was appended; repeat the append.`);
}

async function withoutOwnership(db: Database, append: AppendReleaseEvents): Promise<readonly Stored<CoreEvent>[] | null> {
  const guess = db.folds.cores.get(append.release);
  const base = guess === undefined || isOutdated(append, guess) ? await baseOf(db, append) : guess;
  assertCurrent(append, base);
  const appended = await storeCoreEvents(db, append, base);
  if (!appended) return repeatedEvents(db, append);
  db.folds.cores.set(append.release, appended.guess);
  return appended.events;
}

async function withOwnership(db: Database, append: AppendReleaseEvents): Promise<readonly Stored<CoreEvent>[] | null> {
  try {
    return await inTransaction(db, async (tx) => {
      if (append.events.some(isEnding)) await lockOwnership(tx);
      return appendOwning(tx, append);
    });
  } catch (error) {
    if (error instanceof ReleaseMoved) return null;
    throw error;
  } finally {
    db.folds.cores.delete(append.release);
  }
}

/** Inside, the transaction is spoilt: it must be undone as a whole and begun again. */
export class ReleaseMoved extends Error {
  override readonly name = 'ReleaseMoved';
}

/**
 * One append in the caller's transaction, which holds the ownership lock if an event ends the release or takes its pool. Epochs are
 * raised before the stream is locked: whoever works under a fence may still append while this waits for the fence.
 */
export async function appendOwning(tx: Tx, append: AppendReleaseEvents): Promise<readonly Stored<CoreEvent>[]> {
  const stored = await repeatedEvents(tx, append);
  if (stored) return stored;
  const base = await baseOf(tx, append);
  assertCurrent(append, base);
  const events = append.events.some(isRaising) ? await raiseEpochs(tx, append, base) : append.events;
  const appended = await storeCoreEvents(tx, { ...append, events }, base);
  if (!appended) throw new ReleaseMoved(append.release);
  if (events.some(isEnding)) await handOver(tx, append.release);
  return appended.events;
}

async function baseOf(db: Queryable, append: AppendReleaseEvents): Promise<Base> {
  const base = await readCore(db, append.release);
  if (base === NOTHING && append.events[0]?.type !== 'release-requested') throw new UnknownRelease(append.release);
  return base;
}

/** The events with this operation's ids, if there are any; throws StreamForked if they tell another story. */
async function repeatedEvents(db: Queryable, append: AppendReleaseEvents): Promise<readonly Stored<CoreEvent>[] | null> {
  const ids = eventIds(append.release, append.opId, append.events.map((event) => event.type));
  const stored = await findEvents(db, ids);
  if (stored.length === 0) return null;
  assertSameStory(append.release, ids, append.events, stored);
  return stored.filter((event): event is Stored<CoreEvent> => !isTargetEvent(event));
}

/** Every host of the pool gets the new epoch in the same transaction, in one order for everybody, so that no two can lock each other out. */
async function raiseEpochs(tx: Tx, append: AppendReleaseEvents, base: Base): Promise<readonly CoreEvent[]> {
  const hosts = base.state?.request.hosts.map((host) => host.name).toSorted() ?? [];
  const isTaking = append.events.some((event) => event.type === 'pool-acquired');
  if (isTaking) {
    await sql`insert into host_locks (host) select unnest(${hosts}::text[]) on conflict do nothing`.execute(tx.kysely);
  }
  await sql`select 1 from host_locks where host = any(${hosts}) order by host for no key update`.execute(tx.kysely);
  const epoch = await nextEpoch(tx, append.epochAbove ?? 0);
  await sql`
    update host_locks set epoch = ${epoch}, release = ${append.release}
    where host = any(${hosts}) and (release = ${append.release} or ${isTaking})`.execute(tx.kysely);
  return append.events.map((event) => (isRaising(event) ? withEpoch(event, epoch) : event));
}

const EPOCHS_LOST_MAX = 1_000_000;

/** An older state of the database gives epochs out a second time; those that hosts may have seen are passed over. */
export async function nextEpoch(db: Queryable, above: number): Promise<number> {
  const draw = async (times: number): Promise<number> => {
    const { rows } = await sql<{ epoch: number }>`select max(epoch)::bigint as epoch from (select nextval('epochs') as epoch from generate_series(1, ${times}::bigint)) drawn`.execute(db.kysely);
    return rows[0]?.epoch ?? 0;
  };
  const epoch = await draw(1);
  if (epoch > above) return epoch;
  if (above - epoch > EPOCHS_LOST_MAX) throw new Error(`Epoch ${above} was seen, but the database only gave out ${epoch}: too far apart for an older state of the same database. Look at where hosts and database come from.`);
  return draw(above - epoch + 1);
}

function withEpoch(event: CoreEvent, epoch: number): CoreEvent {
  switch (event.type) {
    case 'pool-acquired':
      return { type: event.type, data: { epoch } };
    case 'rollback-started':
      return { type: event.type, data: { ...event.data, epoch } };
    case 'targets-retried':
      return { type: event.type, data: { ...event.data, epoch } };
    case 'release-adopted':
      return { type: event.type, data: { ...event.data, epoch } };
    default:
      return event;
  }
}
