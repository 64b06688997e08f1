/**
 * One step on one target: do it, write down how it ended, answer the workflow. A verdict about the target is an answer; a dependency
 * that is away is thrown, so that Temporal tries again until it is back; an outdated command ends without effect.
 */
import { activityInfo } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { readCore } from '../db/append-core.ts';
import { ReleaseStopped } from '../db/errors.ts';
import { appendTargetEvent } from '../db/events.ts';
import { endOfWait } from '../domain/release/wait-end.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { admit } from './steps/admit.ts';
import { drain } from './steps/drain.ts';
import { start, stop, switchRelease } from './steps/process.ts';
import { verify } from './steps/verify.ts';
import { askedForLeave } from './ask-leave.ts';
import { asTemporal, dependencyOf, leavesUntouched, verdictOn } from './failures.ts';
import { alive } from './heartbeat.ts';
import { hostOf } from './facts.ts';
import { isLate, refused } from './late-command.ts';
import { patient } from './patience.ts';
import { withHooks } from './step-hooks.ts';
import { limitOf, withinLimit } from './step-limit.ts';
import type { AppendTargetEvent } from '../db/append-target.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';
import type { StepContext, StepDone, StepInput, StepOutcome } from './step-context.ts';
import type { TargetEvent } from '../domain/release/events.ts';
import type { StepResult } from '../domain/release/target.ts';
import type { WaitingStep } from '../domain/release/wait-end.ts';
import type { Step } from '../domain/vocabulary.ts';

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
    let begun: Promise<unknown> = Promise.resolve();
    try {
      const unbegun = { deps, inventory, input, acting, preImage };
      const leave = step === 'drain' && direction === 'forward' ? await askedForLeave(unbegun) : [];
      if (step === 'drain' || (step === 'admit' && direction === 'back')) begun = append(deps, input, `${step}/begun`, { type: 'target-step-begun', data: key }, { unlessStopped: direction === 'forward' });
      // Whoever awaits it hears of its failure; until then it is nobody's.
      begun.catch(() => undefined);
      const context: StepContext = { ...unbegun, leave, begun };
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
  // Scheduled before somebody stopped the release and begun only after: it is as if its lane had not taken the host yet.
  if (error instanceof ReleaseStopped) return { ok: 'handed-back' };
  if (isLate(error)) return refused(deps, { ...input, step }, error);
  const away = dependencyOf(error);
  try {
    if (away !== null) {
      await append(deps, input, `${step}/waiting/${away.dependency}`, { type: 'target-step-waiting', data: { host, epoch, direction, round, step, ...away } });
    }
    const end = away === null ? (verdictOn(error, host) ?? 'goes-on') : await waitEnd(deps, input, { step, dependency: away.dependency, isUntouched: leavesUntouched(error) });
    if (end === 'handed-back') return { ok: end };
    if (end !== 'goes-on') {
      await append(deps, input, `${step}/failed`, { type: 'target-step-failed', data: { host, epoch, direction, round, step, failure: end, durationMs } });
      return { ok: false, failure: end };
    }
  } catch (storeError) {
    throw asTemporal(storeError);
  }
  throw asTemporal(error);
}

/** Read anew each time: who paused or aborted meanwhile told the release, not this step. */
async function waitEnd({ db }: ActivityDeps, { release, host, direction }: StepInput, wait: Pick<WaitingStep, 'step' | 'dependency' | 'isUntouched'>): Promise<ReturnType<typeof endOfWait>> {
  const { state } = await readCore(db, release);
  return state === null ? 'goes-on' : endOfWait(state, { ...wait, host, direction, now: new Date().toISOString() });
}

async function append(deps: ActivityDeps, input: StepInput, what: string, event: TargetEvent, rule: Pick<AppendTargetEvent, 'unlessStopped'> = {}): Promise<void> {
  const opId = `${input.host}/${input.direction}/${input.round}/${what}`;
  await appendTargetEvent(deps.db, { release: input.release, opId, actor: SIGNALBOX, event, ...rule });
}
