/**
 * One step on one target: do it, write down how it ended, answer the workflow. A verdict about the target is an answer; a dependency
 * that is away is thrown, so that Temporal tries again until it is back; an outdated command ends without effect.
 */
import { activityInfo } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { appendTargetEvent } from '../db/events.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { admit } from './steps/admit.ts';
import { drain } from './steps/drain.ts';
import { start, stop, switchRelease } from './steps/process.ts';
import { verify } from './steps/verify.ts';
import { asTemporal, dependencyOf, verdictOn } from './failures.ts';
import { alive } from './heartbeat.ts';
import { hostOf } from './facts.ts';
import { isLate, refused } from './late-command.ts';
import { patient } from './patience.ts';
import { withHooks } from './step-hooks.ts';
import { limitOf, withinLimit } from './step-limit.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';
import type { Inventory, Verification } from '../domain/inventory.ts';
import type { Part, TargetEvent } from '../domain/release/events.ts';
import type { Resumption } from '../domain/resumption.ts';
import type { Observation, ObservedProcess, StepResult } from '../domain/release/target.ts';
import type { Direction, Failure, Step } from '../domain/vocabulary.ts';

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
  /** a hook had stopped this step, and so it goes on; absent: it begins */
  readonly resumption?: Resumption;
}

/** `tookMs`: of the attempt that came to the end; earlier ones, in which something of ours was away, do not count. */
export type StepOutcome =
  | { readonly ok: true; readonly processes?: Readonly<Record<string, ObservedProcess>>; readonly tookMs?: number }
  | { readonly ok: false; readonly failure: Failure };

/** What a step works with. */
export interface StepContext {
  readonly deps: ActivityDeps;
  readonly inventory: Inventory;
  readonly input: StepInput;
  readonly acting: Acting;
  readonly preImage: Observation;
  /** the log knows that this step was begun: to be awaited before it changes anything */
  readonly begun: Promise<unknown>;
}

export interface StepDone {
  readonly result: StepResult;
  readonly processes?: Readonly<Record<string, ObservedProcess>>;
}

const STEP: Readonly<Record<Step, (context: StepContext) => Promise<StepDone>>> = { drain, stop, switch: switchRelease, start, verify, admit };

export function runStep(deps: ActivityDeps, step: Step, input: StepInput): Promise<StepOutcome> {
  return alive(async (signal) => {
    const startedMs = performance.now();
    const inventory = await deps.facts.inventory(input.release);
    const preImage = await (input.direction === 'back' ? deps.facts.goal(input.preImageOf, input.host) : deps.facts.preImage(input.preImageOf, input.host));
    const { release, host, epoch, direction, round } = input;
    const { deadlines } = inventory.strategy;
    const acting: Acting = { release, host: hostOf(inventory, host), epoch, direction, round: input.resumption?.round ?? round, timeoutMs: deadlines.stepSeconds * 1000, signal };
    const key = { host, epoch, direction, round, step };
    const elapsed = (): number => Math.round(performance.now() - startedMs);
    const begun = step === 'drain' || (step === 'admit' && direction === 'back') ? append(deps, input, `${step}/begun`, { type: 'target-step-begun', data: key }) : Promise.resolve();
    // Whoever awaits it hears of its failure; until then it is nobody's.
    begun.catch(() => undefined);
    try {
      const context: StepContext = { deps, inventory, input, acting, preImage, begun };
      const done = await withHooks(context, step, () =>
        withinLimit(limitOf(deadlines, { ...input, step, spentMs: (input.spentMs ?? 0) + elapsed() }), signal, (limited) => {
          const within = { ...acting, signal: limited };
          return patient(within, () => STEP[step]({ ...context, acting: within }));
        }),
      );
      await begun;
      await append(deps, input, `${step}/succeeded`, { type: 'target-step-succeeded', data: { ...key, result: recorded(done), durationMs: elapsed(), repeated: activityInfo().attempt > 1 } });
      return { ok: true, tookMs: elapsed(), ...(done.processes === undefined ? {} : { processes: done.processes }) };
    } catch (error) {
      await begun.catch(() => undefined);
      if (signal.aborted) throw new CancelledFailure(`${step} on ${host} was cancelled`);
      return failed(deps, input, step, error, elapsed());
    }
  });
}

/** What was started is kept, so that a later step, in whatever process, knows whose answers count. */
function recorded({ result, processes }: StepDone): StepResult {
  return processes === undefined ? result : { ...result, processes };
}

/** A verdict becomes an event and an answer; everything else goes to Temporal. */
async function failed(deps: ActivityDeps, input: StepInput, step: Step, error: unknown, durationMs: number): Promise<StepOutcome> {
  const { host, epoch, direction, round } = input;
  if (isLate(error)) return refused(deps, { ...input, step }, error);
  const away = dependencyOf(error);
  const failure = away === null ? verdictOn(error, host) : null;
  try {
    if (away !== null) {
      await append(deps, input, `${step}/waiting/${away.dependency}`, { type: 'target-step-waiting', data: { host, epoch, direction, round, step, ...away } });
    }
    if (failure !== null) {
      await append(deps, input, `${step}/failed`, { type: 'target-step-failed', data: { host, epoch, direction, round, step, failure, durationMs } });
      return { ok: false, failure };
    }
  } catch (storeError) {
    throw asTemporal(storeError);
  }
  throw asTemporal(error);
}

async function append(deps: ActivityDeps, input: StepInput, what: string, event: TargetEvent): Promise<void> {
  const opId = `${input.host}/${input.direction}/${input.round}/${what}`;
  await appendTargetEvent(deps.db, { release: input.release, opId, actor: SIGNALBOX, event });
}
