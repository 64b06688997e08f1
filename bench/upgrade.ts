/**
 * Process: is an upgrade of Signalbox itself safe in mid-release? Twenty releases run at any time, over no-op drivers and Temporal on
 * Postgres, while workers of two builds replace one another both ways: with the older one still there, after it, and by kill -9. Ends with 1
 * when a release does not succeed, or does so with another number of steps than it has.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDatabase, type Database } from '../db/client.ts';
import { openServers } from './bench-servers.ts';
import { endBenchWorker, startBenchWorker } from './bench-worker.ts';
import { timeRelease, watchEndings } from './endings.ts';
import { noOpRelease } from './no-op-release.ts';
import { median, verdict } from './statistics.ts';
import type { BenchServers } from './bench-servers.ts';
import type { Endings } from './endings.ts';

const IN_FLIGHT = 20;
const HOSTS = 8;
const LANES = 2;
const TASK_QUEUE = 'bench-upgrade';
const STEPS_PER_HOST = 6;
/** a swap in the middle of the releases that run, not of their beginnings */
const BETWEEN_SWAPS_MS = 6_000;
const BUILDS = ['one', 'other'] as const;
const WAYS = ['side by side', 'one after the other', 'kill -9'] as const;

const { values } = parseArgs({ options: { swaps: { type: 'string', default: '6' } } });
const swaps = Number(values.swaps);
if (!Number.isInteger(swaps) || swaps < 1) throw new Error('--swaps must be a whole number from 1');

const servers = await openServers('on-postgres');
let ok = false;
try {
  ok = await bench(servers);
} finally {
  await servers.close();
}
process.exit(ok ? 0 : 1);

async function bench(on: BenchServers): Promise<boolean> {
  const db = openDatabase({ url: on.databaseUrl, applicationName: 'signalbox-bench' });
  const endings = watchEndings(db, on.databaseUrl);
  const load = startLoad(db, endings);
  let worker = await startBenchWorker(on, TASK_QUEUE, { build: BUILDS[0], stateFolder: on.folder });
  try {
    for (let swap = 1; swap <= swaps; swap++) {
      await delay(BETWEEN_SWAPS_MS);
      const way = WAYS[(swap - 1) % WAYS.length] as (typeof WAYS)[number];
      const build = BUILDS[swap % BUILDS.length] as string;
      worker = await replace(on, worker, { way, build });
      console.log(`swap ${swap} to build ${build}, ${way}: ${load.ended()} releases have ended`);
    }
    await delay(BETWEEN_SWAPS_MS);
    const wallMs = await load.stop();
    return await judge(db, wallMs);
  } finally {
    await endBenchWorker(worker);
    await endings.close();
    await db.close();
  }
}

/** Pools side by side, each with one release after the other until it is stopped; then those that run are awaited. */
function startLoad(db: Database, endings: Endings): { readonly ended: () => number; readonly stop: () => Promise<readonly number[]> } {
  let stopping = false;
  const wallMs: number[] = [];
  const lane = async (pool: string): Promise<void> => {
    for (let number = 1; !stopping; number++) wallMs.push(await timeRelease(db, endings, noOpRelease({ id: `r-${randomBytes(6).toString('hex')}`, pool, hosts: HOSTS, lanes: LANES, version: `v${number}` })));
  };
  const lanes = Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => lane(`pool-${index}`)));
  lanes.catch(() => undefined);
  return {
    ended: () => wallMs.length,
    stop: async () => {
      stopping = true;
      await lanes;
      return wallMs;
    },
  };
}

async function replace(on: BenchServers, old: ChildProcess, { way, build }: { readonly way: (typeof WAYS)[number]; readonly build: string }): Promise<ChildProcess> {
  if (way === 'one after the other') await endBenchWorker(old);
  if (way === 'kill -9') {
    const gone = once(old, 'exit');
    old.kill('SIGKILL');
    await gone;
  }
  const next = await startBenchWorker(on, TASK_QUEUE, { build, stateFolder: on.folder });
  if (way !== 'side by side') return next;
  // Both work for a while: the older one on what it began.
  await delay(BETWEEN_SWAPS_MS);
  await endBenchWorker(old);
  return next;
}

/** Every release succeeded, else `timeRelease` has thrown; every step of every host was done once. */
async function judge(db: Database, wallMs: readonly number[]): Promise<boolean> {
  const { count } = await db.kysely.selectFrom('events').select(({ fn }) => fn.countAll<string>().as('count')).where('type', '=', 'target-step-succeeded').executeTakeFirstOrThrow();
  const steps = wallMs.length * HOSTS * STEPS_PER_HOST;
  const { holds, line } = verdict({ what: `steps done beside the ${steps} of ${wallMs.length} releases, ${swaps} swaps of the worker among them`, measured: Math.abs(Number(count) - steps), max: 0, digits: 0 });
  console.log(`\n  a release of ${HOSTS} hosts took ${(median(wallMs) / 1000).toFixed(1)} s (${(Math.min(...wallMs) / 1000).toFixed(1)}–${(Math.max(...wallMs) / 1000).toFixed(1)}) with ${IN_FLIGHT} at a time`);
  console.log(`  ${line}`);
  return holds;
}
