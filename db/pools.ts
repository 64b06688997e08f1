/** Taking a pool: one release owns a pool and its hosts at a time; the others are refused, wait, or end those that waited before. */
import { sql } from 'kysely';
import { KIND_POLICIES } from '../domain/release-kind.ts';
import { isTargetEvent } from '../domain/release/events.ts';
import type { CoreEvent, CoreEventData, Stored } from '../domain/release/events.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { appendOwning, ReleaseMoved } from './append-release.ts';
import { readCore } from './append-core.ts';
import { inTransaction, type Database, type Tx } from './client.ts';
import { UnknownRelease } from './errors.ts';
import { eventIds } from './event-identity.ts';
import { lockOwnership, readQueue, readTaken, takePool, type QueuedRelease } from './hand-over.ts';
import { nextHolders } from './next-holders.ts';
import { enqueue } from './outbox.ts';
import { findEvents, lastEventOf } from './stored-events.ts';

export interface AcquirePool {
  readonly release: string;
  readonly opId: string;
  readonly actor: Actor;
  /** as of every decision: see AppendReleaseEvents */
  readonly adoption?: number;
  readonly seen?: number;
}

const ROUNDS_MAX = 20;

/**
 * Asks for the pool of a release and stores the answer: `pool-acquired` with a new epoch, `release-queued` (its holder's end will wake
 * it: ask again then, under a new opId), or `release-rejected`. Asking again after it was acquired or rejected returns that event.
 */
export async function acquirePool(db: Database, ask: AcquirePool): Promise<Stored<CoreEvent>> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    try {
      return await inTransaction(db, (tx) => answer(tx, ask));
    } catch (error) {
      if (!(error instanceof ReleaseMoved)) throw error;
    } finally {
      db.folds.cores.delete(ask.release);
    }
  }
  throw new Error(`Release ${ask.release} changed ${ROUNDS_MAX} times while it asked for its pool; ask again.`);
}

async function answer(tx: Tx, ask: AcquirePool): Promise<Stored<CoreEvent>> {
  await lockOwnership(tx);
  const earlier = await earlierAnswer(tx, ask);
  if (earlier) return earlier;
  const { state } = await readCore(tx, ask.release);
  if (state === null) throw new UnknownRelease(ask.release);
  if (state.situation.status !== 'queued') return settledAnswer(tx, ask.release);
  const self = placeOf(state.request);
  const blocker = await findBlocker(tx, self);
  if (blocker === null) return take(tx, ask, self);
  return wait(tx, ask, { self, blocker, busy: state.request.busy });
}

function placeOf(request: CoreEventData['release-requested']): QueuedRelease {
  return { release: request.id, pool: request.pool, hosts: request.hosts.map((host) => host.name), priority: KIND_POLICIES[request.kind].queuePriority };
}

async function earlierAnswer(tx: Tx, ask: AcquirePool): Promise<Stored<CoreEvent> | null> {
  const [stored] = await findEvents(tx, eventIds(ask.release, ask.opId, ['pool-acquired', 'release-queued', 'release-rejected']));
  return stored && !isTargetEvent(stored) ? stored : null;
}

async function settledAnswer(tx: Tx, release: string): Promise<Stored<CoreEvent>> {
  const settled = await lastEventOf(tx, release, ['pool-acquired', 'release-rejected']);
  if (settled) return settled;
  throw new Error(`Release ${release} ended before it had its pool, so it cannot take it any more.`);
}

/** Who is in the way: the superseding release, the pool's or a host's owner, or somebody ahead in the queue; null = nobody. */
async function findBlocker(tx: Tx, self: QueuedRelease): Promise<Blocker | null> {
  const own = await tx.kysely.selectFrom('pool_queue').select('superseded_by').where('release', '=', self.release).executeTakeFirst();
  if (own?.superseded_by) return { release: own.superseded_by, why: 'superseded' };
  const holder = await ownerInTheWay(tx, self);
  if (holder === self.release) return null;
  if (holder !== null) return { release: holder, why: 'busy' };
  const queue = withSelf(await readQueue(tx), self);
  const taken = await readTaken(tx);
  if (nextHolders(queue, taken).some((next) => next.release === self.release)) return null;
  const ahead = queue.slice(0, queue.findIndex((one) => one.release === self.release)).find((one) => one.pool === self.pool || one.hosts.some((host) => self.hosts.includes(host)));
  return { release: ahead?.release ?? self.release, why: 'busy' };
}

