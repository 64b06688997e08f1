/** Asks for the pool; the store answers with the pool, a place in the queue, or a refusal. */
import { acquirePool as acquire } from '../db/pools.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { Teller } from './record.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';

export function acquirePool({ db }: ActivityDeps, { release, opId, ...teller }: Teller & { readonly release: string; readonly opId: string }): Promise<Stored<CoreEvent>> {
  return storing(() => acquire(db, { ...teller, release, opId, actor: SIGNALBOX }));
}
