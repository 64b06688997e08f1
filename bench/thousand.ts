/**
 * Process: one release of 1,000 hosts in ten batches, over no-op drivers, with one worker in a process of its own and Temporal as
 * production runs it, its state in Postgres; then the same activities as a bare workflow. Ends with 1 when a target is missed.
 */
import './quiet-runtime.ts';
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { openDatabase } from '../db/client.ts';
import { releaseWorkflowId } from '../workflows/messages.ts';
import { openServers } from './bench-servers.ts';
import { endBenchWorker, startBenchWorker } from './bench-worker.ts';
import { timeRelease, watchEndings } from './endings.ts';
import { openBareSide } from './floor-sides.ts';
import { noOpRelease } from './no-op-release.ts';
import { watchMemory } from './processes.ts';
import { readHistory } from './release-history.ts';
import { median, verdict, withSpread } from './statistics.ts';
import type { ChildProcess } from 'node:child_process';
import type { BenchServers } from './bench-servers.ts';
import type { RecordedHistory } from './release-history.ts';

const HOSTS = 1000;
const LANES = 100;
const BATCH_PERCENT = 10;
const RUNS = 3;
const WALL_S_MAX = 60;
const RSS_MAX_MB = 500;
const EVENTS_OF_RUN_MAX = 4095;

const servers = await openServers('on-postgres');
let worker: ChildProcess | null = null;
try {
  worker = await startBenchWorker(servers, 'bench-thousand');
  const released = await releaseRuns(servers, worker);
  await endBenchWorker(worker);
  worker = null;
  process.exitCode = report(released, await bareRuns(servers, released[0]?.history.activities.length ?? 0)) ? 0 : 1;
} finally {
  if (worker !== null) await endBenchWorker(worker);
  await servers.close();
}
process.exit();

interface Released {
  readonly wallMs: number;
  readonly rssMaxMb: number;
  readonly history: RecordedHistory;
}

/** The same hosts are released again and again, each time to a new version. */
async function releaseRuns({ databaseUrl, temporalAddress, namespace }: BenchServers, child: ChildProcess): Promise<readonly Released[]> {
  const db = openDatabase({ url: databaseUrl, applicationName: 'signalbox-bench' });
  const endings = watchEndings(db, databaseUrl);
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace });
  const released: Released[] = [];
  try {
    while (released.length < RUNS) {
      const id = `r-${randomBytes(6).toString('hex')}`;
      const watch = watchMemory(child);
      const wallMs = await timeRelease(db, endings, noOpRelease({ id, pool: 'thousand', hosts: HOSTS, lanes: LANES, batchPercent: BATCH_PERCENT, version: `v${released.length + 1}` }));
      const rssMaxMb = await watch.end();
      const history = await readHistory(client, releaseWorkflowId(id));
      released.push({ wallMs, rssMaxMb, history });
      console.log(`  release ${released.length} of ${HOSTS} hosts: ${(wallMs / 1000).toFixed(1)} s, worker up to ${rssMaxMb.toFixed(0)} MB, ${history.activities.length} activities, ${history.events} events, longest run ${history.eventsOfRunMax}`);
    }
    return released;
  } finally {
    await endings.close();
    await connection.close();
    await db.close();
  }
}

/** As many activities in ten stages, ten bare workflows one after the other: a single history could not hold them. */
async function bareRuns(on: BenchServers, activities: number): Promise<readonly number[]> {
  const connection = await NativeConnection.connect({ address: on.temporalAddress });
  const clientConnection = await Connection.connect({ address: on.temporalAddress });
  const client = new Client({ connection: clientConnection, namespace: on.namespace });
  const bare = await openBareSide({ servers: on, connection, client });
  const stages = Math.round(100 / BATCH_PERCENT);
  const targets = HOSTS / stages;
  const steps = Math.round(activities / HOSTS);
  const walls: number[] = [];
  try {
    while (walls.length < RUNS) {
      let wallMs = 0;
      for (let stage = 0; stage < stages; stage++) wallMs += (await bare.run([{ targets, steps, lanes: LANES }])).wallMs;
      walls.push(wallMs);
      console.log(`  bare ${walls.length}: ${(wallMs / 1000).toFixed(1)} s, ${stages * targets * steps} activities`);
    }
    return walls;
  } finally {
    await bare.close();
    await connection.close();
    await clientConnection.close();
  }
}

function report(released: readonly Released[], bare: readonly number[]): boolean {
  const walls = released.map(({ wallMs }) => wallMs / 1000);
  const perTarget = { release: (median(walls) * 1000) / HOSTS, bare: median(bare) / HOSTS };
  console.log(`  wall, s: release ${withSpread(walls, 1)}, bare ${withSpread(bare.map((ms) => ms / 1000), 1)} (N = ${RUNS})`);
  console.log(`  cost per target: ${perTarget.release.toFixed(1)} ms, bare Temporal ${perTarget.bare.toFixed(1)} ms, ratio ${(perTarget.release / perTarget.bare).toFixed(2)}`);
  const verdicts = [
    verdict({ what: `a release of ${HOSTS} targets, s, median of ${RUNS}`, measured: median(walls), max: WALL_S_MAX, digits: 1 }),
    verdict({ what: 'the most memory the worker held, MB', measured: Math.max(...released.map(({ rssMaxMb }) => rssMaxMb)), max: RSS_MAX_MB, digits: 0 }),
    verdict({ what: 'events of the longest run', measured: Math.max(...released.map(({ history }) => history.eventsOfRunMax)), max: EVENTS_OF_RUN_MAX, digits: 0 }),
  ];
  for (const { line } of verdicts) console.log(`  ${line}`);
  return verdicts.every(({ holds }) => holds);
}
