/**
 * Appending what happened on one target: the hot path. Warm appends share one prepared statement in one round trip; the fold is made
 * here on the state this process saw last, and the statement stores nothing of it if that was not the newest.
 */
import { canonicalJson } from '../domain/canonical-json.ts';
import { evolveTarget } from '../domain/release/target.ts';
import { isTargetEvent } from '../domain/release/events.ts';
import type { Stored, TargetEvent } from '../domain/release/events.ts';
import type { TargetState } from '../domain/release/target.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { readCore } from './append-core.ts';
import type { Database } from './client.ts';
import { ReleaseStopped, StaleEpoch, UnknownTarget } from './errors.ts';
import { assertSameStory, eventIds } from './event-identity.ts';
import { SCHEMA } from './event-schema.ts';
import type { Guess } from './fold-cache.ts';
import { findEvents } from './stored-events.ts';

export interface AppendTargetEvent {
  readonly release: string;
  readonly opId: string;
  readonly actor: Actor;
  readonly event: TargetEvent;
  /** not behind a pause or an abort that the log knows already: it begins work */
  readonly unlessStopped?: boolean;
}

/** Only appends on the very same target can be in the way of one another, so a few rounds are plenty. */
const ROUNDS_MAX = 50;

/**
 * Stores one target event and the new state of its target in one transaction, and returns the event as stored. The same opId again
 * returns what was stored first. Throws StaleEpoch when the host has moved on, StreamForked when the id tells another story,
 * UnknownTarget when there is no such release or the host is none of its targets, ReleaseStopped when it may not follow a stop and would.
 */
export async function appendTargetEvent(db: Database, append: AppendTargetEvent): Promise<Stored<TargetEvent>> {
  const { release, event, unlessStopped = false } = append;
  const told = tell(append);
  const key = `${release}/${event.data.host}`;
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const guess = db.folds.targets.get(key) ?? (await readTarget(db, release, event.data.host));
    const stored = guess && (await store(db, { ...told, release, key, guess, unlessStopped }));
    if (stored) return stored;
    db.folds.targets.delete(key);
    const earlier = await repeated(db, append, told.id);
    if (earlier) return earlier;
    if (!guess) throw new UnknownTarget(release, event.data.host);
    await assertOwned(db, release, event);
    if (unlessStopped) await assertGoesOn(db, release);
  }
  throw new Error(`Target ${event.data.host} of release ${release} changed ${ROUNDS_MAX} times while ${told.id} was appended; repeat the append.`);
}

interface Told {
  readonly id: string;
  readonly event: TargetEvent;
  readonly data: string;
  readonly actor: Actor;
}

/** Folds see exactly what will be read back later: members in canonical order, undefined ones gone. */
function tell({ release, opId, actor, event }: AppendTargetEvent): Told {
  const data = canonicalJson(event.data);
  return { id: `${release}/${opId}/${event.type}`, event: { type: event.type, data: JSON.parse(data) } as TargetEvent, data, actor };
}

interface Attempt extends Told {
  readonly release: string;
  readonly key: string;
  readonly guess: Guess<TargetState>;
  readonly unlessStopped: boolean;
}

/** Null when the database has moved past the guess, knows the id already, or the epoch is void. */
async function store(db: Database, attempt: Attempt): Promise<Stored<TargetEvent> | null> {
  const { release, id, event, data, actor, guess, unlessStopped } = attempt;
  const at = new Date().toISOString();
  const unnumbered: Stored<TargetEvent> = { ...event, id, version: 0, at, actor };
  const state = evolveTarget(guess.state, unnumbered);
  const { host, epoch } = event.data;
  const row = { host, epoch, id, type: event.type, schema: SCHEMA, data, actor: canonicalJson(actor), at, expected: guess.version, state: JSON.stringify(state), ...(unlessStopped ? { unlessStopped } : {}) };
  const version = await db.appends.append(release, row);
  if (version === null) return null;
  db.folds.targets.set(attempt.key, { state, version });
  return { ...unnumbered, version };
}

async function readTarget(db: Database, release: string, host: string): Promise<Guess<TargetState> | undefined> {
  const result = await db.pool.query<{ state: TargetState; version: number }>({
    name: 'read-target',
    text: 'select state, version from release_targets where release = $1 and host = $2',
    values: [release, host],
  });
  return result.rows[0];
}

/** Reads in one query what is stored of these targets, so that the first append on each needs no read of its own. */
export async function recallTargets(db: Database, release: string, hosts: readonly string[]): Promise<void> {
  const unknown = hosts.filter((host) => db.folds.targets.get(`${release}/${host}`) === undefined);
  if (unknown.length === 0) return;
  const result = await db.pool.query<{ host: string } & Guess<TargetState>>({
    name: 'recall-targets',
    text: 'select host, state, version from release_targets where release = $1 and host = any($2)',
    values: [release, unknown],
  });
  for (const { host, state, version } of result.rows) db.folds.targets.set(`${release}/${host}`, { state, version });
}

async function repeated(db: Database, append: AppendTargetEvent, id: string): Promise<Stored<TargetEvent> | null> {
  const [stored] = await findEvents(db, [id]);
  if (!stored) return null;
  assertSameStory(append.release, eventIds(append.release, append.opId, [append.event.type]), [append.event], [stored]);
  return isTargetEvent(stored) ? stored : null;
}

async function assertOwned(db: Database, release: string, event: TargetEvent): Promise<void> {
  const { host, epoch } = event.data;
  const lock = await db.kysely.selectFrom('host_locks').select(['epoch', 'release']).where('host', '=', host).executeTakeFirst();
  if (lock?.epoch !== epoch || lock.release !== release) throw new StaleEpoch(host, epoch, lock?.epoch ?? null, lock?.release ?? null);
}

async function assertGoesOn(db: Database, release: string): Promise<void> {
  const { state } = await readCore(db, release);
  if (state !== null && (state.paused !== null || state.aborting !== null)) throw new ReleaseStopped(release);
}
