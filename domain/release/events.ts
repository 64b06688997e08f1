/**
 * Every fact of a release. Past tense, plain JSON, never changed once stored; a new shape gets a new schema number.
 * Core events are decided by the workflow and folded by `evolve` (evolve.ts). Target events are appended by the activity that did
 * the work and folded by `evolveTarget` (target.ts); events of different targets commute.
 */
import type { Plan } from '../plan/plan.ts';
import type { RollbackPlan } from '../rollback-plan.ts';
import type { Paces } from '../simulation/paces.ts';
import type { Inventory, RollbackMode, StrategySpec } from '../inventory.ts';
import type { Resumption } from '../resumption.ts';
import type { Actor, Direction, FailedTarget, Failure, Phase, ReleaseKind, Step } from '../vocabulary.ts';
import type { Streak } from './streak.ts';
import type { Observation, StepResult } from './target.ts';

/** A change of one application asked for by a release. */
export interface Change {
  readonly application: string;
  readonly version: string;
}

/** Which part of the six steps a batch runs: a bastion is installed first and joins later, every other batch does all. */
export type Part = 'install' | 'join' | 'whole';

/** `ask`: the strategy wants a person's answer for each failed target. */
export type PauseCause = 'operator' | 'brake' | 'ask' | 'dependency' | 'drift' | 'audit' | 'deadline';

/**
 * What a person says of a failed target: run it again, go on with it from the step after the failed one, leave it out, or take the release
 * back. Of a hook with an unknown outcome: it is `done`, and the step goes on after it, or `not-done`, and it is run again.
 */
export type Choice = 'retry' | 'ignore' | 'exclude' | 'fail' | 'done' | 'not-done';

/** Where a target goes on that a hook had stopped. */
export interface Resumed extends Resumption {
  readonly step: Step;
}

/**
 * The deadlines a whole release has, besides those of its steps and targets. `progress`: no target finished for so long while a batch
 * is in work. `release`: working time of the way forward. `rollback`: working time of the way back.
 */
export type DeadlineName = 'progress' | 'release' | 'rollback';

/** A host that ends the release without the new version in service, and why. */
export interface Debt {
  readonly host: string;
  /** `ignored`: a person let it go on although a step had failed, so nobody vouches for it; `left`: taken out of the pool meanwhile */
  readonly cause: 'failed' | 'skipped' | 'ignored' | 'left';
  readonly reason: string;
}

/** The hosts of a release beside those its pool has at the end of it. */
export interface PoolComparison {
  /** hosts of the release that the pool has no more: nobody relies on them, so they are debt and not audited */
  readonly left: readonly string[];
  /** hosts of the pool that the release knew nothing of */
  readonly joined: readonly string[];
  /** the release that brings up those that joined, queued behind this one; null when there is none to make */
  readonly scaleOut: string | null;
  /** why none was made for hosts that joined, with what to do; null when one was, or nobody joined */
  readonly note: string | null;
}

