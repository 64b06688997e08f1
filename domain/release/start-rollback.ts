/** Turns what was begun into the event that starts a rollback. */
import { rollbackBatches } from '../rollback.ts';
import { planOf, progressOf } from './evolve.ts';
import type { RollbackMode } from '../inventory.ts';
import type { CoreEvent, CoreEventData } from './events.ts';
import type { Progress, ReleaseState } from './state.ts';

export interface RollbackCause {
  readonly cause: CoreEventData['rollback-started']['cause'];
  readonly reason: string;
  readonly mode: RollbackMode;
  /** targets whose lane is running right now; they count as begun and out of service */
  readonly inWork: readonly string[];
  /** hosts begun in a batch that has not finished yet */
  readonly begunNow?: readonly string[];
  readonly then?: 'rolled-back' | 'aborted';
  /** restore only these (abort); default: everything that was begun */
  readonly only?: readonly string[];
}

/**
 * Nothing begun means nothing to restore: the release simply ends. One that was to take another back, and does not know its hosts yet, has
 * taken nothing back and says so: `rolled-back` would mean of it that it has.
 */
export function startRollback(state: ReleaseState, cause: RollbackCause): CoreEvent {
  const then = cause.then ?? 'rolled-back';
  const batches = batchesBack(state, cause);
  if (batches.length === 0 || state.epoch === null) {
    const wasToTakeBack = state.request.kind === 'rollback' && planOf(state.situation) === null;
    return then === 'aborted' || wasToTakeBack
      ? { type: 'release-aborted', data: { reason: cause.reason } }
      : { type: 'release-rolled-back', data: { restored: 0, untouched: 0 } };
  }
  return { type: 'rollback-started', data: { mode: cause.mode, cause: cause.cause, reason: cause.reason, batches, then, epoch: 0 } };
}

/** The hosts that such an event brings back; empty for every other one. */
export function hostsBack(event: CoreEvent): readonly string[] {
  return event.type === 'rollback-started' ? event.data.batches.flat() : [];
}

/** The order and width in which hosts go back: those out of service first, then the newest. */
export function batchesBack(state: ReleaseState, cause: Pick<RollbackCause, 'mode' | 'inWork' | 'begunNow' | 'only'>): readonly (readonly string[])[] {
  const plan = planOf(state.situation);
  if (plan === null) return [];
  const progress = progressOf(state.situation);
  const begun = cause.only ?? union(plan.restore ?? [], progress?.begun ?? [], cause.begunNow ?? [], cause.inWork);
  const out = union(cause.inWork, progress === null ? [] : outAtWork(progress, plan.batches[0]?.hosts ?? [], cause.begunNow ?? []));
  return rollbackBatches({
    begun,
    outOfService: [...out.filter((host) => begun.includes(host)), ...unrestoredOf(state)],
    hostsTotal: plan.capacity.hosts,
    floor: plan.capacity.floor,
    mode: cause.mode,
    batchPercent: plan.rollback.batchPercent,
    ...(plan.members === undefined ? {} : { members: plan.members }),
  });
}

/** Hosts that this rollback could not bring back: an emergency that follows does not try them again, and nobody is served by them. */
function unrestoredOf({ situation }: ReleaseState): readonly string[] {
  return situation.status === 'rolling-back' ? situation.rollback.unrestored.map(({ host }) => host) : [];
}

/** A host of the batch at hand whose lane has left it is not waited for any more. */
function outAtWork(progress: Progress, bastion: readonly string[], begunNow: readonly string[]): readonly string[] {
  const out = outOfService(progress, bastion);
  return progress.part === 'install' ? out : out.filter((host) => !begunNow.includes(host));
}

/** Hosts this release took out and did not bring back: failed and skipped ones, those that are to be run again, and a bastion that has not joined yet. */
export function outOfService(progress: Progress, bastion: readonly string[]): readonly string[] {
  const begun = new Set(progress.begun);
  const left = [...progress.failed.map(({ host }) => host), ...[...progress.excluded, ...progress.hosts].filter((host) => begun.has(host))];
  return union(left, notJoined(progress, bastion));
}

/** Bastion hosts that were installed and are still kept out of traffic. */
export function notJoined(progress: Progress, bastion: readonly string[]): readonly string[] {
  const waiting = progress.part === 'install' || (progress.part === 'join' && progress.stage === 'rolling');
  return waiting ? bastion.filter((host) => progress.begun.includes(host)) : [];
}

function union(...lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())];
}
