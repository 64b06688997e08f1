/** The executor for hosts that ask for their work: a call waits until the agent of its host has taken it, run the host program and answered. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { absence, judgeSilence } from '../../domain/agent-silence.ts';
import { isPlainPath } from '../../domain/names.ts';
import { withinTime } from './deadline.ts';
import { encodeHostInput, parseHostAnswer } from './host-protocol.ts';
import { ExecutorDown, HostUnreachable } from './port.ts';
import type { Silence } from '../../domain/agent-silence.ts';
import type { HostSpec } from '../../domain/inventory.ts';
import type { Executor, HostVerb } from './port.ts';

/** Where calls wait for agents. What its members throw means that this place is away. */
export interface AgentCalls {
  /** Keeps the program, so that agents who lack it can fetch it by its digest. Doing it again is harmless. */
  keepProgram(program: HostProgram): Promise<void>;
  /** Who is there now: API processes for agents, and the agent of this host. */
  presence(host: string): Promise<Pick<Silence, 'deskOpenMs' | 'seenMsAgo'>>;
  /** Answers the id of the call, which may be handed out from now on. */
  ask(call: WaitingCall): Promise<number>;
  /** Waits for the answer; null when the signal aborts first, or when no API process is there for agents any more. */
  answer(id: number, signal: AbortSignal): Promise<AgentAnswer | null>;
  /** The call is not waited for any more; tells how things stand. */
  giveUp(id: number, host: string): Promise<Pick<Silence, 'deskOpenMs' | 'seenMsAgo' | 'handedMsAgo'>>;
}

export interface HostProgram {
  readonly sha256: string;
  readonly body: Buffer;
}

export interface WaitingCall {
  readonly host: string;
  readonly verb: HostVerb;
  /** null: the verb has none */
  readonly opId: string | null;
  readonly epoch: string | null;
  /** SHA-256 of the host program */
  readonly program: string;
  /** its whole standard input */
  readonly input: string;
  readonly timeoutMs: number;
}

/** What the host program printed, one character per byte; after a status other than 0, what it complained of. */
export interface AgentAnswer {
  readonly exitStatus: number;
  readonly output: string;
}

export interface AgentExecutorOptions {
  /** file of the host program that agents run */
  readonly hostProgram: string;
  readonly calls: AgentCalls;
}

/**
 * An executor for hosts whose `executor.driver` is `agent`. A call that ends before its answer came is not handed out any more; what the
 * host has begun goes on there. While no API process is there for agents, or the database is away, the executor is down.
 */
export function createAgentExecutor({ hostProgram, calls }: AgentExecutorOptions): Executor {
  let kept: Promise<string> | null = null;
  const programDigest = (): Promise<string> => {
    kept ??= keepProgram(hostProgram, calls).catch((error: unknown) => {
      kept = null;
      throw error;
    });
    return kept;
  };
  return {
    driver: 'agent',
    run: async (host, verb, input, run) => {
      run.signal.throwIfAborted();
      refuseForeign(host);
      const text = encodeHostInput({ root: host.executor.root, ...input });
      const late = new TimeIsUp();
      const asked = { host: host.name, verb, opId: input['opId'] ?? null, epoch: input['epoch'] ?? null, input: text, timeoutMs: run.timeoutMs };
      const { exitStatus, output } = await withinTime(run, () => late, async (signal) => {
        const program = await whenThere(programDigest());
        signal.throwIfAborted();
        return converse(calls, { ...asked, program }, { signal, late });
      });
      if (exitStatus !== 0) throw new HostUnreachable(host.name, `The host program on ${host.name} broke in ${verb} (exit ${exitStatus}): ${output.trim() || 'it said nothing'}`);
      return parseHostAnswer(host.name, verb, output);
    },
  };
}

/** The call's own time is over, as against an abort of its caller. */
class TimeIsUp extends Error {}

async function keepProgram(file: string, calls: AgentCalls): Promise<string> {
  const body = readProgram(file);
  const sha256 = createHash('sha256').update(body).digest('hex');
  await calls.keepProgram({ sha256, body });
  return sha256;
}

function readProgram(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ExecutorDown(`The host program ${file} cannot be read: ${(error as Error).message}. Install Signalbox completely or mend its path.`);
  }
}

function refuseForeign({ name, executor }: HostSpec): void {
  if (executor.driver !== 'agent') throw new TypeError(`${name} is reached by ${executor.driver}, not by an agent`);
  if (!isPlainPath(executor.root)) throw new HostUnreachable(name, `${name} is not called, because executor.root would be unsafe in a line for its agent. Declare the host anew.`);
}

interface Ending {
  readonly signal: AbortSignal;
  readonly late: TimeIsUp;
}

async function converse(calls: AgentCalls, call: WaitingCall, { signal, late }: Ending): Promise<AgentAnswer> {
  refuseAway(call.host, await whenThere(calls.presence(call.host)));
  const id = await whenThere(calls.ask(call));
  const answer = await whenThere(calls.answer(id, signal));
  if (answer !== null) return answer;
  const givenUp = whenThere(calls.giveUp(id, call.host));
  if (signal.aborted && signal.reason !== late) {
    // The caller's reason counts, also where giving up did not work.
    await givenUp.catch(() => undefined);
    throw signal.reason;
  }
  const standing = await givenUp;
  // Without an abort it was given up because nobody was there for agents, however long that was.
  const { fault, sentence } = judgeSilence({ host: call.host, verb: call.verb, waitedMs: signal.aborted ? call.timeoutMs : Number.POSITIVE_INFINITY, ...standing });
  throw fault === 'host' ? new HostUnreachable(call.host, sentence) : new ExecutorDown(sentence);
}

function refuseAway(host: string, presence: Pick<Silence, 'deskOpenMs' | 'seenMsAgo'>): void {
  const away = absence({ host, ...presence });
  if (away !== null) throw new ExecutorDown(away);
}

/** The way to agents leads through a place of ours: when that is away, no host is to blame. */
async function whenThere<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ExecutorDown) throw error;
    throw new ExecutorDown(`Calls for agents cannot be kept or fetched: ${error instanceof Error ? error.message : String(error)}. The same step may be sent again.`);
  }
}
