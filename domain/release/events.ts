/**
 * Every fact of a release. Past tense, plain JSON, never changed once stored; a new shape gets a new schema number.
 * Core events are decided by the workflow and folded by `evolve` (evolve.ts). Target events are appended by the activity that did
 * the work and folded by `evolveTarget` (target.ts); events of different targets commute.
 */
import type { Plan } from '../plan/plan.ts';
import type { RollbackPlan } from '../rollback-plan.ts';
import type { Inventory, RollbackMode, StrategySpec } from '../inventory.ts';
import type { Actor, Direction, FailedTarget, Failure, Phase, ReleaseKind, Step } from '../vocabulary.ts';
import type { Observation, StepResult } from './target.ts';

/** A change of one application asked for by a release. */
export interface Change {
  readonly application: string;
  readonly version: string;
}

/** Which part of the six steps a batch runs: a bastion is installed first and joins later, every other batch does all. */
export type Part = 'install' | 'join' | 'whole';

export type PauseCause = 'operator' | 'brake' | 'dependency' | 'drift' | 'audit';

/** A host that ends the release without the new version in service, and why. */
export interface Debt {
  readonly host: string;
  readonly cause: 'failed' | 'skipped';
  readonly reason: string;
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
    readonly adopt: boolean;
    /** the release this one takes back, and the one whose pre-images are restored (the first of the chain) */
    readonly rollbackOf: string | null;
    readonly restoreFrom: string | null;
    readonly mode: RollbackMode | null;
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
  /** `untouched`: hosts of the batch that no step was begun on */
  'batch-finished': {
    readonly index: number;
    readonly part: Part;
    readonly round: number;
    readonly succeeded: number;
    readonly failed: readonly FailedTarget[];
    readonly untouched: readonly string[];
  };
  'bake-started': { readonly index: number; readonly seconds: number };
  'bake-finished': { readonly index: number; readonly cause: 'time' | 'promoted'; readonly reason: string | null };
  'batch-promoted': { readonly index: number; readonly reason: string };
  'brake-applied': { readonly index: number; readonly hosts: readonly string[]; readonly sentence: string; readonly then: 'rollback' | 'hold' };
  'paused': {
    readonly cause: PauseCause;
    readonly reason: string;
    readonly deadline: string | null;
    readonly then: 'stay' | 'rollback' | 'abort';
  };
  'quiet-reached': Record<string, never>;
  'resumed': { readonly reason: string };
  'pause-expired': { readonly then: 'stay' | 'rollback' | 'abort' };
  /** `epoch` is given by the store when the event is appended; decisions leave it 0 */
  'targets-retried': { readonly hosts: readonly string[]; readonly round: number; readonly reason: string; readonly epoch: number };
  'targets-skipped': { readonly hosts: readonly string[]; readonly reason: string };
  'abort-started': { readonly reason: string };
  /** `batches` are the hosts to restore, in order; `epoch` (given by the store) voids every older command on them */
  'rollback-started': {
    readonly mode: RollbackMode;
    readonly cause: 'bastion' | 'tolerance' | 'operator' | 'abort' | 'pause-deadline' | 'release';
    readonly reason: string;
    readonly batches: readonly (readonly string[])[];
    readonly then: 'rolled-back' | 'aborted';
    readonly epoch: number;
  };
  'rollback-escalated': { readonly batches: readonly (readonly string[])[]; readonly reason: string };
  'rollback-batch-started': { readonly index: number; readonly hosts: readonly string[] };
  'rollback-batch-finished': { readonly index: number; readonly restored: number; readonly untouched: number; readonly failed: readonly FailedTarget[] };
  'audit-finished': { readonly mismatches: readonly AuditMismatch[] };
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
  'target-step-failed': true,
  'target-preparation-failed': true,
  'target-fenced': true,
  'target-fence-failed': true,
};

/** True for events that concern one target alone; everything else is a decision about the release. */
export function isTargetEvent<E extends ReleaseEvent>(event: E): event is Extract<E, TargetEvent> {
  return event.type in TARGET_EVENTS;
}
