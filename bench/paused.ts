/**
 * Process: one release of 500 hosts over no-op drivers, of which five fail within tolerance, paused and resumed 25 times on its way.
 * Ends with 1 when it does not succeed with exactly these five left behind, or when any of its runs has too long a history.
 */
import './quiet-runtime.ts';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { openDatabase, type Database } from '../db/client.ts';
import { acceptCommand, getReceipt } from '../db/commands.ts';
import { getRelease } from '../db/queries.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import { releaseWorkflowId } from '../workflows/messages.ts';
import { openServers } from './bench-servers.ts';
import { endBenchWorker, startBenchWorker } from './bench-worker.ts';
import { watchEndings } from './endings.ts';
import { noOpRelease } from './no-op-release.ts';
import { readHistory } from './release-history.ts';
import { verdict, withSpread } from './statistics.ts';

const HOSTS = 500;
const LANES = 10;
const PAUSES = 25;
/** far apart in the order of names, so that they fall into different batches */
const SICK = [60, 160, 260, 360, 460].map((number) => `paused-${String(number).padStart(3, '0')}`);
const EVENTS_OF_RUN_MAX = 4095;
const LOOK_EVERY_MS = 10;
const WAIT_MS_MAX = 120_000;
const OPERATOR = { kind: 'token', name: 'bench' } as const;

const servers = await openServers('on-postgres');
const worker = await startBenchWorker(servers, 'bench-paused', { sick: SICK });
const db = openDatabase({ url: servers.databaseUrl, applicationName: 'signalbox-bench' });
const endings = watchEndings(db, servers.databaseUrl);
const connection = await Connection.connect({ address: servers.temporalAddress });
try {
  const asked = noOpRelease({ id: `r-${randomBytes(6).toString('hex')}`, pool: 'paused', hosts: HOSTS, lanes: LANES, batchPercent: 10, version: 'v1', tolerated: SICK.length });
  const ending = endings.of(asked.id);
  await createReleaseRequest(db, asked);
  const quietMs = await pauseAgainAndAgain(db, asked.id);
  const status = await ending;
  const left = ((await getRelease(db, asked.id))?.core.situation as { readonly debt?: readonly { readonly host: string }[] } | undefined)?.debt?.map(({ host }) => host) ?? [];
  const history = await readHistory(new Client({ connection, namespace: servers.namespace }), releaseWorkflowId(asked.id));
  console.log(`  ${HOSTS} hosts, ${quietMs.length} pauses: ended ${status}; left behind ${left.toSorted().join(', ')}; ${history.events} events in all its runs`);
  console.log(`  pause acknowledged → quiet, ms: ${withSpread(quietMs, 0)} (N = ${quietMs.length})`);
  const { holds, line } = verdict({ what: 'events of the longest run', measured: history.eventsOfRunMax, max: EVENTS_OF_RUN_MAX, digits: 0 });
  console.log(`  ${line}`);
  process.exitCode = holds && status === 'succeeded' && left.toSorted().join() === SICK.join() && quietMs.length === PAUSES ? 0 : 1;
} finally {
  await connection.close();
  await endings.close();
  await db.close();
  await endBenchWorker(worker);
  await servers.close();
}
process.exit();

/** Spread over the whole release. Answers how long each pause took until no host was in work any more, in milliseconds. */
async function pauseAgainAndAgain(on: Database, release: string): Promise<readonly number[]> {
  const quietMs: number[] = [];
  for (let pause = 1; pause <= PAUSES; pause += 1) {
    await until(`${pause} of ${PAUSES + 1} parts done`, async () => (await doneHosts(on, release)) >= Math.floor((pause * HOSTS) / (PAUSES + 1)) - LANES);
    await applied(on, release, 'pause');
    const acknowledgedMs = performance.now();
    await until('quiet', async () => {
      const core = (await getRelease(on, release))?.core;
      if (core !== undefined && isTerminal(core.situation.status)) throw new Error(`The release had ended ${core.situation.status} after ${pause - 1} pauses.`);
      return core?.paused?.quiet === true;
    });
    quietMs.push(performance.now() - acknowledgedMs);
    await applied(on, release, 'resume');
  }
  return quietMs;
}

async function doneHosts({ pool }: Database, release: string): Promise<number> {
  const { rows } = await pool.query<{ done: number }>(`select count(*)::int as done from events where stream = $1 and type = 'target-step-succeeded' and data ->> 'step' = 'admit'`, [`release/${release}`]);
  return rows[0]?.done ?? 0;
}

async function applied(on: Database, release: string, type: 'pause' | 'resume'): Promise<void> {
  const command = { id: `c-${randomBytes(6).toString('hex')}`, by: OPERATOR, reason: 'the bench', type };
  await acceptCommand(on, { command, release });
  await until(`an answer to ${type}`, async () => ((await getReceipt(on, command.id))?.state ?? 'accepted') !== 'accepted');
  const receipt = await getReceipt(on, command.id);
  if (receipt?.state !== 'applied') throw new Error(`${type} was refused: ${receipt?.refusal?.message ?? 'nobody says why'}`);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`It never came to pass: ${what}.`);
    await delay(LOOK_EVERY_MS);
  }
}
