/** Folds core events into the state of a release. Total over the events: an event nobody knows does not compile. */
import type { Plan } from '../plan/plan.ts';
import type { Failure } from '../vocabulary.ts';
import { afterBatchFinished, afterBatchStarted, afterCutOff, afterRetry, afterSkip, bakeStarted, freezeBake, startProgress, thawBake } from './progress.ts';
import { afterJump } from './batch-order.ts';
import { clockAfter } from './work-clock.ts';
import type { CoreEvent, Debt, Stored } from './events.ts';
import type { Ended, Preparing, Progress, ReleaseState, RollbackProgress, RollingBack, Situation } from './state.ts';
import type { FailedTarget } from '../vocabulary.ts';

/** The first event of every release stream. */
export function initialRelease(event: Stored<Extract<CoreEvent, { type: 'release-requested' }>>): ReleaseState {
  return {
    request: event.data,
    createdAt: event.at,
    paused: null,
    aborting: null,
    epoch: null,
    situation: { status: 'queued', behind: null },
    decisions: 1,
  };
}

export function evolve(state: ReleaseState, event: Stored<CoreEvent>): ReleaseState {
  const folded = { ...fold(state, event), decisions: state.decisions + 1 };
  const clock = clockAfter(folded, event);
  return clock === undefined ? folded : { ...folded, clock };
}

function fold(state: ReleaseState, event: Stored<CoreEvent>): ReleaseState {
  const { situation } = state;
  switch (event.type) {
    case 'release-requested':
    case 'inventory-captured':
    case 'rollback-planned':
    case 'deadline-extended':
      return state;
    case 'release-queued':
      return { ...state, situation: { status: 'queued', behind: event.data.behind } };
    case 'pool-acquired':
      return { ...state, epoch: event.data.epoch, situation: PREPARING };
    case 'targets-observed':
      return prepared(state, { inService: event.data.inService, failed: event.data.failed });
    case 'plan-made':
      return prepared(state, { plan: event.data.plan });
    case 'targets-staged':
      return prepared(state, { staged: event.data.failed.length === 0, failed: event.data.failed });
    case 'phase-entered':
      return { ...state, situation: enterPhase(situation, event.data.phase, event.at) };
    case 'audit-finished':
      return situation.status === 'post-release' ? { ...state, situation: { ...situation, mismatches: event.data.mismatches } } : state;
    case 'pool-compared':
      return { ...state, compared: event.data };
    case 'batch-started':
    case 'batch-finished':
    case 'batch-cut-off':
    case 'bake-started':
    case 'bake-finished':
    case 'rest-started':
    case 'rest-finished':
    case 'batch-promoted':
    case 'bastion-signed-off':
    case 'bastion-rejected':
    case 'brake-applied':
    case 'failures-answered':
      return { ...state, situation: onTheWay(situation, event) };
    case 'targets-retried':
      return { ...onProgress(state, (progress) => afterRetry(progress, event.data)), epoch: event.data.epoch, paused: null };
    case 'batch-jumped':
      return onProgress(state, (progress, plan) => afterJump(plan, progress, event.data.index));
    case 'targets-skipped':
      return onProgress(state, (progress) => afterSkip(progress, event.data));
    case 'paused':
    case 'quiet-reached':
    case 'resumed':
    case 'pause-expired':
      return foldPause(state, event);
    case 'abort-started':
      return { ...state, aborting: { reason: event.data.reason, since: event.at }, paused: null };
    case 'rollback-started':
    case 'rollback-escalated':
    case 'rollback-batch-started':
    case 'rollback-batch-finished':
      return foldRollback(state, event);
    case 'release-adopted':
      return { ...state, adoptions: (state.adoptions ?? 0) + 1, ...(event.data.epoch === null ? {} : { epoch: event.data.epoch }) };
    case 'deadline-reached':
      return event.data.which === 'rollback' ? rollbackExpired(state, event.data.limitSeconds) : state;
    case 'release-rejected':
    case 'release-succeeded':
    case 'release-failed':
    case 'release-rolled-back':
    case 'rollback-ended-incomplete':
    case 'release-aborted':
      return { ...state, paused: null, situation: end(situation, event) };
    default:
      return unknownEvent(event);
  }
}

const PREPARING: Preparing = { status: 'preparing', inService: null, plan: null, staged: false, failed: [] };

function prepared(state: ReleaseState, change: Partial<Preparing>): ReleaseState {
  return state.situation.status === 'preparing' ? { ...state, situation: { ...state.situation, ...change } } : state;
}