export interface CoreEventData {
  'release-requested': {
    readonly id: string;
    readonly kind: ReleaseKind;
    readonly pool: string;
    readonly environment: string;
    readonly applications: readonly string[];
    readonly changes: readonly Change[];
    readonly strategy: StrategySpec;
    /** every host of the pool with its zone, in declared order */
    readonly hosts: readonly { readonly name: string; readonly zone: string }[];
    readonly requestedBy: string;
    readonly reason: string | null;
    readonly busy: 'reject' | 'queue' | 'supersede';
    readonly allowOutage: boolean;
    /** the cap per batch raised for this release, in percent of the pool; `reason` says why. Absent or null: the usual cap */
    readonly batchCapPercent?: number | null;
    readonly adopt: boolean;
    /** the release this one takes back, and the one whose pre-images are restored (the first of the chain) */
    readonly rollbackOf: string | null;
    readonly restoreFrom: string | null;
    readonly mode: RollbackMode | null;
    /** digest of the plan the request stands on; absent or null: whatever plan fits */
    readonly plan?: string | null;
    /** how long things took in past releases, for estimates; absent: nobody looked */
    readonly paces?: Paces;
    /** only of a scale-out that a release made for hosts that joined its pool meanwhile: that release, and those hosts */
    readonly joined?: { readonly release: string; readonly hosts: readonly string[] };
    /**
     * only of a rollback to something older than the release before: per application the version, or `previous` for what each host
     * ran before what it runs now. `restoreFrom` is then this release itself, and `rollback-planned` says what each host gets
     */
    readonly to?: Readonly<Record<string, string>>;
  };
  'inventory-captured': { readonly inventory: Inventory };
  'release-queued': { readonly behind: string };
  'release-rejected': { readonly code: string; readonly reason: string };
  /** from here on the release owns every host of the pool; the store gives the epoch */
  'pool-acquired': { readonly epoch: number };
  'targets-observed': { readonly inService: readonly string[]; readonly failed: readonly FailedTarget[] };
  'plan-made': { readonly plan: Plan };
  /** the way back of every target, frozen before anything is touched; the workflow does not carry it */
  'rollback-planned': { readonly plan: RollbackPlan };
  'targets-staged': { readonly failed: readonly FailedTarget[] };
  'phase-entered': { readonly phase: Phase };
  'batch-started': { readonly index: number; readonly part: Part; readonly round: number; readonly hosts: readonly string[] };
  /** `untouched`: hosts of the batch that no step was begun on; `streak`: failures one after the other, absent where nobody counted */
  'batch-finished': {
    readonly index: number;
    readonly part: Part;
    readonly round: number;
    readonly succeeded: number;
    readonly failed: readonly FailedTarget[];
    readonly untouched: readonly string[];
    readonly streak?: Streak;
  };
  'bake-started': { readonly index: number; readonly seconds: number };
  'bake-finished': { readonly index: number; readonly cause: 'time' | 'promoted'; readonly reason: string | null };
  /** an operator had another batch come next than the order said; `over`: those that come after it now instead of before */
  'batch-jumped': { readonly index: number; readonly over: readonly number[]; readonly reason: string };
  'batch-promoted': { readonly index: number; readonly reason: string };
  /** the rest between a batch and the next, which proves nothing and only gives people time to look */
  'rest-started': { readonly index: number; readonly seconds: number };
  'rest-finished': { readonly index: number; readonly cause: 'time' | 'promoted'; readonly reason: string | null };
  /** the signer is the event's actor */
  'bastion-signed-off': { readonly reason: string };
  'bastion-rejected': { readonly reason: string };
  'brake-applied': { readonly index: number; readonly hosts: readonly string[]; readonly sentence: string; readonly then: 'rollback' | 'hold' | 'ask' };
  /** answers to failed targets as they come; when each has one, what they say is done */
  'failures-answered': { readonly choices: Readonly<Record<string, Choice>>; readonly reason: string };
  'paused': {
    readonly cause: PauseCause;
    readonly reason: string;
    readonly deadline: string | null;
    readonly then: 'stay' | 'rollback' | 'abort';
  };
  'quiet-reached': Record<string, never>;
  'resumed': { readonly reason: string };
  'pause-expired': { readonly then: 'stay' | 'rollback' | 'abort' };
  /**
   * `epoch` is given by the store when the event is appended; decisions leave it 0. `ignored`: of these hosts, the failed step that is
   * taken as done; only the steps after it are run. `readmitted`: of these only admit is run again, for nothing but a check asked after
   * it had failed, and that check now decides nothing. `resumed`: these go on at the hook that stopped them.
   */
  'targets-retried': {
    readonly hosts: readonly string[];
    readonly round: number;
    readonly reason: string;
    readonly epoch: number;
    readonly ignored?: Readonly<Record<string, Step>>;
    readonly readmitted?: readonly string[];
    readonly resumed?: Readonly<Record<string, Resumed>>;
  };
  'targets-skipped': { readonly hosts: readonly string[]; readonly reason: string };
  'abort-started': { readonly reason: string };
  /** `batches` are the hosts to restore, in order; `epoch` (given by the store) voids every older command on them */
  'rollback-started': {
    readonly mode: RollbackMode;
    readonly cause: 'bastion' | 'tolerance' | 'operator' | 'abort' | 'pause-deadline' | 'release' | 'rejected' | 'answer';
    readonly reason: string;
    readonly batches: readonly (readonly string[])[];
    readonly then: 'rolled-back' | 'aborted';
    readonly epoch: number;
  };
  'rollback-escalated': { readonly batches: readonly (readonly string[])[]; readonly reason: string };
  'rollback-batch-started': { readonly index: number; readonly hosts: readonly string[] };
  'rollback-batch-finished': { readonly index: number; readonly restored: number; readonly untouched: number; readonly failed: readonly FailedTarget[] };
  /** something of ours was away for `ms` of the time that the deadline had counted: it comes so much later */
  'deadline-extended': { readonly which: DeadlineName; readonly ms: number; readonly reason: string };
  /** `hosts`: those in work at that moment. Progress and release pause, a rollback begins no further host; the count of the deadline begins anew */
  'deadline-reached': { readonly which: DeadlineName; readonly limitSeconds: number; readonly hosts: readonly string[]; readonly reason: string };
  /**
   * the release goes on from its log alone, in a new workflow. `epoch`: given by the store where hosts may be in work, and voids every
   * command of before; null where nothing in work can harm
   */
  'release-adopted': { readonly reason: string; readonly epoch: number | null };
  /** where the batch at hand stood when its workflow was lost, by what its targets recorded. `again`: begun and not finished, so they run once more */
  'batch-cut-off': {
    readonly index: number;
    readonly part: Part;
    readonly round: number;
    readonly succeeded: number;
    readonly failed: readonly FailedTarget[];
    readonly untouched: readonly string[];
    readonly again: readonly string[];
  };
  'audit-finished': { readonly mismatches: readonly AuditMismatch[] };
  'pool-compared': PoolComparison;
  'release-succeeded': { readonly debt: readonly Debt[] };
  'release-failed': { readonly failure: Failure };
  'release-rolled-back': { readonly restored: number; readonly untouched: number };
  'rollback-ended-incomplete': { readonly unrestored: readonly FailedTarget[] };
  'release-aborted': { readonly reason: string };
}

