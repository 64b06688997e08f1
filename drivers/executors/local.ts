/** The executor for hosts that are this machine: runs the host program as a child process, in a process group of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import type { HostSpec } from '../../domain/inventory.ts';
import { encodeHostInput, parseHostAnswer } from './host-protocol.ts';
import { ExecutorDown, HostUnreachable } from './port.ts';
import type { Executor, HostVerb, RunOptions } from './port.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface LocalExecutorOptions {
  /** file of the host program */
  readonly hostProgram: string;
  /** the shell that runs it */
  readonly shell?: string;
  /** PATH of the host program and of the applications it starts */
  readonly path?: string;
}

/**
 * An executor whose hosts differ only by their root folder. A timeout or an abort ends the process group of the call; what the call
 * had begun is in the host's journal and goes on with the next call of the same opId. Applications it started live on.
 */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  const { hostProgram, shell = 'sh', path = SYSTEM_PATH } = options;
  return {
    driver: 'local',
    run: async (host, verb, input, run) => {
      run.signal.throwIfAborted();
      if (!existsSync(hostProgram)) throw new ExecutorDown(`The host program ${hostProgram} is not there; install Signalbox completely or mend its path.`);
      const child = spawn(shell, [hostProgram, verb], {
        detached: true,
        cwd: '/',
        env: { PATH: path, HOME: homedir(), LANG: 'C.UTF-8' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const output = await converse(child, { host, verb, shell, text: encodeHostInput({ root: host.executor.root, ...input }) }, run);
      return parseHostAnswer(host.name, verb, output);
    },
  };
}

interface Call {
  readonly host: HostSpec;
  readonly verb: HostVerb;
  readonly shell: string;
  readonly text: string;
}

/** Writes the input, gathers the output; ends the whole group on timeout, abort or too much output, and waits until it is gone. */
function converse(child: ChildProcess, call: Call, run: RunOptions): Promise<string> {
  const name = call.host.name;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let complaint = '';
    let size = 0;
    let ending: unknown = null;
    const end = (reason: unknown): void => {
      ending ??= reason;
      killGroup(child);
    };
    const onAbort = (): void => end(run.signal.reason);
    const timer = setTimeout(() => end(new HostUnreachable(name, `${name} did not answer ${call.verb} within ${run.timeoutMs} ms; the same step may be sent again.`)), run.timeoutMs);
    run.signal.addEventListener('abort', onAbort, { once: true });
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      run.signal.removeEventListener('abort', onAbort);
      act();
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_BYTES_MAX) end(new HostUnreachable(name, `${name} answered ${call.verb} with more than ${OUTPUT_BYTES_MAX} bytes.`));
      else chunks.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-2000);
    });
    // The program may refuse before it has read everything.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(call.text);
    child.on('error', (error) => settle(() => reject(new ExecutorDown(`The shell ${call.shell} could not be started for ${name}: ${error.message}`))));
    child.on('close', (code, signal) =>
      settle(() => {
        if (ending !== null) reject(ending);
        else if (code === 0) resolve(Buffer.concat(chunks).toString('latin1'));
        else reject(new HostUnreachable(name, `The host program on ${name} broke in ${call.verb} (${signal ?? `exit ${code}`}): ${complaint.trim() || 'it said nothing'}`));
      }),
    );
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group ended by itself in the meantime.
  }
}

