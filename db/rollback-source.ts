/** What the release of a rollback needs of the release it takes back. */
import { progressOf, planOf } from '../domain/release/evolve.ts';
import type { Database } from './client.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { PlannedChange } from '../domain/plan/plan.ts';

/** Hosts on which any step was begun, in the order of their begin. */
export async function begunHosts(db: Database, release: string): Promise<readonly string[]> {
  const core = await coreOf(db, release);
  const progress = progressOf(core.situation);
  const rolledBack = 'rollback' in core.situation && core.situation.rollback !== null ? core.situation.rollback.batches.flat() : [];
  const begun = progress?.begun ?? [];
  return [...begun, ...rolledBack.filter((host) => !begun.includes(host))];
}

export async function originalChanges(db: Database, release: string): Promise<readonly PlannedChange[]> {
  return planOf((await coreOf(db, release)).situation)?.changes ?? [];
}

async function coreOf(db: Database, release: string): Promise<ReleaseState> {
  const row = await db.kysely.selectFrom('releases').select('core').where('id', '=', release).executeTakeFirst();
  if (row === undefined) throw new Error(`There is no release ${release} to take back`);
  return row.core;
}
