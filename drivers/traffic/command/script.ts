/** One call of an operator's script: words in, one JSON object out, within a time and a size. No shell, and nothing of the worker's environment. */
import { spawn } from 'node:child_process';
import { BalancerDown, BalancerMisconfigured } from '../port.ts';

export interface Script {
  /** for messages */
  readonly place: string;
  /**
   * Runs it with these words behind its own. Throws BalancerMisconfigured with the script's words when it answers `error`; BalancerDown when
   * it ends badly, answers anything but one JSON object, or is not done in time, and then it is killed with all it started.
   */
  call(words: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
}

const ANSWER_MAX = 4 * 1024 * 1024;
const COMPLAINT_MAX = 500;
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** @param command absolute path of the program and its first words */
export function createScript([program = '', ...first]: readonly string[], timeoutMs: number): Script {
  const place = [program, ...first].join(' ');
  return {
    place,
    async call(words, signal) {
      signal.throwIfAborted();
      const said = await run(program, [...first, ...words], timeoutMs, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        throw new BalancerDown(`\`${[place, ...words.slice(0, 3)].join(' ')}\` ${(error as Error).message}. It is called again.`);
      });
      const answer = objectIn(said);
      if (answer === null) throw new BalancerDown(`\`${place} ${words[0] ?? ''}\` answered something else than one JSON object: ${JSON.stringify(said.slice(0, COMPLAINT_MAX))}.`);
      if (answer['error'] !== undefined) throw new BalancerMisconfigured(`\`${place} ${words[0] ?? ''}\` refused: ${String(answer['error']).slice(0, COMPLAINT_MAX)}`);
      return answer;
    },
  };
}

function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

/** Its standard output. Rejects with what went wrong, or the signal's reason. A child that it leaves behind with its output open counts as not done. */
function run(program: string, args: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that all it started can be killed with it.
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: '/', env: ENVIRONMENT });
    let said = '';
    let complaint = '';
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      act();
    };
    const kill = (why: unknown): void => settle(() => {
      killGroup(child.pid);
      reject(why);
    });
    const abort = (): void => kill(signal.reason);
    const timer = setTimeout(() => kill(new Error(`was not done within ${timeoutMs} ms and was killed`)), timeoutMs);
    signal.addEventListener('abort', abort);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.length > ANSWER_MAX) kill(new Error(`answered more than ${ANSWER_MAX} characters and was killed`));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-COMPLAINT_MAX)));
    child.once('error', (cause) => settle(() => reject(new Error(`cannot be run: ${cause.message}`))));
    child.once('close', (code, ended) => settle(() => (code === 0 ? resolve(said) : reject(new Error(`ended with ${code ?? ended}: ${complaint.trim() || 'it said nothing'}`)))));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone by itself in this very moment.
  }
}
