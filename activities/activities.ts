/** The activities by name: what a worker registers and workflows call. */
import { acquirePool } from './acquire-pool.ts';
import { adoptRelease } from './adopt-release.ts';
import { auditTargets } from './audit-targets.ts';
import { comparePool } from './compare-pool.ts';
import { fenceTarget } from './fence-target.ts';
import { makePlan } from './make-plan.ts';
import { observeTargets } from './observe-targets.ts';
import { openRelease, record } from './record.ts';
import { stageTargets } from './stage-targets.ts';
import { runStep } from './target-step.ts';
import { weighDeadline } from './weigh-deadline.ts';
import type { ActivityDeps } from './deps.ts';
import type { StepInput, StepOutcome } from './target-step.ts';
import type { Step } from '../domain/vocabulary.ts';

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(deps: ActivityDeps) {
  const step = (name: Step) => (input: StepInput): Promise<StepOutcome> => runStep(deps, name, input);
  return {
    openRelease: bind(deps, openRelease),
    adoptRelease: bind(deps, adoptRelease),
    acquirePool: bind(deps, acquirePool),
    record: bind(deps, record),
    makePlan: bind(deps, makePlan),
    weighDeadline: bind(deps, weighDeadline),
    comparePool: bind(deps, comparePool),
    observeTargets: bind(deps, observeTargets),
    stageTargets: bind(deps, stageTargets),
    auditTargets: bind(deps, auditTargets),
    fenceTarget: bind(deps, fenceTarget),
    drainTarget: step('drain'),
    stopTarget: step('stop'),
    switchTarget: step('switch'),
    startTarget: step('start'),
    verifyTarget: step('verify'),
    admitTarget: step('admit'),
  };
}

function bind<I, O>(deps: ActivityDeps, activity: (deps: ActivityDeps, input: I) => Promise<O>): (input: I) => Promise<O> {
  return (input) => activity(deps, input);
}
