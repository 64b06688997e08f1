/** Asks an application whether a host of it may be taken out of traffic now. It is asked on the host, and a question leaves nothing behind there. */
import { activityInfo } from '@temporalio/activity';
import { afterNotNow, leaveByAnswer, leaveByCommand } from '../domain/not-now.ts';
import { NotNow, StepFailed } from './failures.ts';
import { onHost } from './host-call.ts';
import { patient } from './patience.ts';
import { hookUrl, hookWords } from './run-configuration.ts';
import type { PlacedHook } from '../domain/hooks.ts';
import type { NotNowPolicy } from '../domain/inventory.ts';
import type { Leave } from '../domain/not-now.ts';
import type { StepContext } from './step-context.ts';

/** Beyond the question's own time: reaching the host. */
const REACH_MS = 10_000;

/**
 * Answers a note where the host goes although it was asked not to, null where it may. Throws NotNow to be asked again, and StepFailed where
 * a person decides, where the host is left out, and where the question itself failed.
 */
export async function askLeave(context: StepContext, placed: PlacedHook, version: string): Promise<string | null> {
  const { hook: { notNow }, application: { name } } = placed;
  if (notNow === undefined) throw new Error(`${name} hook ${placed.index} asks for no leave`);
  const leave = await asked(context, placed, version);
  if ('go' in leave) return null;
  const host = context.acting.host.name;
  if ('failed' in leave) {
    throw new StepFailed({ class: 'host', code: 'hook-failed', message: `${name} was asked whether ${host} may be taken out, and ${leave.failed}.`, next: `Mend what is asked (hook ${placed.index} of ${name}), then retry.` });
  }
  return refusedLeave(context, placed, { reason: leave.notNow, policy: notNow });
}

function refusedLeave({ acting: { release, host: { name: host } } }: StepContext, { application: { name } }: PlacedHook, { reason, policy }: { readonly reason: string; readonly policy: NotNowPolicy }): string {
  // By Temporal's own record: a worker that is new to it counts on.
  const { scheduledTimestampMs } = activityInfo();
  const then = afterNotNow(policy, (Date.now() - scheduledTimestampMs) / 1000);
  const said = `${name} asks to leave ${host} alone: ${reason}`;
  if (then === 'again') {
    const until = new Date(scheduledTimestampMs + policy.atMostSeconds * 1000).toISOString();
    throw new NotNow(`${said}. It is asked every ${policy.everySeconds} s until ${until}, then: ${policy.then}`, policy.everySeconds * 1000);
  }
  if (then === 'force') return `taken out although ${said}`;
  const next = then === 'skip' ? `${host} keeps what it runs, as debt. Release it again when it is free.` : `Resume ${release} to ask ${host} again, or skip it.`;
  throw new StepFailed({ class: 'refused', code: 'not-now', message: `${said}; that was so for ${policy.atMostSeconds} s.`, next, notNow: then });
}

async function asked(context: StepContext, placed: PlacedHook, version: string): Promise<Leave> {
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
