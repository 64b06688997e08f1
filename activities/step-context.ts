/** What a step on one target is given, and what it answers. */
import type { Inventory, Verification } from '../domain/inventory.ts';
import type { Part } from '../domain/release/events.ts';
import type { Observation, ObservedProcess, StepResult } from '../domain/release/target.ts';
import type { Resumption } from '../domain/resumption.ts';
import type { Direction, Failure } from '../domain/vocabulary.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';

export interface StepInput {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
  readonly direction: Direction;
  readonly round: number;
  /** release that recorded the pre-image to compare with and to restore */
  readonly preImageOf: string;
  /** which part of its batch is run; absent: `whole` */
  readonly part?: Part;
  /** absent: `required` */
  readonly verification?: Verification;
  /** processes that `start` reported, for `verify` */
  readonly processes?: Readonly<Record<string, ObservedProcess>>;
  /** what the earlier steps of this target have taken, as they answered it; workflows of older builds do not tell */
  readonly spentMs?: number;
  /** the round in whose opIds hooks run that may not run twice; absent: that of the step */
  readonly hookRound?: number;
  /** a hook had stopped this step, and so it goes on; absent: it begins */
  readonly resumption?: Resumption;
}

/**
 * `tookMs`: of the attempt that came to the end; earlier ones, in which something of ours was away, do not count. `handed-back`: the
 * release was paused while the host waited for capacity, or stopped before it was begun; nothing was done on it, and where the release goes on the
 * step is asked for again.
 */
export type StepOutcome =
  | { readonly ok: true; readonly processes?: Readonly<Record<string, ObservedProcess>>; readonly tookMs?: number }
  | { readonly ok: false; readonly failure: Failure }
  | { readonly ok: 'handed-back' };

/** What a step works with before it is begun. */
export interface UnbegunStep {
  readonly deps: ActivityDeps;
  readonly inventory: Inventory;
  readonly input: StepInput;
  readonly acting: Acting;
  readonly preImage: Observation;
}

/** What a step works with. */
export interface StepContext extends UnbegunStep {
  /** what was noted when its applications were asked for leave, by the names of their hooks; empty where none said no */
  readonly leave: readonly string[];
  /** the log knows that this step was begun: to be awaited before it changes anything */
  readonly begun: Promise<unknown>;
}

export interface StepDone {
  readonly result: StepResult;
  readonly processes?: Readonly<Record<string, ObservedProcess>>;
}