function enterPhase(situation: Situation, phase: string, at: string): Situation {
  const plan = planOf(situation);
  if (plan === null) return situation;
  const progress = progressOf(situation);
  if (phase === 'pre-release') return { status: 'pre-release', plan, progress: startProgress(plan, at) };
  if (phase === 'release' && progress) return { status: 'releasing', plan, progress };
  if (phase === 'post-release' && progress) return { status: 'post-release', plan, progress: { ...progress, stage: 'ready', hosts: [], bake: null, promoted: false, since: at }, mismatches: null };
  return situation;
}

type BatchEvent = Extract<
  Stored<CoreEvent>,
  { type: 'batch-started' | 'batch-finished' | 'batch-cut-off' | 'bake-started' | 'bake-finished' | 'rest-started' | 'rest-finished' | 'batch-promoted' | 'bastion-signed-off' | 'bastion-rejected' | 'brake-applied' | 'failures-answered' }
>;

function onTheWay(situation: Situation, event: BatchEvent): Situation {
  if (situation.status === 'rolling-back') return { ...situation, rollback: rollbackBake(situation.rollback, event) };
  if (situation.status !== 'pre-release' && situation.status !== 'releasing' && situation.status !== 'post-release') return situation;
  return { ...situation, progress: { ...advance(situation.progress, event), since: event.at } };
}

function advance(progress: Progress, event: BatchEvent): Progress {
  switch (event.type) {
    case 'batch-started':
      return afterBatchStarted(progress, event.data);
    case 'batch-finished':
      return afterBatchFinished(progress, event.data);
    case 'batch-cut-off':
      return afterCutOff(progress, event.data);
    case 'bake-started':
      return { ...progress, stage: 'baking', bake: bakeStarted(event.data, event.at) };
    case 'bake-finished':
      return { ...progress, stage: 'baked', bake: null };
    case 'rest-started':
      return { ...progress, stage: 'resting', bake: bakeStarted(event.data, event.at) };
    case 'rest-finished':
      return { ...progress, stage: 'rested', bake: null };
    case 'bastion-signed-off':
      return { ...progress, signedOff: true };
    case 'bastion-rejected':
      return progress;
    case 'failures-answered':
      return { ...progress, answers: { ...progress.answers, ...event.data.choices } };
    case 'batch-promoted':
      return { ...progress, promoted: true };
    case 'brake-applied':
      return { ...progress, braked: true };
    default:
      return unknownEvent(event);
  }
}

function rollbackBake(rollback: RollbackProgress, event: BatchEvent): RollbackProgress {
  if (event.type === 'bake-started') return { ...rollback, stage: 'baking', bake: bakeStarted(event.data, event.at) };
  if (event.type === 'bake-finished') return { ...rollback, stage: 'ready', index: rollback.index + 1, bake: null };
  return rollback;
}

type PauseEvent = Extract<Stored<CoreEvent>, { type: 'paused' | 'quiet-reached' | 'resumed' | 'pause-expired' }>;

function foldPause(state: ReleaseState, event: PauseEvent): ReleaseState {
  switch (event.type) {
    case 'paused':
      return {
        ...withBake(state, (bake) => freezeBake(bake, event.at)),
        paused: { ...event.data, by: event.actor.name, since: event.at, quiet: false },
      };
    case 'quiet-reached':
      return state.paused ? { ...state, paused: { ...state.paused, quiet: true } } : state;
    case 'resumed':
      return { ...auditAgain(withBake(state, (bake) => thawBake(bake, event.at))), paused: null };
    case 'pause-expired':
      return state.paused ? { ...state, paused: { ...state.paused, deadline: null } } : state;
    default:
      return unknownEvent(event);
  }
}

/** Resuming after a failed audit asks for another one, and looks at the pool again: a host that is gone may have been taken out of it. */
function auditAgain(state: ReleaseState): ReleaseState {
  const { situation } = state;
  return situation.status === 'post-release' && situation.mismatches?.length ? { ...notCompared(state), situation: { ...situation, mismatches: null } } : state;
}

/** States of plans that never compare stay as they are. */
function notCompared(state: ReleaseState): ReleaseState {
  return state.compared ? { ...state, compared: null } : state;
}

function withBake(state: ReleaseState, change: (bake: Progress['bake']) => Progress['bake']): ReleaseState {
  const { situation } = state;
  if (situation.status === 'rolling-back') return { ...state, situation: { ...situation, rollback: { ...situation.rollback, bake: change(situation.rollback.bake) } } };
  return onProgress(state, (progress) => ({ ...progress, bake: change(progress.bake) }));
}

