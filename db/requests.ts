/** Releases that were asked for: accepted by the API, opened by their workflow. */
import type { CoreEventData, Stored, CoreEvent } from '../domain/release/events.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { appendReleaseEvents } from './append-release.ts';
import { inTransaction, type Database, type Queryable } from './client.ts';
import { IdReused, sqlState, UnknownRelease } from './errors.ts';
import { enqueue } from './outbox.ts';

export interface CreateReleaseRequest {
  readonly id: string;
  readonly request: CoreEventData['release-requested'];
  /** the part of the inventory the release will run on */
  readonly inventory: Inventory;
  readonly actor: Actor;
}

export interface ReleaseRequest extends CreateReleaseRequest {
  /** when it was accepted, ISO 8601 UTC: also the release's createdAt */
  readonly at: string;
}

/** Keeps the request and asks the dispatcher to start its workflow, in the caller's transaction. Throws IdReused when the id is taken. */
export async function createReleaseRequest(db: Queryable, create: CreateReleaseRequest): Promise<ReleaseRequest> {
  const { id, request, inventory, actor } = create;
  const at = new Date().toISOString();
  await inTransaction(db, async (tx) => {
    try {
      await tx.kysely
        .insertInto('release_requests')
        .values({ id, request: JSON.stringify(request), inventory: JSON.stringify(inventory), actor: JSON.stringify(actor), at })
        .execute();
    } catch (error) {
      throw sqlState(error) === '23505' ? new IdReused(id) : error;
    }
    await enqueue(tx, { kind: 'start', release: id, payload: {} });
  });
  return { ...create, at };
}

/** The request as accepted, also after its release was opened; null when unknown. */
export async function loadReleaseRequest(db: Queryable, id: string): Promise<ReleaseRequest | null> {
  const row = await db.kysely
    .selectFrom('release_requests as asked')
    .leftJoin('release_inventory as captured', 'captured.release', 'asked.id')
    .select(['asked.id', 'asked.request', 'asked.actor', 'asked.at', 'asked.inventory', 'captured.inventory as captured'])
    .where('asked.id', '=', id)
    .executeTakeFirst();
  const inventory = row?.inventory ?? row?.captured;
  if (!row || !inventory) return null;
  return { id: row.id, request: row.request, actor: row.actor, at: row.at, inventory };
}

/** Opens the stream of a requested release: `release-requested` and `inventory-captured`, the same two on every call. Throws UnknownRelease. */
export async function openRelease(db: Database, { release }: { readonly release: string }): Promise<readonly Stored<CoreEvent>[]> {
  const asked = await loadReleaseRequest(db, release);
  if (!asked) throw new UnknownRelease(release);
  const events = await appendReleaseEvents(db, {
    release,
    opId: 'open',
    actor: asked.actor,
    at: asked.at,
    events: [
      { type: 'release-requested', data: asked.request },
      { type: 'inventory-captured', data: { inventory: asked.inventory } },
    ],
  });
  await db.kysely.updateTable('release_requests').set({ opened: true, inventory: null }).where('id', '=', release).where('opened', '=', false).execute();
  return events;
}
