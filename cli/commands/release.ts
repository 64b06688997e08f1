/** `signalbox release POOL APP=VERSION… [--wait]`: asks for a release; with --wait follows it to its end, rollback included. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { BATCH_CAP_HELP, parseBatchCap } from '../batch-cap.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { askedChanges, kindOption } from '../release-kind.ts';
import { keyOf, remote } from '../shell.ts';
import type { Shell } from '../shell.ts';
import { watchRelease, watching } from '../watching.ts';
import type { WatchFlags } from '../watching.ts';

interface ReleaseFlags extends WatchFlags {
  readonly wait: boolean;
  readonly kind?: string;
  readonly strategy?: string;
  readonly reason?: string;
  readonly busy?: string;
  readonly allowOutage: boolean;
  readonly batchCap?: number;
  readonly adopt: boolean;
  readonly plan?: string;
  readonly idempotencyKey?: string;
  readonly output?: string;
}

export function addRelease(program: Command, shell: Shell): void {
  const command = program
    .command('release <pool> [app=version...]')
    .helpGroup('Releases:')
    .description('release versions to a pool; prints the id of the release')
    .addOption(kindOption())
    .option('--strategy <name>', "another strategy than the pool's own")
    .option('--reason <text>', 'why; kept with the release')
    .addOption(new Option('--busy <policy>', "when the pool is busy; default: the pool's own policy").choices(['reject', 'queue', 'supersede']))
    .option('--allow-outage', 'a pool of one may be out of service meanwhile; needs --reason', false)
    .option('--batch-cap <percent>', BATCH_CAP_HELP, parseBatchCap)
    .option('--adopt', 'take over applications that run unmanaged, or hosts put back by hand', false)
    .option('--plan <id>', 'start only if it would still do what this plan says; `signalbox plan` prints the id')
    .option('--idempotency-key <key>', 'the same key and request give the same release; use the CI job id so that a repeated job does not release twice')
    .addOption(new Option('-o, --output <format>', 'name: the id alone; json').choices(['name', 'json']))
    .option('--wait', 'follow it to its end and tell the outcome by the exit code', false);
  remote(watching(command)).action(shell.run((pool: string, changes: string[], flags: ReleaseFlags) => release(pool, changes, flags, shell)));
}

interface Accepted {
  readonly id: string;
  readonly status: string;
}

async function release(pool: string, changes: string[], flags: ReleaseFlags, shell: Shell): Promise<ExitCode> {
  const body = requestBody(pool, changes, flags);
  const client = shell.client(flags);
  const { body: accepted } = await client.request<Accepted>('POST', '/v1/releases', { body, ...keyOf(flags) });
  if (flags.output === 'name') shell.say(accepted.id);
  else if (flags.output === 'json') shell.say(JSON.stringify(accepted, null, 2));
  else shell.say(`release ${accepted.id} accepted`);
  if (flags.wait) return watchRelease(shell, flags, { id: accepted.id, after: 0 });
  if (flags.output === undefined) shell.note(`Watch it: signalbox watch ${accepted.id}`);
  return EXIT.succeeded;
}

function requestBody(pool: string, changes: string[], flags: ReleaseFlags): Record<string, unknown> {
  const { strategy, reason, busy, allowOutage, batchCap, adopt, plan } = flags;
  return {
    pool,
    ...askedChanges(changes, flags),
    allowOutage,
    adopt,
    ...(batchCap === undefined ? {} : { batchCapPercent: batchCap }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(reason === undefined ? {} : { reason }),
    ...(busy === undefined ? {} : { busy }),
    ...(plan === undefined ? {} : { plan }),
  };
}
