/**
 * Process: how long does one fleet check of 1,000 hosts take? Their host program is real and runs on this machine (executor `local`), or,
 * with `-- --hosts no-op`, hosts answer at once from memory. One worker in a process of its own, Temporal as production runs it, its state in Postgres. Ends with 1 when a target is missed.
 */
import './quiet-runtime.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase, inTransaction } from '../db/client.ts';
import { askFleetCheck, getFleetCheck } from '../db/fleet-checks.ts';
import { applyInventory } from '../db/inventory.ts';
import { openServers } from './bench-servers.ts';
import { endBenchWorker, startBenchWorker } from './bench-worker.ts';
import { watchMemory } from './processes.ts';
import { median, verdict, withSpread } from './statistics.ts';
import type { ChildProcess } from 'node:child_process';
import type { Database } from '../db/client.ts';
import type { FleetCheck } from '../db/fleet-checks.ts';
import type { HostSpec } from '../domain/inventory.ts';

const HOSTS = 1000;
const RUNS = 5;
const WALL_S_MAX = 30;
const RSS_MAX_MB = 500;
const LOOK_MS = 50;
const ACTOR = { kind: 'token', name: 'bench' } as const;

const hosts = process.argv.includes('no-op') ? 'no-op' : 'local';
const servers = await openServers('on-postgres');
const db = openDatabase({ url: servers.databaseUrl, applicationName: 'signalbox-bench' });
let worker: ChildProcess | null = null;
try {
  await declareHosts(db, join(servers.folder, 'hosts'));
  worker = await startBenchWorker(servers, 'bench-fleet-check', { realHosts: hosts === 'local' });
  process.exitCode = (await bench(db, worker)) ? 0 : 1;
} finally {
  if (worker !== null) await endBenchWorker(worker);
  await db.close();
  await servers.close();
}
process.exit();

async function declareHosts(database: Database, folder: string): Promise<void> {
  const specs = Array.from({ length: HOSTS }, (_, index): HostSpec => {
    const name = `web-${String(index).padStart(4, '0')}`;
    mkdirSync(join(folder, name), { recursive: true });
    return { name, address: '127.0.0.1', zone: 'idc-a', labels: {}, variables: {}, executor: { driver: 'local', root: join(folder, name) } };
  });
  await applyInventory(database, { documents: specs.map((spec) => ({ kind: 'host' as const, name: spec.name, spec })), actor: ACTOR, dryRun: false });
}

async function bench(database: Database, child: ChildProcess): Promise<boolean> {
  const memory = watchMemory(child);
  const walls: number[] = [];
  console.log(`fleet checks of ${HOSTS} hosts (${hosts === 'local' ? 'the real host program, executor local, all on this machine' : 'no-op: they answer at once'})`);
  while (walls.length < RUNS) {
    const startedMs = performance.now();
    const { dead, unjudged, hosts: seen } = await check(database, `k-bench${String(walls.length).padStart(4, '0')}`);
    walls.push((performance.now() - startedMs) / 1000);
    console.log(`  check ${walls.length}: ${walls.at(-1)?.toFixed(1)} s, ${seen} hosts, ${dead} dead, ${unjudged} unjudged`);
    if (seen !== HOSTS || dead > 0 || unjudged > 0) throw new Error('A check saw other hosts than there are.');
  }
  const rssMaxMb = await memory.end();
  console.log(`  wall, s: ${withSpread(walls, 1)} (N = ${RUNS})`);
  const verdicts = [
    verdict({ what: `a fleet check of ${HOSTS} hosts, s, median of ${RUNS}`, measured: median(walls), max: WALL_S_MAX, digits: 1 }),
    verdict({ what: 'the most memory the worker held, MB', measured: rssMaxMb, max: RSS_MAX_MB, digits: 0 }),
  ];
  for (const { line } of verdicts) console.log(`  ${line}`);
  return verdicts.every(({ holds }) => holds);
}

/** From asking until its end is in the log. */
async function check(database: Database, id: string): Promise<FleetCheck> {
  await inTransaction(database, (tx) => askFleetCheck(tx, { id, actor: ACTOR, reason: null }));
  for (;;) {
    const found = await getFleetCheck(database, id);
    if (found?.finishedAt != null) return found;
    await delay(LOOK_MS);
  }
}