/** A difference between what the log says of a target and what was observed at the end. */
export interface AuditMismatch {
  readonly host: string;
  readonly expected: string;
  readonly observed: string;
}

/** Every target event names its host and carries the epoch under which its activity acted. */
export interface TargetEventData {
  'target-observed': OnTarget & { readonly observation: Observation };
  /** per application the digest of the package and of the run configuration that wait on the host */
  'target-staged': OnTarget & {
    readonly digests: Readonly<Record<string, string>>;
    readonly configs: Readonly<Record<string, string>>;
    readonly durationMs: number;
  };
  /** old releases were removed; per application the digests of those that are left */
  'target-cleaned': OnTarget & { readonly kept: Readonly<Record<string, readonly string[]>> };
  'target-step-begun': OnTarget & StepKey;
  /** something of ours is away; the step is tried again until it is back, and nothing is judged meanwhile */
  'target-step-waiting': OnTarget & Omit<StepKey, 'step'> & { readonly step: Step | 'observe' | 'stage'; readonly dependency: string; readonly message: string };
  'target-step-succeeded': OnTarget & StepKey & { readonly result: StepResult; readonly durationMs: number; readonly repeated: boolean };
  /** the checks after admit failed: from here on the host is taken out of service again, and then the step ends as failed */
  'target-check-failed': OnTarget & { readonly direction: Direction; readonly round: number; readonly failure: Failure };
  'target-step-failed': OnTarget & StepKey & { readonly failure: Failure; readonly durationMs: number };
  'target-preparation-failed': OnTarget & { readonly step: 'observe' | 'stage'; readonly failure: Failure };
  /** the target obeys nobody older; `untouched` when nothing of this release had reached it */
  'target-fenced': OnTarget & { readonly untouched: boolean; readonly observation: Observation };
  'target-fence-failed': OnTarget & { readonly failure: Failure };
}

export interface OnTarget {
  readonly host: string;
  readonly epoch: number;
}

export interface StepKey {
  readonly direction: Direction;
  readonly round: number;
  readonly step: Step;
}

type Tagged<D, K extends keyof D> = { readonly [T in K]: { readonly type: T; readonly data: D[T] } }[K];

export type CoreEvent = Tagged<CoreEventData, keyof CoreEventData>;
export type TargetEvent = Tagged<TargetEventData, keyof TargetEventData>;
export type ReleaseEvent = CoreEvent | TargetEvent;
export type ReleaseEventType = ReleaseEvent['type'];

/** An event as the store gives it back: `version` counts within the stream, `at` is ISO 8601 UTC. */
export type Stored<E extends { readonly type: string }> = E & {
  readonly id: string;
  readonly version: number;
  readonly at: string;
  readonly actor: Actor;
};

export type StoredReleaseEvent = Stored<CoreEvent> | Stored<TargetEvent>;

const TARGET_EVENTS: Readonly<Record<keyof TargetEventData, true>> = {
  'target-observed': true,
  'target-staged': true,
  'target-cleaned': true,
  'target-step-begun': true,
  'target-step-waiting': true,
  'target-step-succeeded': true,
  'target-check-failed': true,
  'target-step-failed': true,
  'target-preparation-failed': true,
  'target-fenced': true,
  'target-fence-failed': true,
};

/** True for events that concern one target alone; everything else is a decision about the release. */
export function isTargetEvent<E extends ReleaseEvent>(event: E): event is Extract<E, TargetEvent> {
  return event.type in TARGET_EVENTS;
}
