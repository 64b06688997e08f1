/** Every command of the command line, in the order in which help lists them. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addApply } from './commands/apply.ts';
import { addCheck } from './commands/check.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvents } from './commands/events.ts';
import { addGet } from './commands/get.ts';
import { addHost } from './commands/host.ts';
import { addHostToken } from './commands/host-token.ts';
import { addLift } from './commands/lift.ts';
import { addLocalParts } from './commands/local.ts';
import { addLogs } from './commands/logs.ts';
import { addPackage } from './commands/package.ts';
import { addPlan } from './commands/plan.ts';
import { addRelease } from './commands/release.ts';
import { addToken } from './commands/token.ts';
import { addTraffic } from './commands/traffic.ts';
import { addVerbs } from './commands/verbs.ts';
import { addStatus, addWatch } from './commands/watch.ts';
import { Complaint } from './complaint.ts';
import { EXIT, EXIT_MEANINGS } from './exit-codes.ts';
import { printable } from './render/glyphs.ts';
import { Shell } from './shell.ts';
import type { Surroundings } from './surroundings.ts';

/** The commands, bound to `shell`; nothing runs until `parseAsync`. */
export function createProgram(shell: Shell): Command {
  const { stdout, stderr } = shell.surroundings;
  const program = new Command('signalbox')
    .description('Release software to fleets: bastion first, batch by batch, and back exactly as it was when something is wrong.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 120,
      getErrHelpWidth: () => stderr.columns ?? 120,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', `\nExit codes:\n${EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(4)}${meaning}`).join('\n')}`);
  addLocalParts(program, shell);
  addApply(program, shell);
  addPackage(program, shell);
  addGet(program, shell);
  addHost(program, shell);
  addTraffic(program, shell);
  addPlan(program, shell);
  addRelease(program, shell);
  addWatch(program, shell);
  addStatus(program, shell);
  addEvents(program, shell);
  addLogs(program, shell);
  addVerbs(program, shell);
  addLift(program, shell);
  addDoctor(program, shell);
  addCheck(program, shell);
  addToken(program, shell);
  addHostToken(program, shell);
  addCompletion(program, shell);
  return program;
}

/** Runs one call (`args` without node and script) and answers the exit code; never throws. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const shell = new Shell(surroundings);
  try {
    await createProgram(shell).parseAsync([...args], { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    return explain(error, shell);
  }
}

function explain(error: unknown, shell: Shell): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.succeeded : EXIT.usage;
  if (error instanceof Complaint) {
    shell.note(`signalbox: ${printable(error.message)}`, ...error.details.map((detail) => `  ${printable(detail)}`));
    return error.exitCode;
  }
  shell.note(`signalbox: the command line itself broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.internal;
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
