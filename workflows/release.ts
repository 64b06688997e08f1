/** One release: ask the domain what comes next, do it, ask again, until it says done. */
import { allHandlersFinished, CancellationScope, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import { nextStep } from '../domain/release/next-step.ts';
import { startDeadlineClock } from './deadline-clock.ts';
import { timerSummary } from './details.ts';
import { listenToOperators } from './operators.ts';
import { prepare } from './prepare.ts';
import { deciding, surveying } from './proxies.ts';
import { roll, restore } from './rolling.ts';
import { Run } from './run.ts';
import type { NextStep } from '../domain/release/next-step.ts';
import type { Carried } from './run.ts';
import type { Operators } from './operators.ts';
import type { Adoption } from '../activities/adopt-release.ts';

export interface ReleaseInput {
  readonly release: string;
  /** only after continue-as-new */
  readonly carried?: Carried;
  /** only when the workflow before was lost: go on from the log */
  readonly adoption?: Adoption;
}

export interface ReleaseOutcome {
  readonly status: string;
}

/** Histories stay far below the server's limit: with this many events a release goes on in a new run before its next batch. */
const HISTORY_MAX = 4000;
const EVENTS_PER_TARGET = 60;

export async function release({ release: id, carried, adoption }: ReleaseInput): Promise<ReleaseOutcome> {
  const run = new Run(id, carried ?? null);
  const operators = listenToOperators(run);
  // Nothing but the protocol of a rollback ends a release: Cancel in Temporal's UI means rollback, so the work itself is not cancellable.
  return CancellationScope.nonCancellable(async () => {
    if (adoption !== undefined) run.adopt(await surveying('adopt').adoptRelease({ release: id, adoption }));
    else if (!run.isOpen) run.fold(await deciding('open').openRelease({ release: id }));
    else run.watchPause();
    startDeadlineClock(run);
    for (;;) {
      await run.settled();
      const seen = run.revision;
      const step = nextStep(run.state, Date.now());
      if (step.do === 'done') break;
      if (shouldContinue(step)) {
        // The next run begins with this state: what is being written must be in it.
        await condition(() => allHandlersFinished() && !run.isDeciding);
        await continueAsNew<typeof release>({ release: id, carried: run.carried() });
      }
      await act(run, operators, step, seen);
    }
    await condition(allHandlersFinished);
    return { status: run.state.situation.status };
  });
}

async function act(run: Run, operators: Operators, step: NextStep, seen: number): Promise<void> {
  switch (step.do) {
    case 'record':
      await run.decide((state) => {
        const again = nextStep(state, Date.now());
        return again.do === 'record' ? again.events : [];
      });
      return;
    case 'acquire':
    case 'observe':
    case 'plan':
    case 'stage':
    case 'compare':
    case 'audit':
      return prepare(run, step);
    case 'roll':
      return roll(run, step);
    case 'restore':
      return restore(run, step);
    case 'wait':
      if (step.for === 'pool') return operators.untilGranted(seen);
      await run.sayQuiet();
      return run.untilChanged(seen, { untilMs: run.state.paused !== null && run.hasPauseClock ? null : step.untilMs, summary: timerSummary(run.state) });
    case 'done':
      return;
    default:
      return unknownStep(step);
  }
}

/** Only before work begins: at these points no lane is running. Large batches run in slices and cost this history little. */
function shouldContinue(step: NextStep): boolean {
  if (step.do !== 'roll' && step.do !== 'restore') return false;
  return workflowInfo().historyLength + Math.min(step.hosts.length, 60) * EVENTS_PER_TARGET > HISTORY_MAX && workflowInfo().historyLength > EVENTS_PER_TARGET * 2;
}

function unknownStep(step: never): never {
  throw new Error(`The workflow does not know the step ${JSON.stringify(step)}`);
}
