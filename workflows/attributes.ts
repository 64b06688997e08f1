/** What Temporal's lists can be filtered by. Registered by the worker before it polls, for an unknown one stops a workflow for good. */
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { ReleaseState } from '../domain/release/state.ts';
import { phaseOf } from '../domain/release/view.ts';

const POOL = { name: 'Pool', type: 'KEYWORD' } as const;
const APPLICATIONS = { name: 'Applications', type: 'KEYWORD_LIST' } as const;
const ENVIRONMENT = { name: 'Environment', type: 'KEYWORD' } as const;
const PHASE = { name: 'Phase', type: 'KEYWORD' } as const;
const REQUESTED_BY = { name: 'RequestedBy', type: 'KEYWORD' } as const;
const PAUSED = { name: 'Paused', type: 'BOOL' } as const;

/** Writes only what changed, for every upsert is an event in the history. */
export function showAttributes(before: ReleaseState | null, after: ReleaseState): void {
  const { request } = after;
  const phase = phaseOf(after.situation) ?? 'none';
  const paused = after.paused !== null;
  if (before === null) {
    upsertSearchAttributes([
      { key: POOL, value: request.pool },
      { key: APPLICATIONS, value: request.changes.map(({ application }) => application) },
      { key: ENVIRONMENT, value: request.environment },
      { key: REQUESTED_BY, value: request.requestedBy },
      { key: PHASE, value: phase },
      { key: PAUSED, value: paused },
    ]);
    return;
  }
  if (phase === phaseOf(before.situation) && paused === (before.paused !== null)) return;
  upsertSearchAttributes([
    { key: PHASE, value: phase },
    { key: PAUSED, value: paused },
  ]);
}
