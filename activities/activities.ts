/** The activities by name: what a worker registers and workflows call. */
import { acquirePool } from './acquire-pool.ts';
import { adoptRelease } from './adopt-release.ts';
import { auditTargets } from './audit-targets.ts';
import { comparePool } from './compare-pool.ts';
import { checkHosts, finishCheck, planFleetCheck } from './fleet-check.ts';
import { fenceTarget } from './fence-target.ts';
import { aliveToTheEnd } from './heartbeat.ts';
import { makePlan } from './make-plan.ts';
import { observeTargets } from './observe-targets.ts';
import { openRelease, record } from './record.ts';
import { stageTargets } from './stage-targets.ts';
import { runStep } from './target-step.ts';
import { weighDeadline } from './weigh-deadline.ts';
import type { ActivityDeps } from './deps.ts';
import type { StepInput, StepOutcome } from './step-context.ts';
import type { Step } from '../domain/vocabulary.ts';

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(deps: ActivityDeps) {
  const step = (name: Step) => (input: StepInput): Promise<StepOutcome> => runStep(deps, name, input);
  return {
    openRelease: deciding(deps, openRelease),
    adoptRelease: bind(deps, adoptRelease),
    acquirePool: deciding(deps, acquirePool),
    record: deciding(deps, record),
    makePlan: deciding(deps, makePlan),
    weighDeadline: deciding(deps, weighDeadline),
    comparePool: deciding(deps, comparePool),
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
    planFleetCheck: deciding(deps, planFleetCheck),
    checkHosts: bind(deps, checkHosts),
    finishCheck: deciding(deps, finishCheck),
  };
}

/** Work that writes down what was decided; a worker that dies in it is missed as soon as one that dies at a host. */
function deciding<I, O>(deps: ActivityDeps, activity: (deps: ActivityDeps, input: I) => Promise<O>): (input: I) => Promise<O> {
  return (input) => aliveToTheEnd(() => activity(deps, input));
}

function bind<I, O>(deps: ActivityDeps, activity: (deps: ActivityDeps, input: I) => Promise<O>): (input: I) => Promise<O> {
  return (input) => activity(deps, input);
}
