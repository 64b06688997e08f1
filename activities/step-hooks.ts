/**
 * The hooks around a step: run on the host one after the other, each under an opId of its own, so that a repeated attempt answers what was
 * done. One that fails ends the step with its log. One that may not run twice and was cut off ends it as well, and a person is asked.
 */
import { forwardFacts } from '../db/target-facts.ts';
import { faultOf, hooksAt } from '../domain/hooks.ts';
import { HostUnreachable } from '../drivers/executors/port.ts';
import { failOut, recordFailure } from './steps/after-admit.ts';
import { StepFailed } from './failures.ts';
import { applicationsOf } from './facts.ts';
import { onHost } from './host-call.ts';
import { patient } from './patience.ts';
import { hookInput } from './run-configuration.ts';
import type { PlacedHook } from '../domain/hooks.ts';
import type { Failure, Step } from '../domain/vocabulary.ts';
import type { StepContext, StepDone, UnbegunStep } from './step-context.ts';

/** Beyond the hook's own time the host may wait so long for the lock of an earlier attempt, which has the hook's time as well. */
const LOCK_WAIT_MS = 90_000;
/** An idempotent hook that somebody ends again and again is not run for ever. */
const RUNS_MAX = 3;

/** Does `work` between the hooks before and after the step; the result names those that ran. Throws what a failed hook means for the step. */
export async function withHooks(context: StepContext, step: Step, work: () => Promise<StepDone>): Promise<StepDone> {
  const [before, after] = [deedsOf(context, 'before', step), deedsOf(context, 'after', step)];
  if (before.length + after.length + context.leave.length === 0) return work();
  await context.begun;
  const guardsTraffic = step === 'admit' && context.input.direction === 'forward' && after.length > 0;
  if (guardsTraffic) await resumeTakingOut(context);
  const ran = [...context.leave, ...(await runAll(context, before))];
  const done = await work();
  ran.push(...(await (guardsTraffic ? takenOutIfFailed(context, () => runAll(context, after)) : runAll(context, after))));
  return ran.length === 0 ? done : { ...done, result: { ...done.result, hooks: ran } };
}

/** What is asked before a host may be drained (ask-leave.ts). */
export function questionsOf(context: UnbegunStep): readonly PlacedHook[] {
  return hooksOf(context, 'before', 'drain').filter(({ hook: { notNow } }) => notNow !== undefined);
}

/** All others: what is done on the host. */
export function deedsOf(context: UnbegunStep, side: 'before' | 'after', step: Step): readonly PlacedHook[] {
  return hooksOf(context, side, step).filter(({ hook: { notNow } }) => notNow === undefined);
}

function hooksOf({ inventory, input: { direction }, preImage, acting: { host: { labels } } }: UnbegunStep, side: 'before' | 'after', step: Step): readonly PlacedHook[] {
  const changed = new Set(inventory.packages.map(({ application }) => application));
  return hooksAt({ direction, applications: applicationsOf(inventory), changed, labels, image: preImage.applications }, side, step);
}

/** A host that was in service when its hook failed goes out again, as one whose checks after admit fail; that it does is recorded first. */
async function takenOutIfFailed<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    await recordFailure(context, error.failure);
    return failOut(context, error.failure);
  }
}

/** Whoever goes on after a crash must not put the host back first. */
async function resumeTakingOut(context: StepContext): Promise<void> {
  const { deps, input: { release, host, round } } = context;
  const { checkFailure } = await forwardFacts(deps.db, { release, host, round });
  if (checkFailure?.stoppedBy !== undefined) await failOut(context, checkFailure);
}

async function runAll(context: StepContext, hooks: readonly PlacedHook[]): Promise<string[]> {
  const ran: string[] = [];
  for (const placed of hooks) if (await runHook(context, placed)) ran.push(nameOf(placed));
  return ran;
}

/** False when there was nothing to run: a person has said that it is done, or the host has no release of the application to run it in. */
async function runHook(context: StepContext, placed: PlacedHook): Promise<boolean> {
  const { deps, input: { resumption, hookRound = context.acting.round }, acting } = context;
  if (resumption?.done.includes(placed.id)) return false;
  const { application: { name: application }, hook: { at, timeoutSeconds, idempotent }, index } = placed;
  const round = resumption?.rounds?.[placed.id] ?? (idempotent ? acting.round : hookRound);
  const within = { ...acting, round, timeoutMs: 2 * timeoutSeconds * 1000 + LOCK_WAIT_MS };
  for (let run = 1; ; run++) {
    try {
      const result = await patient(within, () => onHost(deps, within, 'hook', { application, step: `${at}.${index}` }, inputOf(context, placed)));
      return result['skipped'] !== true;
    } catch (error) {
      if (acting.signal.aborted) throw error;
      const wasEnded = error instanceof StepFailed && error.failure.code === 'unknown-outcome';
      if (idempotent && wasEnded && run < RUNS_MAX) continue;
      throw stopped(context, placed, error);
    }
  }
}

function inputOf(context: StepContext, placed: PlacedHook): Readonly<Record<string, string>> {
  return hookInput(context.inventory, placed.application, context.acting.host, { index: placed.index, version: versionOf(context, placed) });
}

/** What the way leads to. */
export function versionOf({ inventory, input: { direction }, preImage }: UnbegunStep, { application }: PlacedHook): string {
  const before = preImage.applications.find((seen) => seen.application === application.name)?.version ?? '';
  const brought = inventory.packages.find((spec) => spec.application === application.name)?.version;
  return direction === 'forward' ? (brought ?? before) : before;
}

/** What the end of a hook means; errors that are no verdict about the target stay what they are. */
function stopped(context: StepContext, placed: PlacedHook, error: unknown): unknown {
  const { input: { direction, resumption }, acting } = context;
  const { hook: { at, idempotent } } = placed;
  const { done = [], rounds } = resumption ?? {};
  const stoppedBy = { hook: placed.id, at: { round: acting.round, done, ...(rounds === undefined ? {} : { rounds }) } };
  if (!idempotent && isUnheard(error)) return new StepFailed(unknownOutcome(context, placed, { message: error.message, stoppedBy: { ...stoppedBy, unknown: true } }));
  if (!(error instanceof StepFailed)) return error;
  const failure = error.failure.code === 'hook-failed' ? { ...error.failure, class: faultOf(at, direction) } : error.failure;
  return new StepFailed({ ...failure, stoppedBy });
}

/** It may have been begun, and no word of its end came: cut off, a host that fell silent, or an earlier attempt that still holds the lock. */
function isUnheard(error: unknown): error is Error {
  return error instanceof HostUnreachable || (error instanceof StepFailed && (error.failure.code === 'unknown-outcome' || error.failure.code === 'locked'));
}

function unknownOutcome({ input: { direction }, acting: { release, host: { name: host } } }: StepContext, placed: PlacedHook, { message, stoppedBy }: { readonly message: string; readonly stoppedBy: NonNullable<Failure['stoppedBy']> }): Failure {
  const next =
    direction === 'forward'
      ? `Look at ${host}: did it take effect? Then signalbox answer ${release} ${host}=done (it did: on after it) or ${host}=not-done (it did not: it is run again) --reason ...`
      : `Look at ${host}, and put right what the hook did or left. Then send retry to this release, which restores ${host} with all its hooks.`;
  return { class: 'host', code: 'unknown-outcome', message: `Nobody knows whether ${nameOf(placed)} took effect on ${host}, and it may not run twice: ${message}`, next, stoppedBy };
}

export function nameOf({ application: { name }, index, hook: { at } }: PlacedHook): string {
  return `${name} ${at}.${index}`;
}
