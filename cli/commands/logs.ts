/** `signalbox logs ID --host HOST`: the application log lines that a release kept of a host. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { printable } from '../render/glyphs.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface LogsFlags extends RemoteFlags {
  readonly host: string;
  readonly output?: 'json';
}

interface HostLogs {
  readonly host: string;
  readonly entries: readonly { readonly direction: string; readonly step: string; readonly code: string; readonly message: string; readonly lines: readonly string[] }[];
}

export function addLogs(program: Command, shell: Shell): void {
  remote(
    program
      .command('logs <id>')
      .helpGroup('Releases:')
      .description('print the log lines kept with the failures of one host')
      .requiredOption('--host <name>', 'the host')
      .addOption(new Option('-o, --output <format>', 'json').choices(['json'])),
  ).action(shell.run((id: string, flags: LogsFlags) => logs(id, flags, shell)));
}

async function logs(id: string, flags: LogsFlags, shell: Shell): Promise<void> {
  const query = new URLSearchParams({ host: flags.host });
  const answer = await shell.client(flags).get<HostLogs>(`/v1/releases/${encodeURIComponent(id)}/logs?${query}`);
  if (flags.output === 'json') return shell.say(JSON.stringify(answer, null, 2));
  if (answer.entries.length === 0) return shell.say(`${flags.host} has no failure in ${id}, so no log lines are kept.`);
  for (const { direction, step, code, message, lines } of answer.entries) {
    shell.say(`${answer.host} ${step} (${direction}) ${code}: ${printable(message)}`, ...lines.map((line) => `  | ${printable(line)}`));
  }
}
