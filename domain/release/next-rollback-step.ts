/** The way back, batch by batch: never loops, never starts another rollback, and ends with the truth about every target. */
import { planOf } from './evolve.ts';
import { bakeEndMs } from './progress.ts';
import type { NextStep } from './next-step.ts';
import type { CoreEvent } from './events.ts';
import type { ReleaseState, RollbackProgress, RollingBack, Situation } from './state.ts';
import type { FailedTarget, Failure } from '../vocabulary.ts';

export function nextRollbackStep(state: ReleaseState, { rollback }: RollingBack, nowMs: number): NextStep {
  const hosts = rollback.batches[rollback.index];
  if (rollback.stage === 'rolling') {
    return hosts === undefined ? finish(state, rollback, []) : { do: 'restore', index: rollback.index, hosts, lanes: lanes(state, rollback, hosts) };
  }
  if (state.aborting !== null) return finish(state, rollback, notReached(rollback, state.aborting.reason));
  if (isExpired(state.situation)) return finish(state, rollback, notReached(rollback, null));
  if (rollback.stage === 'baking') return bakeStep(rollback, nowMs);
  const index = rollback.stage === 'settled' ? rollback.index + 1 : rollback.index;
  const next = rollback.batches[index];
  if (next === undefined) return finish(state, rollback, []);
  const { bakeSeconds } = state.request.strategy.batches;
  if (rollback.stage === 'settled' && rollback.mode === 'regular' && bakeSeconds > 0) {
    return { do: 'record', events: [{ type: 'bake-started', data: { index: rollback.index, seconds: bakeSeconds } }] };
  }
  return { do: 'record', events: [{ type: 'rollback-batch-started', data: { index, hosts: next } }] };
}

/** An emergency uses the whole width at once; a regular rollback keeps to the strategy's parallelism. */
function lanes(state: ReleaseState, rollback: RollbackProgress, hosts: readonly string[]): number {
  return rollback.mode === 'emergency' ? hosts.length : Math.min(hosts.length, state.request.strategy.batches.maxParallel);
}

function bakeStep({ bake, index }: RollbackProgress, nowMs: number): NextStep {
  if (bake === null || nowMs >= bakeEndMs(bake)) {
    return { do: 'record', events: [{ type: 'bake-finished', data: { index, cause: 'time', reason: null } }] };
  }
  return { do: 'wait', for: 'bake', untilMs: bakeEndMs(bake) };
}

/** Hosts that joined meanwhile are brought to what the pool went back to. */
function finish(state: ReleaseState, rollback: RollbackProgress, notRestored: readonly FailedTarget[]): NextStep {
  const unrestored = [...rollback.unrestored, ...notRestored];
  if (unrestored.length > 0) return record({ type: 'rollback-ended-incomplete', data: { unrestored } });
  if (rollback.then === 'aborted') return record({ type: 'release-aborted', data: { reason: rollback.reason } });
  if (planOf(state.situation)?.comparesPool && !state.compared) return { do: 'compare' };
  return record({ type: 'release-rolled-back', data: { restored: rollback.restored, untouched: rollback.untouched } });
}

/** Aborting a rollback, or its deadline, leaves hosts behind: each is named with what to do. `reason` null: nobody aborted it. */
function notReached(rollback: RollbackProgress, reason: string | null): readonly FailedTarget[] {
  const from = rollback.stage === 'ready' ? rollback.index : rollback.index + 1;
  const next = 'Send `retry` to this release to finish the rollback.';
  return rollback.batches.slice(from).flat().map((host) => ({
    host,
    step: 'fence',
    failure:
      reason === null
        ? pastDeadline(host, rollback.expiredSeconds ?? 0)
        : { class: 'refused', code: 'rollback-aborted', message: `The rollback was aborted before ${host} was reached: ${reason}`, next },
  }));
}

/** The deadline of a rollback was reached: it begins no further host. */
export function isExpired(situation: Situation): boolean {
  return situation.status === 'rolling-back' && situation.rollback.expiredSeconds !== undefined;
}

/** Of a host of the batch at hand that was not begun any more, because the rollback was aborted or had reached its deadline. */
export function notBegun(situation: Situation, host: string): Failure {
  const limitSeconds = situation.status === 'rolling-back' ? situation.rollback.expiredSeconds : undefined;
  if (limitSeconds !== undefined) return pastDeadline(host, limitSeconds);
  return { class: 'refused', code: 'rollback-aborted', message: `The rollback was aborted before ${host} was reached.`, next: 'Send `retry` to finish the rollback.' };
}

/** Such a host still runs what was being taken back. */
function pastDeadline(host: string, limitSeconds: number): Failure {
  return {
    class: 'refused',
    code: 'rollback-deadline',
    message: `The rollback reached its deadline of ${limitSeconds} s before ${host} was begun; ${host} is as the release left it.`,
    next: 'Find out what took so long, then send `retry` to this release to finish the rollback.',
  };
}

function record(event: CoreEvent): NextStep {
  return { do: 'record', events: [event] };
}
