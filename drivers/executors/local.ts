/** The executor for hosts that are this machine: runs the host program as a child process, in a process group of its own. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import type { HostSpec } from '../../domain/inventory.ts';
import { withinTime } from './deadline.ts';
import { encodeHostInput, parseHostAnswer } from './host-protocol.ts';
import { ExecutorDown, HostUnreachable } from './port.ts';
import type { Executor, HostVerb } from './port.ts';
import { SpawnerDied, createSpawner } from './spawner.ts';
import { SYSTEM_PATH } from './system-path.ts';
import type { SpawnRequest, Spawner } from './spawner.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;

export interface LocalExecutorOptions {
  /** file of the host program */
  readonly hostProgram: string;
  /** the shell that runs it */
  readonly shell?: string;
  /** PATH of the host program and of the applications it starts */
  readonly path?: string;
}

export interface LocalExecutor extends Executor {
  /** Ends the calls under way and the process that starts them; one more `run` starts it anew. Without it, it ends with this process. */
  close(): Promise<void>;
  /** pid of the process that starts the calls, null while there is none */
  spawnerPid(): number | null;
}

/**
 * An executor whose hosts differ only by their root folder. A timeout or an abort ends the process group of the call; what the call
 * had begun is in the host's journal and goes on with the next call of the same opId. Applications it started live on.
 */
export function createLocalExecutor(options: LocalExecutorOptions): LocalExecutor {
  const { hostProgram, shell = 'sh', path = SYSTEM_PATH } = options;
  const spawner = createSpawner();
  const env = { PATH: path, HOME: homedir(), LANG: 'C.UTF-8' };
  return {
    driver: 'local',
    run: async (host, verb, input, run) => {
      run.signal.throwIfAborted();
      if (!existsSync(hostProgram)) throw new ExecutorDown(`The host program ${hostProgram} is not there; install Signalbox completely or mend its path.`);
      const text = encodeHostInput({ root: host.executor.root, ...input });
      const call: Call = { host, verb, request: { command: shell, words: [hostProgram, verb], env, text, outputBytesMax: OUTPUT_BYTES_MAX } };
      const late = (): Error => new HostUnreachable(host.name, `${host.name} did not answer ${verb} within ${run.timeoutMs} ms; the same step may be sent again.`);
      const output = await withinTime(run, late, (signal) => converse(spawner, call, signal));
      return parseHostAnswer(host.name, verb, output);
    },
    close: () => spawner.close(),
    spawnerPid: () => spawner.pid(),
  };
}

interface Call {
  readonly host: HostSpec;
  readonly verb: HostVerb;
  readonly request: SpawnRequest;
}

/** The output of a call that ended well. Too much output, too long a time and a bad end are the host's; the rest is the executor's. */
async function converse(spawner: Spawner, { host: { name }, verb, request }: Call, signal: AbortSignal): Promise<string> {
  try {
    const outcome = await spawner.run(request, signal);
    if (outcome.kind === 'failed') throw new ExecutorDown(`The shell ${request.command} could not be started for ${name}: ${outcome.message}`);
    if (outcome.tooMuch) throw new HostUnreachable(name, `${name} answered ${verb} with more than ${OUTPUT_BYTES_MAX} bytes.`);
    if (outcome.code !== 0) throw new HostUnreachable(name, `The host program on ${name} broke in ${verb} (${outcome.signal ?? `exit ${outcome.code}`}): ${outcome.complaint.trim() || 'it said nothing'}`);
    return outcome.output;
  } catch (error) {
    if (error instanceof SpawnerDied) throw new ExecutorDown(`The process that starts host programs ended (${error.message}) while ${verb} ran on ${name}; the same step may be sent again.`);
    throw error;
  }
}
