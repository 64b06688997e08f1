/** `signalbox host drain|admit|flags NAME`: the operator's flag of a host, and how all of them stand. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { table } from '../render/table.ts';
import { duration, keyOf, remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface ShowFlags extends RemoteFlags {
  readonly output?: 'json';
}

interface MoveFlags extends ShowFlags {
  readonly reason: string;
  readonly pool?: string;
  readonly force?: boolean;
  readonly timeout: number;
  readonly idempotencyKey?: string;
}

interface Standing {
  readonly host: string;
  readonly flags: readonly { readonly owner: string; readonly pool: string | null; readonly up: boolean; readonly by: string | null; readonly since: string | null; readonly reason: string | null }[];
  readonly pools: readonly { readonly sentence: string }[];
}

interface Moved extends Standing {
  readonly done: boolean;
  readonly sentence: string;
}

const WAIT_SECONDS_MAX = 60;

export function addHost(program: Command, shell: Shell): void {
  const hosts = program.command('host').helpGroup('Inventory:').description('take hosts out of traffic and let them back');
  move(hosts.command('drain <name>'), 'take a host out of traffic until it is admitted; releases install it and leave it out')
    .option('--force', 'also when fewer hosts than the capacity floor are left')
    .action(shell.run((name: string, flags: MoveFlags) => carryOut('drain', name, flags, shell)));
  move(hosts.command('admit <name>'), 'let a drained host back into traffic; says who else still keeps it out').action(
    shell.run((name: string, flags: MoveFlags) => carryOut('admit', name, flags, shell)),
  );
  remote(hosts.command('flags <name>').description('whose flags keep a host out, and what the balancers show').addOption(output())).action(
    shell.run((name: string, flags: ShowFlags) => show(name, flags, shell)),
  );
}

function move(command: Command, about: string): Command {
  return remote(
    command
      .description(about)
      .requiredOption('--reason <text>', 'why; kept with the host')
      .option('--pool <name>', 'only in this pool; default: every pool of the host')
      .addOption(new Option('--timeout <duration>', 'how long to wait until the balancers were read back').argParser(duration).default(15_000, '15s'))
      .option('--idempotency-key <key>', 'the same key and request are carried out once')
      .addOption(output()),
  );
}

function output(): Option {
  return new Option('-o, --output <format>', 'json: the whole answer').choices(['json']);
}

async function carryOut(verb: 'drain' | 'admit', name: string, flags: MoveFlags, shell: Shell): Promise<ExitCode> {
  const { reason, pool, force } = flags;
  const body = { reason, ...(pool === undefined ? {} : { pool }), ...(force === true ? { force } : {}) };
  const seconds = Math.min(WAIT_SECONDS_MAX, Math.ceil(flags.timeout / 1000));
  const path = `/v1/hosts/${encodeURIComponent(name)}/${verb}?waitSeconds=${seconds}`;
  const { body: moved } = await shell.client(flags).request<Moved>('POST', path, { body, ...keyOf(flags), timeoutMs: 30_000 + seconds * 1000 });
  shell.say(flags.output === 'json' ? JSON.stringify(moved, null, 2) : moved.sentence);
  if (moved.done) return EXIT.succeeded;
  shell.note(`Not carried out yet; it is stored and will be. Look: signalbox host flags ${name}`);
  return EXIT.timedOut;
}

async function show(name: string, flags: ShowFlags, shell: Shell): Promise<void> {
  const standing = await shell.client(flags).get<Standing>(`/v1/hosts/${encodeURIComponent(name)}/flags`);
  if (flags.output === 'json') return shell.say(JSON.stringify(standing, null, 2));
  const rows = standing.flags.map(({ owner, pool, up, by, since, reason }) => [owner, pool ?? 'every', up ? 'up' : 'down', by ?? '', since ?? '', reason ?? '']);
  shell.say(...table(['FLAG', 'POOL', 'STANDS', 'BY', 'SINCE', 'REASON'], rows), ...standing.pools.map(({ sentence }) => sentence));
}
