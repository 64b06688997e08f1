/** How long what is left of a release will take: the rest of it rehearsed from where it stands. Waits for people are not in it. */
import { DEFAULT_PACES } from '../simulation/paces.ts';
import { estimate } from '../simulation/predict.ts';
import { rehearse } from '../simulation/rehearse.ts';
import { planOf, progressOf } from './evolve.ts';
import { stepsOf } from './next-step.ts';
import type { Estimate } from '../simulation/predict.ts';
import type { ReleaseState } from './state.ts';
import type { TargetState } from './target.ts';

/** Seconds of work and of known waits left when the last event was stored: a middle estimate and a careful one. */
export type Eta = Estimate;

/** null without a plan, and after the end. Pure and without a clock: the same events give the same estimate at any later time. */
export function etaOf(core: ReleaseState, targets: Readonly<Record<string, TargetState>>): Eta | null {
  const { situation, request } = core;
  if (planOf(situation) === null || 'finishedAt' in situation) return null;
  const { legs } = rehearse({ state: core, plan: null, inService: [], startMs: standsSinceMs(core), left: (host) => leftOn(core, targets[host]) });
  return estimate(legs, request.paces ?? DEFAULT_PACES, request.id);
}

/** The beginning of what goes on now, so that a bake at hand counts whole. */
function standsSinceMs({ situation, createdAt }: ReleaseState): number {
  if (situation.status === 'rolling-back') return Date.parse(situation.rollback.bake?.since ?? situation.rollback.since);
  const progress = progressOf(situation);
  return Date.parse(progress?.bake?.since ?? progress?.since ?? createdAt);
}

/** Part of the work of the batch at hand that this target still has before it; only a batch that is rolling has done any. */
function leftOn({ situation }: ReleaseState, target: TargetState | undefined): number {
  if (target === undefined) return 1;
  if (situation.status === 'rolling-back') {
    if (situation.rollback.stage !== 'rolling') return 1;
    const { done, failure } = target.back;
    const isOver = target.fenced?.untouched === true || failure !== null || done.includes('admit');
    return isOver ? 0 : 1 - done.length / stepsOf('whole').length;
  }
  const progress = progressOf(situation);
  if (progress?.stage !== 'rolling' || target.forward.round !== progress.round) return 1;
  if (target.forward.failure !== null) return 0;
  const steps = stepsOf(progress.part);
  return steps.filter((step) => !target.forward.done.includes(step)).length / steps.length;
}
