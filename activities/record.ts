/** Decisions of the workflow become events; the workflow folds only what comes back. */
import { appendReleaseEvents } from '../db/events.ts';
import { openRelease as open } from '../db/requests.ts';
import { blockAfter } from './block.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import type { Actor } from '../domain/vocabulary.ts';

export interface RecordInput {
  readonly release: string;
  readonly opId: string;
  readonly actor: Actor;
  readonly events: readonly CoreEvent[];
  /** moment of the decision by the workflow's clock, ISO 8601 UTC */
  readonly at: string;
}

export function record(deps: ActivityDeps, { release, opId, actor, events, at }: RecordInput): Promise<readonly Stored<CoreEvent>[]> {
  return storing(async () => {
    const stored = await appendReleaseEvents(deps.db, { release, opId, actor, events: [...events], at });
    await blockAfter(deps, release, stored);
    return stored;
  });
}

/** Makes the stored request the first event. The inventory is stored beside it and stays out of the workflow's history. */
export async function openRelease({ db }: ActivityDeps, { release }: { readonly release: string }): Promise<readonly Stored<CoreEvent>[]> {
  const events = await storing(() => open(db, { release }));
  return events.filter(({ type }) => type !== 'inventory-captured');
}
