/** What is done on one target, in order: forward the steps of its batch, back whatever brings it to its pre-image. */
import { acting } from './proxies.ts';
import type { FenceOutcome } from '../activities/fence-target.ts';
import type { StepInput, StepOutcome } from '../activities/step-context.ts';
import type { Resumed } from '../domain/release/events.ts';
import type { Resumption } from '../domain/resumption.ts';
import type { Step } from '../domain/vocabulary.ts';
import type { HandedBack, TargetEnd } from './lanes.ts';

/** `label` names the batch in Temporal's UI: "batch 2". */
export interface TargetWork extends Omit<StepInput, 'host' | 'direction' | 'processes' | 'spentMs' | 'resumption' | 'hookRound'> {
  readonly label: string;
  readonly steps: readonly Step[];
  /** by host: the failed step that a person took as done; only the steps after it are run */
  readonly ignored?: Readonly<Record<string, Step>>;
  /** hosts that a person wants in service although a check asked after admit has failed: only admit is run */
  readonly readmitted?: readonly string[];
  /** by host: where it goes on at the hook that stopped it */
  readonly resumed?: Readonly<Record<string, Resumed>>;
  /** by host: the round of its hooks that may not run twice, where that is another than the round of its steps */
  readonly hookRounds?: Readonly<Record<string, number>>;
}

export function rollTarget(host: string, { label, steps, ignored, readmitted, resumed, hookRounds, ...work }: TargetWork): Promise<TargetEnd | HandedBack> {
  const input = { ...work, host, direction: 'forward', ...hookRoundOf(host, hookRounds) } as const;
  const goesOn = resumed?.[host];
  if (goesOn !== undefined && steps.includes(goesOn.step)) {
    const { step, ...resumption } = goesOn;
    return runSteps(input, label, steps.slice(steps.indexOf(step)), resumption);
  }
  if (readmitted?.includes(host)) return runSteps({ ...input, verification: 'ignored' }, label, ['admit']);
  const ignoredStep = ignored?.[host];
  return runSteps(input, label, ignoredStep === undefined ? steps : steps.slice(steps.indexOf(ignoredStep) + 1));
}

/** Fences first; a target that nothing had reached is left alone. */
export async function restoreTarget(host: string, { label, steps: _steps, ignored: _ignored, readmitted: _readmitted, resumed: _resumed, hookRounds, ...work }: TargetWork): Promise<TargetEnd | HandedBack> {
  const input: StepInput = { ...work, host, direction: 'back', ...hookRoundOf(host, hookRounds) };
  const fenced: FenceOutcome = await acting(`${label} · ${host} · fence`).fenceTarget(input);
  if (!fenced.ok) return { host, step: 'fence', failure: fenced.failure };
  if (fenced.untouched) return 'untouched';
  return runSteps(input, label, fenced.steps);
}

function hookRoundOf(host: string, hookRounds: TargetWork['hookRounds']): Pick<StepInput, 'hookRound'> {
  const hookRound = hookRounds?.[host];
  return hookRound === undefined ? {} : { hookRound };
}

/** `resumption` is about the first of the steps; the others are done as if nothing had been. */
async function runSteps(input: StepInput, label: string, steps: readonly Step[], resumption?: Resumption): Promise<TargetEnd | HandedBack> {
  let processes: StepInput['processes'];
  let spentMs = 0;
  for (const step of steps) {
    const outcome = await runStep(step, { ...input, ...(spentMs === 0 ? {} : { spentMs }), ...(processes === undefined ? {} : { processes }), ...(resumption !== undefined && step === steps[0] ? { resumption } : {}) }, `${label} · ${input.host} · ${step}`);
    if (outcome.ok === 'handed-back') return outcome.ok;
    if (!outcome.ok) return { host: input.host, step, failure: outcome.failure };
    processes = step === 'start' ? outcome.processes : undefined;
    spentMs += outcome.tookMs ?? 0;
  }
  return 'succeeded';
}

function runStep(step: Step, input: StepInput, summary: string): Promise<StepOutcome> {
  const activities = acting(summary);
  switch (step) {
    case 'drain':
      return activities.drainTarget(input);
    case 'stop':
      return activities.stopTarget(input);
    case 'switch':
      return activities.switchTarget(input);
    case 'start':
      return activities.startTarget(input);
    case 'verify':
      return activities.verifyTarget(input);
    case 'admit':
      return activities.admitTarget(input);
    default:
      return unknownStep(step);
  }
}

function unknownStep(step: never): never {
  throw new Error(`No activity does the step ${String(step)}`);
}
