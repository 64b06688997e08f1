/** At the end of a release: who left its pool and who joined; the store asks for the scale-out of those who did. */
import { comparePool as compare } from '../db/compare-pool.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { Teller } from './record.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';

export function comparePool({ db }: ActivityDeps, { release, opId, ...teller }: Teller & { readonly release: string; readonly opId: string }): Promise<Stored<CoreEvent>> {
  return storing(() => compare(db, { ...teller, release, opId }));
}
