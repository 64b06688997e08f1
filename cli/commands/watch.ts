/** `signalbox watch ID` follows a release; `signalbox status ID` tells once how it stands. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { EXIT, exitOfStatus } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { hasEnded, waitsForPerson } from '../release.ts';
import type { Release } from '../release.ts';
import { outcomeLines } from '../render/outcome.ts';
import { renderTree } from '../render/tree.ts';
import { remote } from '../shell.ts';
import type { Shell } from '../shell.ts';
import { watchRelease, watching } from '../watching.ts';
import type { WatchFlags } from '../watching.ts';

interface StatusFlags extends WatchFlags {
  readonly watch: boolean;
  readonly output?: string;
}

export function addWatch(program: Command, shell: Shell): void {
  const command = program.command('watch <id>').helpGroup('Releases:').description('follow a release to its end; the exit code tells the outcome');
  remote(watching(command)).action(shell.run((id: string, flags: WatchFlags) => watchRelease(shell, flags, { id, after: null })));
}

export function addStatus(program: Command, shell: Shell): void {
  const command = program
    .command('status <id>')
    .helpGroup('Releases:')
    .description('show how a release stands; code 0 while it runs, its outcome once it has ended')
    .option('-w, --watch', 'follow it like `watch`', false)
    .addOption(new Option('-o, --output <format>', 'json or yaml').choices(['json', 'yaml']));
  remote(watching(command)).action(shell.run((id: string, flags: StatusFlags) => (flags.watch ? watchRelease(shell, flags, { id, after: null }) : status(id, flags, shell))));
}

async function status(id: string, flags: StatusFlags, shell: Shell): Promise<ExitCode> {
  const release = await shell.client(flags).get<Release>(`/v1/releases/${encodeURIComponent(id)}`);
  if (flags.output !== undefined) {
    shell.say(flags.output === 'json' ? JSON.stringify(release, null, 2) : stringify(release).trimEnd());
    return codeNow(release, flags);
  }
  shell.say(...renderTree(release, { color: shell.color(flags), columns: shell.surroundings.stdout.columns ?? 160, rows: 0, nowMs: Date.now() }));
  if (hasEnded(release)) shell.say('', ...outcomeLines(release, shell.color(flags)));
  return codeNow(release, flags);
}

function codeNow(release: Release, flags: StatusFlags): ExitCode {
  const waits = !flags.waitApproval && waitsForPerson(release);
  return exitOfStatus(release.status, release.debt.length, flags.strict) ?? (waits ? EXIT.waitingForPerson : EXIT.succeeded);
}
