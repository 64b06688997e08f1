/** What every way of planning a release answers with, forward and back. */
import type { Plan } from '../domain/plan/plan.ts';
import type { CoreEvent } from '../domain/release/events.ts';
import type { Failure, ReleaseKind } from '../domain/vocabulary.ts';

/** No plan: the release ends, and nothing was touched. */
export function unplanned(failure: Failure): CoreEvent {
  return { type: 'release-failed', data: { failure } };
}

/** Only a release that asks for its plan with its kind knows what to do with the comparison. */
export function comparing(kind: ReleaseKind | undefined): Pick<Plan, 'comparesPool'> {
  return kind === undefined ? {} : { comparesPool: true };
}
