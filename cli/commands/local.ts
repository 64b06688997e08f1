/** Commands that run a part of Signalbox on this machine: each is its own Node process, and its exit code is ours. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Complaint } from '../complaint.ts';
import { EXIT } from '../exit-codes.ts';
import type { Shell } from '../shell.ts';

interface Part {
  readonly name: string;
  readonly entry: string;
  readonly about: string;
}

export const PARTS: readonly Part[] = [
  { name: 'start', entry: 'stack/start.ts', about: 'run the whole stack on this machine and release a demo fleet' },
  { name: 'api', entry: 'api/main.ts', about: 'run the HTTP API' },
  { name: 'worker', entry: 'worker/main.ts', about: 'run a worker' },
  { name: 'site-worker', entry: 'worker/site-main.ts', about: 'run a worker inside a data centre, for hosts that name it: --site NAME' },
  { name: 'migrate', entry: 'db/main.ts', about: 'bring the database schema up to date' },
];

/** Options belong to the part, which checks them itself. */
export function addLocalParts(program: Command, shell: Shell): void {
  for (const part of PARTS) {
    program
      .command(`${part.name} [args...]`)
      .helpGroup('On this machine:')
      .description(part.about)
      .allowUnknownOption()
      .helpOption(false)
      .action(shell.run((args: string[]) => runPart(part, args, shell)));
  }
}

async function runPart(part: Part, args: readonly string[], shell: Shell): Promise<number> {
  const entry = join(import.meta.dirname, '..', '..', part.entry);
  if (!existsSync(entry)) throw new Complaint(EXIT.usage, `This installation has no ${part.entry}; it holds the command line only.`);
  const { cwd, stdin } = shell.surroundings;
  const { env, pipe } = lifeline(shell);
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['inherit', 'inherit', 'inherit', pipe], cwd, env });
  child.stdio[PIPE_FD]?.on('error', () => undefined);
  // A terminal sends Ctrl-C to the child as well; told twice, a service would end at once instead of in order.
  const release = shell.surroundings.onInterrupt((signal) => {
    if (signal === 'SIGTERM' || stdin.isTTY !== true) child.kill(signal);
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    release();
  }
}

const PIPE_FD = 3;

/**
 * A pipe whose closing tells the part that whoever called it is gone, even by SIGKILL: the launcher's own where it gave us one, so
 * that its death is seen too, else one of ours.
 */
function lifeline(shell: Shell): { readonly env: NodeJS.ProcessEnv; readonly pipe: number | 'pipe' } {
  const given = shell.surroundings.env['BOOTSTRAP_PIPE_FD'];
  const pipe = given !== undefined && /^\d{1,4}$/.test(given) ? Number(given) : 'pipe';
  return { env: { ...shell.surroundings.env, BOOTSTRAP_PIPE_FD: String(PIPE_FD) }, pipe };
}
