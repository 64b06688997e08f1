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

/** Nothing begun means nothing to restore: the release simply ends. */
export function startRollback(state: ReleaseState, cause: RollbackCause): CoreEvent {
  const then = cause.then ?? 'rolled-back';
  const batches = batchesBack(state, cause);
  if (batches.length === 0 || state.epoch === null) {
    return then === 'aborted'
      ? { type: 'release-aborted', data: { reason: cause.reason } }
      : { type: 'release-rolled-back', data: { restored: 0, untouched: 0 } };
  }
  return { type: 'rollback-started', data: { mode: cause.mode, cause: cause.cause, reason: cause.reason, batches, then, epoch: 0 } };
}

/** The order and width in which hosts go back: those out of service first, then the newest. */
export function batchesBack(state: ReleaseState, cause: Pick<RollbackCause, 'mode' | 'inWork' | 'begunNow' | 'only'>): readonly (readonly string[])[] {
  const plan = planOf(state.situation);
  if (plan === null) return [];
  const progress = progressOf(state.situation);
  const begun = cause.only ?? union(plan.restore ?? [], progress?.begun ?? [], cause.begunNow ?? [], cause.inWork);
  return rollbackBatches({
    begun,
    outOfService: union(cause.inWork, progress === null ? [] : outOfService(progress, plan.batches[0]?.hosts ?? [])).filter((host) => begun.includes(host)),
    hostsTotal: plan.capacity.hosts,
    floor: plan.capacity.floor,
    mode: cause.mode,
    batchPercent: plan.rollback.batchPercent,
    ...(plan.members === undefined ? {} : { members: plan.members }),
  });
}

/** Hosts this release took out and did not bring back: failed and skipped ones, and a bastion that has not joined yet. */
export function outOfService(progress: Progress, bastion: readonly string[]): readonly string[] {
  const begun = new Set(progress.begun);
  const left = [...progress.failed.map(({ host }) => host), ...progress.excluded.filter((host) => begun.has(host))];
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
