/** Which step of which release is running here: what wrapped drivers tell of their effects, since their ports do not say for whom they act. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { strike, writeEffect } from './ground.ts';
import type { StepInput } from '../../../activities/step-context.ts';
import type { Direction, Step } from '../../../domain/vocabulary.ts';
import type { Moment } from '../points.ts';

export interface Running extends Pick<StepInput, 'release' | 'host' | 'epoch' | 'round'> {
  readonly direction: Direction;
  readonly step: Step;
}

const running = new AsyncLocalStorage<Running>();

export function during<T>(step: Running, work: () => Promise<T>): Promise<T> {
  return running.run(step, work);
}

/** Null beside the steps of targets: surveys, audits and the loops of the worker. */
export function now(): Running | null {
  return running.getStore() ?? null;
}

/** Strikes at a moment of the step that runs, if any does. */
export function at(moment: Moment): void {
  const step = now();
  if (step !== null) strike(`${step.direction}.${step.step}.${moment}`, step.release);
}

export function witness(kind: 'begun' | 'done', what: 'drain' | 'admit', mark: string): void {
  const step = now();
  if (step === null) return;
  const { release, host, epoch, direction, round } = step;
  writeEffect({ kind, what, host, epoch, mark, opId: `${release}/1/${host}/traffic/${step.step}/${direction}/${round}` });
}
