/**
 * The one activity of a worker inside a site: one verb on one host there. How it ended is always an answer, never a failure, so that
 * whoever asked gets exactly what the executor said, and Temporal keeps nothing of it that can be read.
 */
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { ExecutorDown, HostUnreachable } from '../drivers/executors/port.ts';
import { alive } from './heartbeat.ts';
import { NotOpened, seal, unseal } from './sealed-call.ts';
import type { HostSpec } from '../domain/inventory.ts';
import type { Executor, HostAnswer, HostInput, HostVerb } from '../drivers/executors/port.ts';
import type { SiteKeys } from './sealed-call.ts';

/** What is sent to a site. `timeoutMs` is the host's, from the moment it is called. */
export interface SiteCall {
  readonly host: HostSpec;
  readonly verb: HostVerb;
  readonly input: HostInput;
  readonly timeoutMs: number;
}

/** How a call ended there: the host's answer, or which error of the executor port it was. `wrong`: no executor could ever send it. */
export type SiteOutcome =
  | { readonly ended: 'answered'; readonly answer: HostAnswer }
  | { readonly ended: 'unreachable' | 'down' | 'wrong'; readonly message: string };

export interface SiteDeps {
  readonly executorFor: (host: HostSpec) => Executor;
  readonly keys: SiteKeys;
}

/** Type of the failure of a call that cannot be opened: the two sides have different keys. */
export const WRONG_KEY = 'WrongKey';

export interface SiteActivities {
  callHost(sealed: Uint8Array): Promise<Uint8Array>;
}

export function createSiteActivities(deps: SiteDeps): SiteActivities {
  return { callHost: (sealed) => callHost(deps, sealed) };
}

/** What a call and its answer are about: on no other queue and under no other id can they be opened. */
export const ofCall = ({ queue, id }: CallPlace): string => `call ${queue} ${id}`;
export const ofAnswer = ({ queue, id }: CallPlace): string => `answer ${queue} ${id}`;

export interface CallPlace {
  readonly queue: string;
  /** of its activity */
  readonly id: string;
}

async function callHost({ executorFor, keys }: SiteDeps, sealed: Uint8Array): Promise<Uint8Array> {
  const { activityId: id, taskQueue: queue } = activityInfo();
  const call = opened(keys, { queue, id }, sealed);
  const closed = (outcome: SiteOutcome): Uint8Array => seal(keys, ofAnswer({ queue, id }), outcome);
  return alive(async (signal) => {
    try {
      const answer = await executorFor(call.host).run(call.host, call.verb, call.input, { timeoutMs: call.timeoutMs, signal });
      return closed({ ended: 'answered', answer });
    } catch (error) {
      if (signal.aborted) throw error;
      return closed(outcomeOf(error));
    }
  });
}

function opened(keys: SiteKeys, place: CallPlace, sealed: Uint8Array): SiteCall {
  try {
    // Only who has the key can have made it, and it made it of these members.
    return unseal(keys, ofCall(place), sealed) as SiteCall;
  } catch (error) {
    if (!(error instanceof NotOpened)) throw error;
    throw ApplicationFailure.create({ message: error.message, type: WRONG_KEY, nonRetryable: true, category: ApplicationFailureCategory.BENIGN });
  }
}

/** An error that no executor may throw is the site's own trouble: nothing is said of the host. */
function outcomeOf(error: unknown): SiteOutcome {
  if (error instanceof HostUnreachable) return { ended: 'unreachable', message: error.message };
  if (error instanceof ExecutorDown) return { ended: 'down', message: error.message };
  if (error instanceof TypeError) return { ended: 'wrong', message: error.message };
  return { ended: 'down', message: `the site worker failed: ${error instanceof Error ? error.message : String(error)}` };
}
