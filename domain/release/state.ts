/**
 * A release as its decisions see it: the fold of its core events. Small on purpose, for the workflow carries it over
 * continue-as-new; what is known of each target lives in target.ts.
 *
 * queued → preparing → pre-release → releasing → post-release → succeeded, with failed (before any traffic moved), aborted,
 * rejected, and rolling-back → rolled-back | rollback-incomplete | aborted beside it. Paused is a field, not a status.
 */
import type { Plan } from '../plan/plan.ts';
import type { RollbackMode } from '../inventory.ts';
import type { FailedTarget, Failure, Step } from '../vocabulary.ts';
import type { AuditMismatch, Choice, CoreEventData, Debt, Part, PauseCause, PoolComparison, Resumed } from './events.ts';
import type { Streak } from './streak.ts';

export interface ReleaseState {
  readonly request: CoreEventData['release-requested'];
  readonly createdAt: string;
  readonly paused: Paused | null;
  /** set by `abort`: nothing new starts */
  readonly aborting: Aborting | null;
  /** the fencing number under which this release acts; null before the pool is acquired */
  readonly epoch: number | null;
  readonly situation: Situation;
  /** how the pool had changed when it was compared at the end; absent or null: not compared yet */
  readonly compared?: PoolComparison | null;
  /** core events folded so far: decisions take their ids from it */
  readonly decisions: number;
  /** how often it was started again from its log; absent: never */
  readonly adoptions?: number;
  /** absent before the pool is acquired, and in what builds without deadlines have carried or stored until the next event */
  readonly clock?: WorkClock;
}

/**
 * How long the release has worked on the way at hand, forward or back: the times in which a step was due, without pauses and planned
 * waits. Folded from the moments of events, so it is the same for everybody.
 */
export interface WorkClock {
  /** when this count began: with the pool, with the rollback, or anew after its deadline was reached */
  readonly from: string;
  /** counted up to `since`; all of it while the clock stands */
  readonly workedMs: number;
  /** null while the clock stands */
  readonly since: string | null;
  /** part of the count in which something of ours was away, as far as anybody has looked */
  readonly awayMs: number;
  /** the batch in work on the way forward: since when without a pause, and the part of that in which something of ours was away */
  readonly batch: { readonly from: string; readonly awayMs: number } | null;
}

/** `since`: ISO 8601 UTC; absent in what older builds have stored. */
export interface Aborting {
  readonly reason: string;
  readonly since?: string;
}

export interface Paused {
  readonly cause: PauseCause;
  readonly by: string;
  readonly reason: string;
  readonly since: string;
  readonly deadline: string | null;
  readonly then: 'stay' | 'rollback' | 'abort';
  /** no target is in work any more */
  readonly quiet: boolean;
}

export type Situation =
  | Queued
  | Preparing
  | Rolling
  | PostRelease
  | RollingBack
  | Ended;

export interface Queued {
  readonly status: 'queued';
  readonly behind: string | null;
}

export interface Preparing {
  readonly status: 'preparing';
  readonly inService: readonly string[] | null;
  readonly plan: Plan | null;
  readonly staged: boolean;
  readonly failed: readonly FailedTarget[];
}

/** Pre-release and release: one batch after the other. */
export interface Rolling {
  readonly status: 'pre-release' | 'releasing';
  readonly plan: Plan;
  readonly progress: Progress;
}

export interface PostRelease {
  readonly status: 'post-release';
  readonly plan: Plan;
  readonly progress: Progress;
  readonly mismatches: readonly AuditMismatch[] | null;
}

export interface RollingBack {
  readonly status: 'rolling-back';
  readonly plan: Plan | null;
  readonly progress: Progress | null;
  readonly rollback: RollbackProgress;
}

export interface Ended {
  readonly status: 'succeeded' | 'rolled-back' | 'rollback-incomplete' | 'failed' | 'aborted' | 'rejected';
  readonly finishedAt: string;
  readonly plan: Plan | null;
  readonly progress: Progress | null;
  readonly rollback: RollbackProgress | null;
  readonly failure: Failure | null;
  readonly debt: readonly Debt[];
  readonly unrestored: readonly FailedTarget[];
}

/** Members marked optional came later; a state without them stands as if they were empty. */
export interface Progress {
  /** batch at hand */
  readonly batch: number;
  readonly part: Part;
  readonly stage: 'ready' | 'rolling' | 'settled' | 'baking' | 'baked' | 'resting' | 'rested';
  readonly round: number;
  /** hosts to run when the stage is `ready` or `rolling` */
  readonly hosts: readonly string[];
  /** hosts any step was begun on, in the order of their batches */
  readonly begun: readonly string[];
  /** failed targets nobody has retried or skipped yet */
  readonly failed: readonly FailedTarget[];
  /** the brake already spoke about these failures */
  readonly braked: boolean;
  readonly excluded: readonly string[];
  readonly debt: readonly Debt[];
  /** the clock of the bake, or of the rest, at hand */
  readonly bake: Bake | null;
  readonly promoted: boolean;
  /** somebody answered for the bastion */
  readonly signedOff?: boolean;
  /** what was answered so far for targets in `failed` */
  readonly answers?: Readonly<Record<string, Choice>>;
  /** hosts that go on after the step that failed: it is taken as done */
  readonly ignored?: Readonly<Record<string, Step>>;
  /** hosts whose admit is run again although a check had failed after it */
  readonly readmitted?: readonly string[];
  /** hosts that go on at the hook that stopped them, until they have run */
  readonly resumed?: Readonly<Record<string, Resumed>>;
  /** hosts that were cut off by an adoption: the round of the opIds of their hooks that may not run twice. Until they are retried as a whole */
  readonly hookRounds?: Readonly<Record<string, number>>;
  readonly streak?: Streak;
  /** since an operator jumped: indices of the batches still to come, in their order; absent: they follow as planned */
  readonly later?: readonly number[];
  /** when the stage was entered */
  readonly since: string;
}

export interface Bake {
  readonly index: number;
  readonly since: string;
  readonly seconds: number;
  /** time spent paused does not count: remaining seconds when the pause began, null while the clock runs */
  readonly remainingMs: number | null;
}

export interface RollbackProgress {
  readonly mode: RollbackMode;
  readonly cause: CoreEventData['rollback-started']['cause'];
  readonly by: string;
  readonly reason: string;
  readonly since: string;
  readonly batches: readonly (readonly string[])[];
  readonly index: number;
  readonly stage: 'ready' | 'rolling' | 'settled' | 'baking';
  readonly restored: number;
  readonly untouched: number;
  readonly unrestored: readonly FailedTarget[];
  readonly bake: Bake | null;
  readonly then: 'rolled-back' | 'aborted';
  /** seconds of its deadline, once that was reached: no further host is begun */
  readonly expiredSeconds?: number;
}
