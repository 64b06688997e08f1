/** Names and payloads of everything that is sent to a release while it runs, and the ids it runs under: the only home of both. */
import { defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Command } from '../domain/release/commands.ts';

/**
 * A worker that dies in the middle of a decision holds up its release for so long, where Temporal would wait for ten seconds; far above
 * what the longest history takes to be replayed.
 */
export const WORKFLOW_TASK_TIMEOUT = '5s';

/** A command of the API. Its update id is the command's id; a refusal is an ApplicationFailure of type `Refused` with the Refusal as detail. */
export const commandUpdate = defineUpdate<CommandApplied, [Command]>('command');

export interface CommandApplied {
  readonly applied: true;
  /** types of the events the command led to */
  readonly events: readonly string[];
}

/** Sent by people from Temporal's UI or CLI; the argument is an optional reason. */
export const pauseSignal = defineSignal<[unknown?]>('pause');
export const resumeSignal = defineSignal<[unknown?]>('resume');
export const rollbackSignal = defineSignal<[unknown?]>('rollback');
export const abortSignal = defineSignal<[unknown?]>('abort');

/** The pool is free and this release is next. */
export const poolGrantedSignal = defineSignal<[]>('poolGranted');
/** A newer release took this one's place in the queue. */
export const supersededSignal = defineSignal<[string]>('superseded');

/** From a release to its slices; `turn` counts the changes. */
export const holdSignal = defineSignal<[hold: boolean, turn: number]>('hold');
export const haltSignal = defineSignal<[]>('halt');
/** From a slice to its release: it heard that it is held, and begins no further host. */
export const sliceHeldSignal = defineSignal<[sliceWorkflowId: string, turn: number]>('sliceHeld');
/** From a held slice to its release: no host is in work any more. */
export const sliceQuietSignal = defineSignal<[sliceWorkflowId: string, turn: number]>('sliceQuiet');
/** From a slice to its release: how many of its hosts have failed so far. */
export const sliceFailuresSignal = defineSignal<[sliceWorkflowId: string, failed: number]>('sliceFailures');

export const RELEASE_WORKFLOW = 'release';
export const SLICE_WORKFLOW = 'slice';
export const FLEET_CHECK_WORKFLOW = 'fleetCheck';

export function releaseWorkflowId(release: string): string {
  return `release/${release}`;
}

export function sliceWorkflowId(release: string, slice: string): string {
  return `release/${release}/slice/${slice}`;
}

/** One that somebody asked for. */
export function fleetCheckWorkflowId(check: string): string {
  return `fleet-check/${check}`;
}

/** The schedule of an installation, and what the workflows that it starts are called before the time. */
export function fleetScheduleId(taskQueue: string): string {
  return `fleet-check/${taskQueue}`;
}
