/** What becomes of a step that waits for something of ours once somebody has paused or aborted its release. */
import { NOT_NOW } from '../not-now.ts';
import { CAPACITY } from '../plan/capacity.ts';
import type { Direction, Failure, Step } from '../vocabulary.ts';
import type { ReleaseState } from './state.ts';

export interface WaitingStep {
  readonly host: string;
  readonly step: Step;
  readonly direction: Direction;
  /** what is waited for, as a person would say it */
  readonly dependency: string;
  /** it may not be taken out yet (CAPACITY, NOT_NOW), and nothing was done on it */
  readonly isUntouched: boolean;
  /** ISO 8601 UTC */
  readonly now: string;
}

/** After an abort, what is away gets this long to come back before its hosts are given up: a balancer that is only started anew costs nobody a host. */
export const ABORT_PATIENCE_SECONDS = 15;

/**
 * `goes-on`: tried again. `handed-back`: the host is untouched and begins when the release goes on. A Failure: the step ends so.
 *
 * An abort always comes to its end. A host that may not be taken out yet was not, so it ends at once. One that waits for anything
 * else on the way forward is put back as it was; where the way back of the aborted release waits as well, a second abort leaves it as it
 * stands, and says so. A way back that is paused goes on with the hosts it has in hand.
 */
export function endOfWait({ aborting, paused }: ReleaseState, { host, step, direction, dependency, isUntouched, now }: WaitingStep): 'goes-on' | 'handed-back' | Failure {
  if (aborting !== null) {
    if (isUntouched) return notTakenOut(host, dependency, aborting.reason);
    const sinceMs = Date.parse(aborting.since ?? '1970-01-01T00:00:00Z');
    return Date.parse(now) - sinceMs < ABORT_PATIENCE_SECONDS * 1000 ? 'goes-on' : givenUp({ host, step, direction, dependency }, aborting.reason);
  }
  return paused !== null && isUntouched && direction === 'forward' ? 'handed-back' : 'goes-on';
}

/** What would let it go next time. */
const REMEDY: Readonly<Record<string, string>> = {
  [CAPACITY]: 'Bring the hosts back that are missing, then start the release again.',
  [NOT_NOW]: 'Start the release again once its applications let it go.',
};

function notTakenOut(host: string, dependency: string, reason: string): Failure {
  return {
    class: 'refused',
    code: 'release-aborted',
    message: `${host} waited for ${dependency} when the release was aborted (${reason}), and was not taken out of service.`,
    next: `Nothing has to be done on ${host}. ${REMEDY[dependency] ?? 'Start the release again.'}`,
  };
}

function givenUp({ host, step, direction, dependency }: Omit<WaitingStep, 'now' | 'isUntouched'>, reason: string): Failure {
  const waited = `${host} waited at ${step} for ${dependency} when the release was aborted (${reason}). It did not come back within ${ABORT_PATIENCE_SECONDS} s`;
  if (direction === 'forward') {
    return { class: 'refused', code: 'release-aborted', message: `${waited}; ${host} was not finished.`, next: `It is put back as it was as soon as ${dependency} allows. A second abort leaves it as it stands.` };
  }
  return { class: 'refused', code: 'release-aborted', message: `${waited}; ${host} was left as it stands.`, next: `When ${dependency} answers again, look at ${host} with signalbox doctor, then retry the rollback.` };
}