function onProgress(state: ReleaseState, change: (progress: Progress, plan: Plan) => Progress): ReleaseState {
  const { situation } = state;
  if (situation.status !== 'pre-release' && situation.status !== 'releasing' && situation.status !== 'post-release') return state;
  return { ...state, situation: { ...situation, progress: change(situation.progress, situation.plan) } };
}

type RollbackEvent = Extract<Stored<CoreEvent>, { type: 'rollback-started' | 'rollback-escalated' | 'rollback-batch-started' | 'rollback-batch-finished' }>;

function foldRollback(state: ReleaseState, event: RollbackEvent): ReleaseState {
  const { situation } = state;
  if (event.type === 'rollback-started') {
    const { batches, mode, cause, reason, then, epoch } = event.data;
    const rollback: RollbackProgress = {
      mode, cause, reason, then, batches, by: event.actor.name, since: event.at,
      index: 0, stage: 'ready', restored: 0, untouched: 0, unrestored: [], bake: null,
    };
    return { ...notCompared(state), paused: null, aborting: null, epoch, situation: { status: 'rolling-back', plan: planOf(situation), progress: progressOf(situation), rollback } };
  }
  if (situation.status !== 'rolling-back') return state;
  return { ...state, situation: { ...situation, rollback: rollbackProgress(situation, event) } };
}

function rollbackProgress(situation: RollingBack, event: Exclude<RollbackEvent, { type: 'rollback-started' }>): RollbackProgress {
  const { rollback } = situation;
  switch (event.type) {
    case 'rollback-escalated':
      return { ...withoutDeadline(rollback), mode: 'emergency', reason: event.data.reason, batches: event.data.batches, index: 0, stage: 'ready', bake: null };
    case 'rollback-batch-started':
      return { ...rollback, index: event.data.index, stage: 'rolling' };
    case 'rollback-batch-finished':
      return {
        ...rollback,
        stage: 'settled',
        restored: rollback.restored + event.data.restored,
        untouched: rollback.untouched + event.data.untouched,
        unrestored: [...rollback.unrestored, ...event.data.failed],
      };
    default:
      return unknownEvent(event);
  }
}

function rollbackExpired(state: ReleaseState, expiredSeconds: number): ReleaseState {
  const { situation } = state;
  return situation.status === 'rolling-back' ? { ...state, situation: { ...situation, rollback: { ...situation.rollback, expiredSeconds } } } : state;
}

/** Who escalates wants it to go on: the emergency gets the whole time again. */
function withoutDeadline({ expiredSeconds: _reached, ...rollback }: RollbackProgress): RollbackProgress {
  return rollback;
}

type EndEvent = Extract<Stored<CoreEvent>, { type: 'release-rejected' | 'release-succeeded' | 'release-failed' | 'release-rolled-back' | 'rollback-ended-incomplete' | 'release-aborted' }>;

function end(situation: Situation, event: EndEvent): Ended {
  const ended = {
    finishedAt: event.at,
    plan: planOf(situation),
    progress: progressOf(situation),
    rollback: situation.status === 'rolling-back' ? situation.rollback : null,
    failure: null as Failure | null,
    debt: [] as readonly Debt[],
    unrestored: [] as readonly FailedTarget[],
  };
  switch (event.type) {
    case 'release-rejected':
      return { ...ended, status: 'rejected', failure: { class: 'refused', code: event.data.code, message: event.data.reason, next: 'Start it again when the pool is free, or with busy: queue.' } };
    case 'release-succeeded':
      return { ...ended, status: 'succeeded', debt: event.data.debt };
    case 'release-failed':
      return { ...ended, status: 'failed', failure: event.data.failure };
    case 'release-rolled-back':
      return { ...ended, status: 'rolled-back' };
    case 'rollback-ended-incomplete':
      return { ...ended, status: 'rollback-incomplete', unrestored: event.data.unrestored };
    case 'release-aborted':
      return { ...ended, status: 'aborted' };
    default:
      return unknownEvent(event);
  }
}

/** The plan, once there is one. */
export function planOf(situation: Situation): Plan | null {
  return 'plan' in situation ? situation.plan : null;
}

/** How far the way forward came, once it began. */
export function progressOf(situation: Situation): Progress | null {
  return 'progress' in situation ? situation.progress : null;
}

function unknownEvent(event: never): never {
  throw new Error(`evolve does not know the event ${JSON.stringify(event)}`);
}
