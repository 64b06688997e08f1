/** Running a program to its end, with a deadline and its output. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  /** null when the program could not be started or was ended by a signal */
  readonly code: number | null;
  /** standard output and standard error as they came */
  readonly output: string;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** sees the output as it comes */
  readonly onOutput?: (text: string) => void;
}

/** Never throws: a missing program is `code: null` with the reason as output. At the deadline the program's whole group is killed. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: options.cwd, env: options.env ?? process.env });
    const kill = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    // It has a group of its own, so nobody else would end it with us.
    process.once('exit', kill);
    const timer = setTimeout(() => {
      output += `\n${command} did not end within ${Math.round(options.timeoutMs / 1000)} s and was killed`;
      kill();
    }, options.timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        options.onOutput?.(chunk.toString());
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, output: `${output}${error.message}` });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      process.removeListener('exit', kill);
      resolve({ code, output });
    });
  });
}

/** The last line that says something, for messages. */
export function lastLine(output: string): string {
  return output.trim().split('\n').findLast((line) => line.trim() !== '')?.trim() ?? 'no output';
}