interface Blocker {
  readonly release: string;
  readonly why: 'superseded' | 'busy';
}

/** The pool's own holder first: if that is the asking release itself, it was named and only has to take it. */
async function ownerInTheWay(tx: Tx, self: QueuedRelease): Promise<string | null> {
  const { rows } = await sql<{ owner: string }>`
    select holder as owner, 1 as place from pool_locks where pool = ${self.pool} and holder is not null
    union all
    select release, 2 from host_locks where host = any(${self.hosts}) and release is not null and release <> ${self.release}
    order by place, owner limit 1`.execute(tx.kysely);
  return rows[0]?.owner ?? null;
}

function withSelf(queue: readonly QueuedRelease[], self: QueuedRelease): readonly QueuedRelease[] {
  if (queue.some((one) => one.release === self.release)) return queue;
  const place = queue.findIndex((one) => one.priority < self.priority);
  return place === -1 ? [...queue, self] : queue.toSpliced(place, 0, self);
}

async function take(tx: Tx, ask: AcquirePool, self: QueuedRelease): Promise<Stored<CoreEvent>> {
  await takePool(tx, self);
  const event = await appendOne(tx, ask, { type: 'pool-acquired', data: { epoch: 0 } });
  if (event.type === 'pool-acquired') await tx.kysely.updateTable('pool_locks').set({ epoch: event.data.epoch }).where('pool', '=', self.pool).execute();
  return event;
}

interface InTheWay {
  readonly self: QueuedRelease;
  readonly blocker: Blocker;
  readonly busy: 'reject' | 'queue' | 'supersede';
}

async function wait(tx: Tx, ask: AcquirePool, { self, blocker, busy }: InTheWay): Promise<Stored<CoreEvent>> {
  if (blocker.why === 'superseded') {
    return appendOne(tx, ask, { type: 'release-rejected', data: { code: 'superseded', reason: `Release ${blocker.release} took its place in the queue of pool ${self.pool}.` } });
  }
  if (busy === 'reject') {
    const reason = `Release ${blocker.release} has pool ${self.pool} or one of its hosts; wait for its end, or ask with busy: queue.`;
    return appendOne(tx, ask, { type: 'release-rejected', data: { code: 'pool-busy', reason } });
  }
  if (busy === 'supersede') await supersede(tx, self);
  return queueUp(tx, ask, self, blocker.release);
}

/** Ends only releases that wait for the same pool and are not more urgent; who has it already goes on. */
async function supersede(tx: Tx, self: QueuedRelease): Promise<void> {
  const ended = await tx.kysely
    .updateTable('pool_queue')
    .set({ superseded_by: self.release })
    .where('pool', '=', self.pool)
    .where('release', '<>', self.release)
    .where('priority', '<=', self.priority)
    .where('superseded_by', 'is', null)
    .returning('release')
    .execute();
  for (const { release } of ended) await enqueue(tx, { kind: 'supersede', release, payload: { by: self.release } });
}

/** A release that is woken too early asks again: as long as the same one is in the way, nothing new is said. */
async function queueUp(tx: Tx, ask: AcquirePool, self: QueuedRelease, behind: string): Promise<Stored<CoreEvent>> {
  await sql`
    insert into pool_queue (release, pool, hosts, priority) values (${self.release}, ${self.pool}, ${self.hosts}, ${self.priority})
    on conflict do nothing`.execute(tx.kysely);
  const said = await lastEventOf(tx, self.release, ['release-queued']);
  if (said?.type === 'release-queued' && said.data.behind === behind) return said;
  return appendOne(tx, ask, { type: 'release-queued', data: { behind } });
}

async function appendOne(tx: Tx, ask: AcquirePool, event: CoreEvent): Promise<Stored<CoreEvent>> {
  const [stored] = await appendOwning(tx, { ...ask, events: [event] });
  if (!stored) throw new Error(`The store gave back nothing for ${ask.opId} of release ${ask.release}.`);
  return stored;
}
