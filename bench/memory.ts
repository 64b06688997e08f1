/**
 * Process: does a worker keep its size? Runs 1,000 small releases over no-op drivers, ten at a time, against a worker in a process of
 * its own, and reads its resident memory after 500 and after 1,000. Ends with 1 when a target is missed.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase, type Database } from '../db/client.ts';
import { openServers } from './bench-servers.ts';
import { endBenchWorker, startBenchWorker } from './bench-worker.ts';
import { timeRelease, watchEndings } from './endings.ts';
import { noOpRelease } from './no-op-release.ts';
import { residentBytes } from './processes.ts';
import { median, verdict, withSpread } from './statistics.ts';
import type { BenchServers } from './bench-servers.ts';
import type { Endings } from './endings.ts';
import type { MemoryReport } from './worker-process.ts';

const AT_ONCE = 10;
const HOSTS = 4;
const LANES = 10;
const HALF = 500;
const RSS_MAX_MB = 500;
const GROWTH_MAX = 1.05;
const REPORT_EVERY = 100;
/** After a load the heap is swept and pages go back to the system over some seconds. */
const SETTLE_MS = 10_000;
const SAMPLES = 10;
const SAMPLE_EVERY_MS = 1000;

const servers = await openServers();
let worker: ChildProcess | null = null;
try {
  worker = await startBenchWorker(servers, 'bench-memory');
  process.exitCode = (await bench(servers, worker)) ? 0 : 1;
} finally {
  if (worker !== null) await endBenchWorker(worker);
  await servers.close();
}
process.exit();

async function bench({ databaseUrl }: BenchServers, child: ChildProcess): Promise<boolean> {
  const db = openDatabase({ url: databaseUrl, applicationName: 'signalbox-bench' });
  const endings = watchEndings(db, databaseUrl);
  try {
    console.log(`releases of ${HOSTS} hosts, ${AT_ONCE} at a time; worker process: RSS, and the heap of its main thread, in MB`);
    await told('before the first release', child);
    await runReleases(db, endings, child, 0);
    const half = await settled(HALF, child);
    await runReleases(db, endings, child, HALF);
    const whole = await settled(HALF * 2, child);
    const verdicts = [
      verdict({ what: `RSS after ${HALF} releases, MB`, measured: median(half), max: RSS_MAX_MB, digits: 0 }),
      verdict({ what: `RSS after ${HALF * 2} against after ${HALF}`, measured: median(whole) / median(half), max: GROWTH_MAX, digits: 3 }),
    ];
    for (const { line } of verdicts) console.log(line);
    return verdicts.every(({ holds }) => holds);
  } finally {
    await endings.close();
    await db.close();
  }
}

/** As many as `HALF`, `AT_ONCE` pools side by side, each with one release after the other. */
async function runReleases(db: Database, endings: Endings, child: ChildProcess, before: number): Promise<void> {
  const startedMs = performance.now();
  let begun = 0;
  let done = 0;
  const lane = async (pool: string): Promise<void> => {
    while (begun < HALF) {
      const number = before + ++begun;
      const id = `r-${randomBytes(6).toString('hex')}`;
      await timeRelease(db, endings, noOpRelease({ id, pool, hosts: HOSTS, lanes: LANES, version: `v${number}` }));
      if (++done % REPORT_EVERY === 0) await told(`${before + done} releases, ${Math.round((performance.now() - startedMs) / done)} ms each`, child);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => lane(`pool-${index}`)));
}

/** Resident megabytes, several times over, once the worker has had time to come to rest. */
async function settled(releases: number, child: ChildProcess): Promise<readonly number[]> {
  await delay(SETTLE_MS);
  const samples: number[] = [];
  while (samples.length < SAMPLES) {
    samples.push(megabytes(residentBytes(pidOf(child))));
    await delay(SAMPLE_EVERY_MS);
  }
  await told(`settled after ${releases}`, child);
  console.log(`  RSS ${withSpread(samples, 0)} MB over ${SAMPLES} samples`);
  return samples;
}

async function told(when: string, child: ChildProcess): Promise<void> {
  const answer = once(child, 'message');
  child.send('memory');
  const [report] = (await answer) as [MemoryReport];
  const rss = megabytes(residentBytes(pidOf(child))).toFixed(0);
  console.log(`  ${when.padEnd(34)} RSS ${rss.padStart(4)}  heap ${megabytes(report.heapUsed).toFixed(0)} of ${megabytes(report.heapTotal).toFixed(0)}, outside it ${megabytes(report.external).toFixed(0)}, detached contexts ${report.detachedContexts}`);
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('The worker process was not started.');
  return pid;
}

function megabytes(bytes: number): number {
  return bytes / 1024 / 1024;
}
