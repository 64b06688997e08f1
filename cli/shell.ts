/** What every command shares: its surroundings, the options that lead to the server, and the way a command ends with a number. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { Client } from './client.ts';
import { Complaint } from './complaint.ts';
import { parseDurationMs } from './duration.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { readSettings } from './settings.ts';
import type { SettingFlags } from './settings.ts';
import { hasColor } from './surroundings.ts';
import type { Surroundings } from './surroundings.ts';

/** The options of every command that talks to the server, as commander gives them. */
export interface RemoteFlags extends SettingFlags {
  readonly retryFor: number;
  readonly color: boolean;
}

export class Shell {
  readonly surroundings: Surroundings;
  exitCode: number = EXIT.succeeded;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
  }

  /** Wraps a command's work so that the number it answers becomes the process's exit code. */
  run<A extends unknown[]>(work: (...args: A) => Promise<ExitCode | number | void>): (...args: A) => Promise<void> {
    return async (...args) => {
      this.exitCode = (await work(...args)) ?? EXIT.succeeded;
    };
  }

  client(flags: RemoteFlags): Client {
    const { url, token } = readSettings(flags, this.surroundings);
    return new Client({ url, token, retryMs: flags.retryFor });
  }

  color(flags: Pick<RemoteFlags, 'color'>): boolean {
    return hasColor(this.surroundings, flags.color);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.surroundings.stdout.write(`${line}\n`);
  }

  /** For people beside a machine-readable answer: progress, hints, what was chosen. */
  note(...lines: readonly string[]): void {
    for (const line of lines) this.surroundings.stderr.write(`${line}\n`);
  }
}

/** Adds the options that lead to the server. */
export function remote(command: Command): Command {
  return command
    .optionsGroup('Server:')
    .option('--url <address>', 'the server (SIGNALBOX_URL, or url in signalbox.yaml; default http://127.0.0.1:8300)')
    .option('--token-file <file>', 'file with the token (SIGNALBOX_TOKEN_FILE, or tokenFile in signalbox.yaml)')
    .option('--token <token>', 'the token itself (SIGNALBOX_TOKEN is safer: others on this machine can read arguments)')
    .option('--config <file>', 'the settings file (default signalbox.yaml in this folder)')
    .addOption(new Option('--retry-for <duration>', 'how long to try while the server is away; watching tries for at least 2m').argParser(duration).default(15_000, '15s'))
    .option('--no-color', 'plain text (also NO_COLOR)')
    .optionsGroup('Options:');
}

/** Commander's reader for durations. */
export function duration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

export interface Change {
  readonly application: string;
  readonly version: string;
}

/** `web=2.0.0 worker=1.4.0` → changes. Throws a Complaint (usage) that names every wrong one. */
export function parseChanges(texts: readonly string[]): Change[] {
  const wrong: string[] = [];
  const changes: Change[] = [];
  for (const text of texts) {
    const [, application, version] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (application === undefined || version === undefined) wrong.push(`"${text}" is not APP=VERSION`);
    else if (changes.some((change) => change.application === application)) wrong.push(`"${application}" is given twice`);
    else changes.push({ application, version });
  }
  if (wrong.length > 0) throw new Complaint(EXIT.usage, 'The changes cannot be read.', wrong);
  return changes;
}

/** The caller's own Idempotency-Key; without one the client makes one per call. */
export function keyOf({ idempotencyKey }: { readonly idempotencyKey?: string }): { readonly idempotencyKey?: string } {
  return idempotencyKey === undefined ? {} : { idempotencyKey };
}

/** Commander's reader for `a,b` lists. */
export function commaList(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.some((entry) => entry === '')) throw new InvalidArgumentError('Write names separated by commas, without empty ones.');
  return entries;
}
