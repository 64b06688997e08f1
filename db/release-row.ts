/** The row of a release in `releases`, derived from its fold and nothing else: so a rebuild gives the same row. */
import type { Selectable } from 'kysely';
import { isTerminal } from '../domain/vocabulary.ts';
import { initialTargets } from '../domain/release/fold.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { ReleasesTable } from './schema.ts';

export type ReleaseRow = Omit<Selectable<ReleasesTable>, 'core' | 'core_version'>;

/** Column names as members; without the fold itself, which is stored as its own text. */
export function releaseRow(core: ReleaseState): ReleaseRow {
  const { request, situation } = core;
  return {
    id: request.id,
    kind: request.kind,
    pool: request.pool,
    environment: request.environment,
    applications: [...request.applications],
    changes: request.changes,
    status: situation.status,
    paused: core.paused !== null,
    requested_by: request.requestedBy,
    reason: request.reason,
    created_at: core.createdAt,
    finished_at: isTerminal(situation.status) && 'finishedAt' in situation ? situation.finishedAt : null,
    rollback_of: request.rollbackOf,
    restore_from: request.restoreFrom,
    epoch: core.epoch,
  };
}

/** The same with the untouched targets, for the append that opens the stream. */
export function openingRow(core: ReleaseState): Readonly<Record<string, unknown>> {
  return { ...releaseRow(core), core: {}, core_version: 0, targets: Object.values(initialTargets(core.request.hosts)) };
}
