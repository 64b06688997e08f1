/**
 * Process: how much slower is a release than Temporal itself? The same activities in the same lanes, once as a release with no-op
 * drivers through workflows, activities and Postgres, once bare; in turns on the same servers. Ends with 1 when a target is missed.
 */
import './quiet-runtime.ts';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { openServers } from './bench-servers.ts';
import { explain } from './floor-explained.ts';
import { openBareSide, openReleaseSide } from './floor-sides.ts';
import { cpuMs } from './processes.ts';
import { activitiesOf, activitiesPerTargetMax, shapeOf } from './release-shape.ts';
import { readHistory } from './release-history.ts';
import { median, verdict, withSpread } from './statistics.ts';
import type { BenchServers } from './bench-servers.ts';
import type { BareSide, Ran, ReleaseSide } from './floor-sides.ts';
import type { RecordedHistory } from './release-history.ts';
import type { Segment } from './release-shape.ts';

const LANES = 10;
const HOSTS = [60, 10] as const;
const WARM_UPS = 3;
const RUNS = 5;
const RATIO_MAX = 1.5;
const EVENTS_MAX = 599;
const ACTIVITIES_PER_TARGET_MAX = 8;

/** CPU per run in milliseconds, by process. */
export interface Cpu {
  readonly worker: number;
  readonly temporal: number;
  readonly postgres: number;
}

export interface Measured extends Ran {
  readonly cpu: Cpu;
  readonly history: RecordedHistory;
}

export interface Compared {
  readonly hosts: number;
  readonly release: readonly Measured[];
  readonly bare: readonly Measured[];
}

const { values } = parseArgs({ options: { temporal: { type: 'string', default: 'postgres' } } });
if (!['postgres', 'dev'].includes(values.temporal)) throw new Error('--temporal is postgres or dev');
const servers = await openServers(values.temporal === 'dev' ? 'in-memory' : 'on-postgres');
try {
  process.exitCode = (await bench(servers)) ? 0 : 1;
} finally {
  await servers.close();
}
process.exit();

async function bench(on: BenchServers): Promise<boolean> {
  const connection = await NativeConnection.connect({ address: on.temporalAddress });
  const clientConnection = await Connection.connect({ address: on.temporalAddress });
  const client = new Client({ connection: clientConnection, namespace: on.namespace });
  const release = await openReleaseSide({ servers: on, connection, client });
  const bare = await openBareSide({ servers: on, connection, client });
  let hold = true;
  try {
    for (const hosts of HOSTS) {
      const compared = await compare({ on, client, release, bare }, hosts);
      hold = report(compared) && hold;
      explain(compared, release.queries.table(), RUNS);
    }
    return hold;
  } finally {
    await release.close();
    await bare.close();
    await connection.close();
    await clientConnection.close();
  }
}

interface Sides {
  readonly on: BenchServers;
  readonly client: Client;
  readonly release: ReleaseSide;
  readonly bare: BareSide;
}

/** Warm-ups first: the first release also tells the shape the bare workflow copies. */
async function compare({ on, client, release, bare }: Sides, hosts: number): Promise<Compared> {
  const runs: { readonly release: Measured[]; readonly bare: Measured[] } = { release: [], bare: [] };
  let shape: readonly Segment[] | null = null;
  for (let run = 0; run < WARM_UPS + RUNS; run++) {
    if (run === WARM_UPS) release.queries.reset();
    const one = await measured(on, client, () => release.run(hosts, LANES));
    shape ??= shapeOf(one.history.activities, LANES);
    const segments = shape;
    const other = await measured(on, client, () => bare.run(segments));
    if (run < WARM_UPS) continue;
    runs.release.push(one);
    runs.bare.push(other);
  }
  console.log(`\n${hosts} targets: ${(shape ?? []).length} stages, ${activitiesOf(shape ?? [])} activities, up to ${LANES} lanes`);
  return { hosts, ...runs };
}

async function measured(on: BenchServers, client: Client, run: () => Promise<Ran>): Promise<Measured> {
  const before = cpuNow(on);
  const ran = await run();
  const after = cpuNow(on);
  const cpu = { worker: after.worker - before.worker, temporal: after.temporal - before.temporal, postgres: after.postgres - before.postgres };
  return { ...ran, cpu, history: await readHistory(client, ran.workflowId) };
}

function cpuNow({ pids }: BenchServers): Cpu {
  const { user, system } = process.cpuUsage();
  return { worker: (user + system) / 1000, temporal: cpuMs(pids.temporal), postgres: cpuMs(pids.postgres) };
}

function report({ hosts, release, bare }: Compared): boolean {
  const ratios = release.map(({ wallMs }, index) => wallMs / (bare[index]?.wallMs ?? Number.NaN));
  const counts = { release: counted(release), bare: counted(bare) };
  const equal = counts.release === counts.bare && !counts.release.includes(' ');
  const activities = release[0]?.history.activities ?? [];
  const events = median(release.map(({ history }) => history.events));
  const verdicts = [
    verdict({ what: `wall time against the bare workflow, ${hosts} targets, ratio of the medians`, measured: wall(release) / wall(bare), max: RATIO_MAX, digits: 2 }),
    verdict({ what: 'activities of any one target, forward', measured: activitiesPerTargetMax(activities), max: ACTIVITIES_PER_TARGET_MAX, digits: 0 }),
    ...(hosts === 10 ? [verdict({ what: 'events in all histories of a release of 10 targets', measured: events, max: EVENTS_MAX, digits: 0 })] : []),
  ];
  console.log(`  activities   release ${counts.release}, bare ${counts.bare}${equal ? '' : '   NOT EQUAL: the comparison is void'}`);
  console.log(`  wall, ms     release ${withSpread(release.map(({ wallMs }) => wallMs), 0)}, bare ${withSpread(bare.map(({ wallMs }) => wallMs), 0)}; ratio run by run ${withSpread(ratios, 2)}`);
  console.log(`  events       release ${events}, bare ${median(bare.map(({ history }) => history.events))}; activities per target, surveys and decisions included: ${(activities.length / hosts).toFixed(1)}`);
  for (const { line } of verdicts) console.log(`  ${line}`);
  return equal && verdicts.every(({ holds }) => holds);
}

function wall(runs: readonly Measured[]): number {
  return median(runs.map(({ wallMs }) => wallMs));
}

/** One number when all runs had the same. */
function counted(runs: readonly Measured[]): string {
  return [...new Set(runs.map(({ history }) => history.activities.length))].join(' or ');
}
