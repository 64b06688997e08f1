/**
 * When the clock of a release runs, and how events move it. It runs while a step is due: preparing, a batch or a restore in work,
 * auditing. It stands while the release is queued, paused, baking, or waits for a person: planned waits count against no deadline.
 */
import { awaitsPromotion } from './promotion.ts';
import { isSignOffOpen } from './sign-off.ts';
import type { CoreEvent, Stored } from './events.ts';
import type { ReleaseState, Rolling, WorkClock } from './state.ts';

/** The clock after `event`, given the state that the event led to, in which the clock is still the one before it. */
export function clockAfter(state: ReleaseState, event: Stored<CoreEvent>): WorkClock | undefined {
  const { at } = event;
  const isRunning = isWorking(state);
  if (state.clock === undefined && !isRunning) return undefined;
  const before = state.clock === undefined || beginsAnew(event) ? newClock(at) : extended(state.clock, event);
  const clock = isRunning ? running(before, at) : standing(before, at);
  return { ...clock, batch: isBatchInWork(state) ? (before.batch ?? { from: at, awayMs: 0 }) : null };
}

/** Working time of the count at hand until `nowMs`, outages of ours included, in ms. */
export function workedMs({ clock }: ReleaseState, nowMs: number): number {
  if (clock === undefined) return 0;
  return clock.workedMs + (clock.since === null ? 0 : Math.max(0, nowMs - Date.parse(clock.since)));
}

/** A step is due, so time that passes is time that work takes. */
export function isWorking(state: ReleaseState): boolean {
  const { paused, situation } = state;
  if (paused !== null) return false;
  switch (situation.status) {
    case 'preparing':
      return true;
    case 'pre-release':
    case 'releasing':
      return isRolling(state, situation) && !isSignOffOpen(state, situation);
    case 'post-release':
      return situation.progress.stage !== 'baking';
    case 'rolling-back':
      return situation.rollback.stage !== 'baking';
    default:
      return false;
  }
}

/** Every stage that is not named here is a wait, also one that is not known yet. */
function isRolling({ request }: ReleaseState, rolling: Rolling): boolean {
  const { stage } = rolling.progress;
  return stage === 'ready' || stage === 'rolling' || (stage === 'settled' && !awaitsPromotion(request.strategy, rolling));
}

function isBatchInWork({ paused, situation }: ReleaseState): boolean {
  return paused === null && (situation.status === 'pre-release' || situation.status === 'releasing') && situation.progress.stage === 'rolling';
}

/** The way back has a count of its own. A deadline that was reached has had its say, and nobody worked while the workflow was gone: what goes on after it gets the whole time again. */
function beginsAnew(event: CoreEvent): boolean {
  if (event.type === 'deadline-reached') return event.data.which !== 'progress';
  return event.type === 'rollback-started' || event.type === 'rollback-escalated' || event.type === 'release-adopted';
}

function newClock(at: string): WorkClock {
  return { from: at, workedMs: 0, since: null, awayMs: 0, batch: null };
}

function extended(clock: WorkClock, event: CoreEvent): WorkClock {
  if (event.type !== 'deadline-extended') return clock;
  const { which, ms } = event.data;
  if (which !== 'progress') return { ...clock, awayMs: clock.awayMs + ms };
  return clock.batch === null ? clock : { ...clock, batch: { ...clock.batch, awayMs: clock.batch.awayMs + ms } };
}

function running(clock: WorkClock, at: string): WorkClock {
  return clock.since === null ? { ...clock, since: at } : clock;
}

/** Clocks of different machines may differ a little: time never runs backwards here. */
function standing(clock: WorkClock, at: string): WorkClock {
  if (clock.since === null) return clock;
  return { ...clock, workedMs: clock.workedMs + Math.max(0, Date.parse(at) - Date.parse(clock.since)), since: null };
}
