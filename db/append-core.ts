/** Appending decisions of a release: several events in one transaction, folded here, guarded by the version of the last decision. */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import { evolve, initialRelease } from '../domain/release/evolve.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Queryable } from './client.ts';
import { Adopted, LogBehind } from './errors.ts';
import { eventIds } from './event-identity.ts';
import { SCHEMA } from './event-schema.ts';
import type { Guess } from './fold-cache.ts';
import { openingRow, releaseRow } from './release-row.ts';

export interface AppendReleaseEvents {
  readonly release: string;
  readonly opId: string;
  readonly actor: Actor;
  readonly events: readonly CoreEvent[];
  /** when it happened, ISO 8601 UTC; default now */
  readonly at?: string;
  /** how often the teller's release had been adopted when its workflow began: who was replaced since decides nothing any more. Default 0 */
  readonly adoption?: number;
  /** stream version of the last decision the teller knows: a store that stands below it has lost events */
  readonly seen?: number;
  /** the epoch that is given must be above this one */
  readonly epochAbove?: number;
  /** id of the operator's command that these events answer: it counts as applied with them, so that nobody applies it again */
  readonly command?: string;
}

export interface Appended {
  readonly events: readonly Stored<CoreEvent>[];
  readonly guess: Guess<ReleaseState>;
}

/** A state to fold on that was never stored: the stream does not exist yet. */
export const NOTHING = { state: null, version: 0 } as const;

export type Base = Guess<ReleaseState> | typeof NOTHING;

/** Whether a decision of this teller may stand on the base. Also false for a guess that is only old: read again before it counts. */
export function isOutdated({ adoption = 0, seen = 0, events }: AppendReleaseEvents, { state, version }: Base): boolean {
  if (state === null) return false;
  return version < seen || (adoption !== (state.adoptions ?? 0) && !isAdoption(events));
}

/** Throws Adopted or LogBehind where the base, as it was read from the store, is none this teller may decide on. */
export function assertCurrent(append: AppendReleaseEvents, base: Base): void {
  if (!isOutdated(append, base)) return;
  const { release, seen = 0 } = append;
  throw base.version < seen ? new LogBehind(release, seen, base.version) : new Adopted(release);
}

/** The one event that begins a new count. */
function isAdoption(events: readonly CoreEvent[]): boolean {
  return events.length === 1 && events[0]?.type === 'release-adopted';
}

/** Stores the events on top of `base`; null, and nothing stored, when the release has moved past it or an id is known already. */
export async function storeCoreEvents(db: Queryable, append: AppendReleaseEvents, base: Base): Promise<Appended | null> {
  const at = append.at ?? new Date().toISOString();
  const ids = eventIds(append.release, append.opId, append.events.map((event) => event.type));
  const told = append.events.map((event, index): Told => tell(event, { id: ids[index] ?? '', at, actor: append.actor }));
  const state = told.reduce<ReleaseState | null>((folded, { stored }) => foldCore(folded, stored), base.state);
  if (state === null) throw new Error(`No events were given to append to release ${append.release}.`);
  const row = base.state === null ? openingRow(state) : releaseRow(state);
  const { rows } = await sql<{ first: number | null }>`
    with appended as (
      select append_core_events(${append.release}, ${JSON.stringify(told.map((one) => one.written))}::json, ${base.version},
        ${JSON.stringify(row)}::json, ${JSON.stringify(state)}) as first
    ), settled as (
      update commands set state = 'applied', settled_at = ${new Date().toISOString()}
      where id = ${append.command ?? null} and state = 'accepted' and (select first from appended) is not null
    )
    select first from appended`.execute(db.kysely);
  const first = rows[0]?.first ?? null;
  if (first === null) return null;
  return {
    events: told.map(({ stored }, index) => ({ ...stored, version: first + index })),
    guess: { state, version: first + told.length - 1 },
  };
}

interface Told {
  readonly stored: Stored<CoreEvent>;
  readonly written: Readonly<Record<string, unknown>>;
}

/** Folds see exactly what will be read back later: members in canonical order, undefined ones gone. */
function tell(event: CoreEvent, envelope: { readonly id: string; readonly at: string; readonly actor: Actor }): Told {
  const data = canonicalJson(event.data);
  const { id, at, actor } = envelope;
  const stored = { type: event.type, data: JSON.parse(data), id, version: 0, at, actor } as Stored<CoreEvent>;
  return { stored, written: { id, at, type: event.type, schema: SCHEMA, data, actor: canonicalJson(actor) } };
}

function foldCore(state: ReleaseState | null, event: Stored<CoreEvent>): ReleaseState {
  if (state !== null) return evolve(state, event);
  if (event.type !== 'release-requested') throw new Error(`A release stream begins with release-requested, not ${event.type}`);
  return initialRelease(event);
}

/** What is stored of a release now; NOTHING when its stream was never opened. */
export async function readCore(db: Queryable, release: string): Promise<Base> {
  const row = await db.kysely.selectFrom('releases').select(['core', 'core_version']).where('id', '=', release).executeTakeFirst();
  return row ? { state: row.core, version: row.core_version } : NOTHING;
}
