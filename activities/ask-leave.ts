/**
 * Asks the applications of a host whether it may be taken out of traffic now. They are asked on the host, before anything is begun there,
 * and a question leaves nothing behind.
 */
import { activityInfo } from '@temporalio/activity';
import { afterNotNow, leaveByAnswer, leaveByCommand } from '../domain/not-now.ts';
import { begunStep } from '../db/target-facts.ts';
import { isDrainWanted } from '../db/wanted-traffic.ts';
import { NotNow, StepFailed } from './failures.ts';
import { onHost } from './host-call.ts';
import { patient } from './patience.ts';
import { hookUrl, hookWords } from './run-configuration.ts';
import type { PlacedHook } from '../domain/hooks.ts';
import type { NotNowPolicy } from '../domain/inventory.ts';
import type { Leave } from '../domain/not-now.ts';
import { deedsOf, nameOf, questionsOf, versionOf } from './step-hooks.ts';
import { standingPlaces } from './steps/places.ts';
import type { UnbegunStep } from './step-context.ts';

/** Beyond the question's own time: reaching the host. */
const REACH_MS = 10_000;

/**
 * Answers a note for each application whose host goes although it asks to be left alone. Throws NotNow to be asked again, and StepFailed
 * where a person decides, where the host is left out, and where the question itself failed. A host that this release has taken out of
 * traffic already (it failed further on and is run again, or an earlier attempt had begun) is not asked about.
 */
export async function askedForLeave(context: UnbegunStep): Promise<readonly string[]> {
  const questions = questionsOf(context);
  if (questions.length === 0) return [];
  const { deps, input: { release, host } } = context;
  const begun = await begunStep(deps.db, release, host);
  if ((begun !== null && begun !== 'drain') || (await isTakenOut(context))) return [];
  const isUntouched = begun === null || deedsOf(context, 'before', 'drain').length === 0;
  const notes: string[] = [];
  for (const placed of questions) {
    const note = await askLeave(context, placed, isUntouched);
    if (note !== null) notes.push(`${nameOf(placed)} (${note})`);
  }
  return notes;
}

async function isTakenOut(context: UnbegunStep): Promise<boolean> {
  const { deps, input: { release, host } } = context;
  for (const { pool, server } of standingPlaces(context)) if (await isDrainWanted(deps.db, { release, host, pool, server })) return true;
  return false;
}

async function askLeave(context: UnbegunStep, placed: PlacedHook, isUntouched: boolean): Promise<string | null> {
  const { hook: { notNow }, application: { name } } = placed;
  if (notNow === undefined) throw new Error(`${name} hook ${placed.index} asks for no leave`);
  const leave = await asked(context, placed, versionOf(context, placed));
  if ('go' in leave) return null;
  const host = context.acting.host.name;
  if ('failed' in leave) {
    throw new StepFailed({ class: 'host', code: 'hook-failed', message: `${name} was asked whether ${host} may be taken out, and ${leave.failed}.`, next: `Mend what is asked (hook ${placed.index} of ${name}), then retry.` });
  }
  return refusedLeave(context, placed, { reason: leave.notNow, policy: notNow, isUntouched });
}

interface RefusedLeave {
  readonly reason: string;
  readonly policy: NotNowPolicy;
  /** no other hook of the drain can have run yet */
  readonly isUntouched: boolean;
}

function refusedLeave({ acting: { release, host: { name: host } } }: UnbegunStep, { application: { name } }: PlacedHook, { reason, policy, isUntouched }: RefusedLeave): string {
  // By Temporal's own record: a worker that is new to it counts on.
  const { scheduledTimestampMs } = activityInfo();
  const then = afterNotNow(policy, { waitedSeconds: (Date.now() - scheduledTimestampMs) / 1000, isUntouched });
  const said = `${name} asks to leave ${host} alone: ${reason}`;
  if (then === 'again') {
    const until = new Date(scheduledTimestampMs + policy.atMostSeconds * 1000).toISOString();
    throw new NotNow(`${said}. It is asked every ${policy.everySeconds} s until ${until}, then: ${policy.then}`, { againAfterMs: policy.everySeconds * 1000, isUntouched });
  }
  if (then === 'force') return `taken out although ${said}`;
  const next = then === 'skip' ? `${host} keeps what it runs, as debt. Release it again when it is free.` : `Resume ${release} to ask ${host} again, or skip it.`;
  throw new StepFailed({ class: 'refused', code: 'not-now', message: `${said}; that was so for ${policy.atMostSeconds} s.`, next, notNow: then });
}

async function asked(context: UnbegunStep, placed: PlacedHook, version: string): Promise<Leave> {
  const { deps, inventory, acting } = context;
  const { application, index, hook: { at, timeoutSeconds } } = placed;
  const within = { ...acting, timeoutMs: timeoutSeconds * 1000 + REACH_MS };
  const what = { application: application.name, step: `${at}.${index}` };
  const url = hookUrl(inventory, application, acting.host, { index, version });
  if (url !== null) {
    const result = await patient(within, () => onHost(deps, within, 'verify', what, { probe: 'http', url, method: 'GET', timeoutMs: String(timeoutSeconds * 1000), waitMs: '0' }));
    return leaveByAnswer({ status: Number(result['status'] ?? 0), body: textOf(result['body']) });
  }
  const words = hookWords(inventory, application, acting.host, { index, version });
  const result = await patient(within, () => onHost(deps, within, 'check', what, { ...words, timeoutSeconds: String(timeoutSeconds) })).catch(nothingLinked);
  return result === null ? { go: true } : leaveByCommand({ status: Number(result['status']), timedOut: result['timedOut'] === true, output: textOf(result['output']) });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Where nothing of the application is linked there is nobody to ask. */
function nothingLinked(error: unknown): null {
  if (error instanceof StepFailed && error.failure.code === 'not-unpacked') return null;
  throw error;
}
