/** Decisions of the workflow become events; the workflow folds only what comes back. */
import { appendReleaseEvents } from '../db/events.ts';
import { openRelease as open } from '../db/requests.ts';
import { blockAfter } from './block.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import type { Actor } from '../domain/vocabulary.ts';

/** Who decides, so that nobody decides whose release was adopted meanwhile, or whose log was set back. Absent members: asked by an older build. */
export interface Teller {
  /** how often the release had been adopted when this workflow began; absent: never */
  readonly adoption?: number;
  /** stream version of the last decision this workflow knows */
  readonly seen?: number;
}

export interface RecordInput extends Teller {
  readonly release: string;
  readonly opId: string;
  readonly actor: Actor;
  readonly events: readonly CoreEvent[];
  /** the operator's command that is answered; absent: a decision of Signalbox's own, or asked by an older build */
  readonly command?: string;
  /** moment of the decision by the workflow's clock, ISO 8601 UTC */
  readonly at: string;
}

export function record(deps: ActivityDeps, { events, ...told }: RecordInput): Promise<readonly Stored<CoreEvent>[]> {
  return storing(async () => {
    const stored = await appendReleaseEvents(deps.db, { ...told, events: [...events] });
    await blockAfter(deps, told.release, stored);
    return stored;
  });
}

/** Makes the stored request the first event. The inventory is stored beside it and stays out of the workflow's history. */
export async function openRelease({ db }: ActivityDeps, { release }: { readonly release: string }): Promise<readonly Stored<CoreEvent>[]> {
  const events = await storing(() => open(db, { release }));
  return events.filter(({ type }) => type !== 'inventory-captured');
}
