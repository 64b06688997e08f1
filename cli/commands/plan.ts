/** `signalbox plan POOL APP=VERSION…`: what a release would do, without doing it. */
import type { Command } from 'commander';
import { planLines } from '../render/plan.ts';
import type { PlanAnswer } from '../render/plan.ts';
import { BATCH_CAP_HELP, parseBatchCap } from '../batch-cap.ts';
import { askedChanges, kindOption } from '../release-kind.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface PlanFlags extends RemoteFlags {
  readonly kind?: string;
  readonly strategy?: string;
  readonly reason?: string;
  readonly allowOutage: boolean;
  readonly batchCap?: number;
  readonly output?: string;
}

export function addPlan(program: Command, shell: Shell): void {
  remote(
    program
      .command('plan <pool> [app=version...]')
      .helpGroup('Releases:')
      .description('play a release through without starting it: batches, hosts in service, waits, how long it takes, what is different from the last good one')
      .addOption(kindOption())
      .option('--strategy <name>', "another strategy than the pool's own")
      .option('--reason <text>', 'why; needed with --allow-outage and --batch-cap')
      .option('--allow-outage', 'plan for a pool of one', false)
      .option('--batch-cap <percent>', BATCH_CAP_HELP, parseBatchCap)
      .option('-o, --output <format>', 'json'),
  ).action(shell.run((pool: string, changes: string[], flags: PlanFlags) => plan(pool, changes, flags, shell)));
}

async function plan(pool: string, changes: string[], flags: PlanFlags, shell: Shell): Promise<void> {
  const { strategy, reason, allowOutage, batchCap } = flags;
  const body = { pool, ...askedChanges(changes, flags), allowOutage, ...(batchCap === undefined ? {} : { batchCapPercent: batchCap }), ...(strategy === undefined ? {} : { strategy }), ...(reason === undefined ? {} : { reason }) };
  const { body: answer } = await shell.client(flags).request<PlanAnswer>('POST', '/v1/plans', { body });
  shell.say(...(flags.output === 'json' ? [JSON.stringify(answer, null, 2)] : planLines(answer, pool, shell.color(flags))));
}
