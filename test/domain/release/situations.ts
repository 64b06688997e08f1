/** A release in any situation, put together by hand for tests of single decisions: four hosts, one bastion, batches of two. */
import { STRATEGY } from './simulated-release.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { CoreEvent, CoreEventData, Stored } from '../../../domain/release/events.ts';
import type { Ended, Paused, PostRelease, Preparing, Progress, ReleaseState, Rolling, RollbackProgress, RollingBack } from '../../../domain/release/state.ts';
import type { FailedTarget, Failure } from '../../../domain/vocabulary.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';

export const AT = '2026-01-01T00:00:00.000Z';
export const LATER = '2026-01-01T00:01:00.000Z';
export const HOSTS = ['a', 'b', 'c', 'd'] as const;

export const PLAN: Plan = {
  batches: [
    { index: 0, kind: 'bastion', hosts: ['a'], lanes: 1, bakeSeconds: 10, manual: false },
    { index: 1, kind: 'batch', hosts: ['b', 'c'], lanes: 2, bakeSeconds: 2, manual: false },
    { index: 2, kind: 'batch', hosts: ['d'], lanes: 1, bakeSeconds: 0, manual: false },
  ],
  capacity: { hosts: 4, inService: 4, floor: 2, outageAllowed: false },
  changes: [{ application: 'web', version: '2', sha256: 'f'.repeat(64) }],
  rollback: { batchPercent: 25 },
  warnings: ['Nobody watches this one.'],
};

export const REQUEST: CoreEventData['release-requested'] = {
  id: 'r-1', kind: 'rollout', pool: 'web-prod', environment: 'prod', applications: ['web'], changes: [{ application: 'web', version: '2' }],
  strategy: STRATEGY, hosts: HOSTS.map((name, index) => ({ name, zone: `z${index % 2}` })), requestedBy: 'ci', reason: 'weekly', busy: 'queue',
  allowOutage: false, adopt: false, rollbackOf: null, restoreFrom: null, mode: null,
};

export function release(situation: ReleaseState['situation'], more: Partial<ReleaseState> & { readonly strategy?: Partial<StrategySpec>; readonly request?: CoreEventData['release-requested'] } = {}): ReleaseState {
  const { strategy, request = REQUEST, ...rest } = more;
  return { request: { ...request, strategy: { ...STRATEGY, ...strategy } }, createdAt: AT, paused: null, aborting: null, epoch: 7, situation, decisions: 9, ...rest };
}

export function progress(more: Partial<Progress> = {}): Progress {
  return { batch: 1, part: 'whole', stage: 'settled', round: 0, hosts: [], begun: ['a'], failed: [], braked: false, excluded: [], debt: [], bake: null, promoted: false, since: AT, ...more };
}

export function preparing(more: Partial<Preparing> = {}): Preparing {
  return { status: 'preparing', inService: null, plan: null, staged: false, failed: [], ...more };
}

export function rolling(more: Partial<Progress> = {}, plan: Plan = PLAN, status: Rolling['status'] = 'releasing'): Rolling {
  return { status, plan, progress: progress(more) };
}

export function postRelease(more: Partial<Progress> = {}, mismatches: PostRelease['mismatches'] = null): PostRelease {
  return { status: 'post-release', plan: PLAN, progress: progress({ batch: 2, stage: 'ready', begun: [...HOSTS], ...more }), mismatches };
}

export function rollback(more: Partial<RollbackProgress> = {}): RollbackProgress {
  return { mode: 'regular', cause: 'operator', by: 'op', reason: 'it smells', since: AT, batches: [['c'], ['b'], ['a']], index: 0, stage: 'ready', restored: 0, untouched: 0, unrestored: [], bake: null, then: 'rolled-back', ...more };
}

export function rollingBack(more: Partial<RollbackProgress> = {}, forward: Progress | null = progress({ begun: ['a', 'b', 'c'] })): RollingBack {
  return { status: 'rolling-back', plan: PLAN, progress: forward, rollback: rollback(more) };
}

export function ended(status: Ended['status'], more: Partial<Ended> = {}): Ended {
  return { status, finishedAt: LATER, plan: PLAN, progress: progress({ begun: [...HOSTS] }), rollback: null, failure: null, debt: [], unrestored: [], ...more };
}

export function paused(more: Partial<Paused> = {}): Paused {
  return { cause: 'operator', by: 'op', reason: 'lunch', since: AT, deadline: null, then: 'stay', quiet: false, ...more };
}

export const SICK: Failure = { class: 'bad-build', code: 'health-timeout', message: 'it answers 500', next: 'Read the log.' };

export function failed(host: string, failure: Failure = SICK): FailedTarget {
  return { host, step: 'verify', failure };
}

/** A core event as the store gives it back, a minute after everything else. */
export function stored<E extends CoreEvent>(event: E): Stored<E> {
  return { ...event, id: `r-1/op/${event.type}`, version: 20, at: LATER, actor: { kind: 'token', name: 'op' } };
}
