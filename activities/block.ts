/** What a rollback that has just begun leaves behind: a bad build is quarantined, and what a person took back is held. */
import { readCore } from '../db/append-core.ts';
import { putBlock } from '../db/blocks.ts';
import { preImages } from '../db/queries.ts';
import { badPackages, heldApplications } from '../domain/blocks.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import type { ActivityDeps } from './deps.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';

/** Nothing for events that begin no rollback. A repeated call blocks nothing anew. */
export async function blockAfter({ db }: ActivityDeps, release: string, events: readonly Stored<CoreEvent>[]): Promise<void> {
  const started = events.find((event) => event.type === 'rollback-started');
  if (started === undefined) return;
  const { state } = await readCore(db, release);
  if (state === null) return;
  const { cause, reason } = started.data;
  const { pool } = state.request;
  for (const name of heldApplications(state, cause)) await putBlock(db, { kind: 'hold', name, pool, reason, release, by: started.actor, mayRepeat: true });
  for (const name of badPackages(state, cause, Object.values(await preImages(db, release)))) {
    await putBlock(db, { kind: 'quarantine', name, pool: '', reason, release, by: SIGNALBOX, mayRepeat: true });
  }
}
