/**
 * The executor for hosts of a site: carries a call to a worker inside it, as one standalone activity on the site's queue, and its outcome
 * back. What the site's own executor says is said here in the same words; that nobody works there, or that the line to it is cut, is
 * ExecutorDown of that site, so that releases wait for it and no host is judged.
 */
import { randomUUID } from 'node:crypto';
import { ActivityExecutionAlreadyStartedError, ActivityExecutionFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { ofAnswer, ofCall, WRONG_KEY } from '../activities/call-host.ts';
import { seal, unseal } from '../activities/sealed-call.ts';
import { siteCallId, siteCallTimes, sitePlane, siteQueue } from '../domain/site.ts';
import { withinTime } from '../drivers/executors/deadline.ts';
import { ExecutorDown, HostUnreachable } from '../drivers/executors/port.ts';
import type { ActivityHandle, Client } from '@temporalio/client';
import type { SiteActivities, SiteCall, SiteOutcome } from '../activities/call-host.ts';
import type { SiteKeys } from '../activities/sealed-call.ts';
import type { SiteCallTimes } from '../domain/site.ts';
import type { Executor, HostAnswer } from '../drivers/executors/port.ts';

export interface SiteExecutorOptions {
  readonly client: Client;
  /** of the installation */
  readonly taskQueue: string;
  /** null: none was given to this worker, and no site can be reached */
  readonly keys: SiteKeys | null;
}

/** The name of the one activity that a site worker has. */
const CALL_HOST: keyof SiteActivities = 'callHost';

export function createSiteExecutor({ client, taskQueue, keys }: SiteExecutorOptions): Executor {
  return {
    driver: 'site',
    run: async (host, verb, input, { timeoutMs, signal }) => {
      signal.throwIfAborted();
      const { site } = host;
      if (site === undefined) throw new TypeError(`${host.name} is at no site`);
      if (keys === null) throw down(site, `this worker has no key for sites; give it SIGNALBOX_SITE_KEY_FILE with the key that workers at ${site} have`);
      const call: SiteCall = { host, verb, input, timeoutMs };
      const times = siteCallTimes(timeoutMs);
      const asked: Asked = { client, keys, site, queue: siteQueue(taskQueue, site), call, id: siteCallId({ host: host.name, verb, input }, randomUUID()), times };
      const late = (): Error => down(site, `Temporal told nothing of ${verb} on ${host.name} within ${times.wholeMs} ms; look whether it answers this worker`);
      return answerOf(await withinTime({ timeoutMs: times.wholeMs, signal }, late, (ending) => outcomeOf(asked, ending)), asked);
    },
  };
}

/** Where no line to Temporal is at hand, such as in benches: hosts of sites are waited for. */
export const NO_SITES: Executor = {
  driver: 'site',
  run: (host) => Promise.reject(down(host.site ?? '', 'this worker cannot reach sites')),
};

interface Asked {
  readonly client: Client;
  readonly keys: SiteKeys;
  readonly site: string;
  readonly queue: string;
  readonly call: SiteCall;
  readonly id: string;
  readonly times: SiteCallTimes;
}

function down(site: string, message: string): ExecutorDown {
  return new ExecutorDown(message, sitePlane(site));
}

/** What the site's executor answered or threw. */
function answerOf(outcome: SiteOutcome, { site, call }: Asked): HostAnswer {
  switch (outcome.ended) {
    case 'answered':
      return outcome.answer;
    case 'unreachable':
      throw new HostUnreachable(call.host.name, outcome.message);
    case 'wrong':
      throw new TypeError(outcome.message);
    default:
      throw down(site, outcome.message);
  }
}

/** Asks until a run of this call has come to an end of its own: one that somebody else began may end with him. */
async function outcomeOf(asked: Asked, signal: AbortSignal): Promise<SiteOutcome> {
  for (;;) {
    const { handle, isOurs } = await begin(asked, signal);
    try {
      const sealed = await asked.client.withAbortSignal(signal, () => handle.result());
      const outcome = unseal(asked.keys, ofAnswer(asked), sealed) as SiteOutcome;
      return isOurs ? outcome : asRepeated(outcome);
    } catch (error) {
      if (signal.aborted) {
        // Ends the call at the site; what it began on the host goes on there, and its journal tells the next one.
        void handle.cancel('nobody waits for it any more').catch(() => undefined);
        throw signal.reason;
      }
      const cause = error instanceof ActivityExecutionFailedError ? error.cause : error;
      const endedWithAnother = cause instanceof CancelledFailure || (!isOurs && cause instanceof TimeoutFailure);
      if (!endedWithAnother) throw down(asked.site, reasonOf(cause, asked));
    }
  }
}

/** What another call did was not acted by this one. */
function asRepeated(outcome: SiteOutcome): SiteOutcome {
  return outcome.ended === 'answered' && outcome.answer.ok ? { ...outcome, answer: { ...outcome.answer, repeated: true } } : outcome;
}

interface Begun {
  readonly handle: ActivityHandle<Uint8Array>;
  /** this call made it; else it ran already */
  readonly isOurs: boolean;
}

/** A run of the same operation that has ended is no obstacle: the journal on the host knows what it did. */
async function begin({ client, keys, queue, call, id, times, site }: Asked, signal: AbortSignal): Promise<Begun> {
  const options = {
    id,
    taskQueue: queue,
    args: [seal(keys, ofCall({ queue, id }), call)],
    scheduleToStartTimeout: times.takeUpMs,
    startToCloseTimeout: times.runMs,
    heartbeatTimeout: times.signOfLifeMs,
    retry: { maximumAttempts: 1 },
    idReusePolicy: 'ALLOW_DUPLICATE',
    idConflictPolicy: 'FAIL',
    summary: `${call.host.name} · ${call.verb}`,
  } as const;
  try {
    return { handle: await client.withAbortSignal(signal, () => client.activity.start<Uint8Array>(CALL_HOST, options)), isOurs: true };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ActivityExecutionAlreadyStartedError) return { handle: client.activity.getHandle<Uint8Array>(id, error.runId), isOurs: false };
    throw down(site, `Temporal did not take the call of ${call.verb} on ${call.host.name}: ${said(error)}`);
  }
}

/** As it follows "waits for site …:", with what to do. */
function reasonOf(cause: unknown, { site, call, times }: Asked): string {
  const what = `${call.verb} on ${call.host.name}`;
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') {
    return `nobody took up ${what} within ${times.takeUpMs} ms. No worker of the site runs, or it does not reach Temporal: look there, or start one with signalbox site-worker --site ${site}`;
  }
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT') return `the worker of the site that had ${what} in hand was lost, or its line is cut; the same step is sent again`;
  if (cause instanceof TimeoutFailure) return `the worker of the site did not tell the end of ${what} within ${times.runMs} ms; the same step is sent again`;
  if (cause instanceof TerminatedFailure) return `somebody terminated ${what} in Temporal; the same step is sent again`;
  if (cause instanceof ApplicationFailure && cause.type === WRONG_KEY) return `its worker cannot open what it is sent: ${cause.message}. Give both sides the same SIGNALBOX_SITE_KEY`;
  return `${what} was not done there: ${said(cause)}`;
}

function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
