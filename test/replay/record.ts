/**
 * `node test/replay/record.ts [STORY...]` plays some releases on servers of its own and keeps their histories: what releases in flight
 * look like to a worker of tomorrow. Recorded again only when it is decided that no release of the older kind runs any more; a new
 * story is recorded alone, by its name, before the workflow is changed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { readDevFile } from '../../stack/dev-file.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST, openBench } from '../support/release-bench.ts';
import { sharedBundle, sharedPostgres, sharedTemporal } from '../support/shared.ts';
import { until } from '../support/until.ts';
import type { Bench, BenchServers, Faults } from '../support/release-bench.ts';

const HISTORIES = join(dirname(fileURLToPath(import.meta.url)), 'histories');
const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Story {
  readonly name: string;
  readonly hosts: number;
  readonly faults: Faults;
  /** plays one release to its end and answers its id */
  readonly play: (bench: Bench) => Promise<string>;
}

const BASTION_BAKES = { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } as const;

const STORIES: readonly Story[] = [
  {
    name: 'success', hosts: 4, faults: {},
    play: async (bench) => {
      const id = await bench.release();
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'pause-and-resume', hosts: 4, faults: {},
    play: async (bench) => {
      const id = await bench.release({ strategy: BASTION_BAKES });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      await bench.send(id, 'pause');
      await bench.until(id, ({ paused }) => paused?.quiet === true);
      await bench.send(id, 'resume');
      await bench.send(id, 'promote');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'operator-rollback', hosts: 4, faults: { health: [{ call: 'verify', nth: 3, fault: 'hang' }] },
    play: async (bench) => {
      const id = await bench.release();
      await bench.until(id, () => bench.health.calls.length >= 3);
      await bench.send(id, 'rollback', { mode: 'emergency' });
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'automatic-rollback', hosts: 4, faults: { health: [{ call: 'verify', nth: 3, fault: { lie: unhealthy('health-timeout', 'no answer') } }] },
    play: async (bench) => {
      const id = await bench.release();
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'continue-as-new', hosts: 100, faults: {},
    play: async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, percent: [15, 33, 27, 25], maxParallel: 30, each: [{ index: 2, mode: 'window' }, { index: 3, mode: 'window' }] } } });
      const handle = bench.client.workflow.getHandle(`release/${id}`);
      const first = (await until('the first run', () => handle.describe().catch(() => null))).runId;
      await until('a second run', async () => (await handle.describe()).runId !== first, 60_000);
      await bench.send(id, 'abort');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'slices', hosts: 63, faults: {},
    play: async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 30 } } });
      await bench.until(id, () => onNew(bench) >= 8);
      await bench.send(id, 'pause');
      await bench.until(id, ({ paused }) => paused?.quiet === true);
      await bench.send(id, 'resume');
      await bench.send(id, 'abort');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'slices-of-one-lane', hosts: 63, faults: {},
    play: async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 1 } } });
      await bench.until(id, () => onNew(bench) >= 4);
      await bench.send(id, 'abort');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'pause-in-rollback', hosts: 4, faults: { health: [{ call: 'verify', nth: 3, fault: 'hang' }] },
    play: async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 60 } } });
      await bench.until(id, ({ batches }) => batches[1]?.status === 'baking');
      await bench.send(id, 'rollback', { mode: 'emergency' });
      await bench.until(id, () => bench.health.calls.length >= 3);
      await bench.send(id, 'pause');
      await bench.until(id, ({ paused }) => paused?.quiet === true);
      await bench.send(id, 'resume');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'pause-in-survey', hosts: 4, faults: { executor: [{ call: 'fetch web-02', nth: 1, fault: 'hang' }] },
    play: async (bench) => {
      const id = await bench.release();
      await bench.until(id, () => bench.fleet.executor.calls.includes('fetch web-02'));
      await bench.send(id, 'pause');
      await bench.send(id, 'abort');
      await bench.ended(id);
      return id;
    },
  },
  { name: 'pause-deadline-in-batch', hosts: 8, faults: {}, play: untilDeadline },
  // The same in a build in which each pause has one clock: the story above is kept of one in which each lane had its own.
  { name: 'pause-deadline-one-clock', hosts: 8, faults: {}, play: untilDeadline },
  {
    name: 'release-deadline', hosts: 8, faults: { health: [{ call: 'verify web-03', nth: 1, fault: 'hang' }] },
    play: async (bench) => {
      const deadlines = { ...FAST.deadlines, stepSeconds: 4, releaseSeconds: 2 };
      const id = await bench.release({ strategy: { deadlines, tolerance: { perBatch: 1, total: 1 } } });
      await bench.until(id, ({ paused }) => paused?.cause === 'deadline');
      await bench.send(id, 'resume');
      await bench.send(id, 'abort');
      await bench.ended(id);
      return id;
    },
  },
  {
    name: 'rollback-deadline', hosts: 4, faults: { executor: [{ call: 'restore', nth: 1, fault: 'hang' }] },
    play: async (bench) => {
      const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 60 }, deadlines: { ...FAST.deadlines, stepSeconds: 3, rollbackSeconds: 1 } } });
      await bench.until(id, ({ batches }) => batches[1]?.status === 'baking');
      await bench.send(id, 'rollback');
      await bench.ended(id);
      return id;
    },
  },
];

async function untilDeadline(bench: Bench): Promise<string> {
  const pause = { deadlineHours: 2 / 3600, then: 'rollback' } as const;
  const id = await bench.release({ strategy: { pause, batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel: 2 } } });
  await bench.until(id, () => onNew(bench) >= 3);
  await bench.send(id, 'pause');
  await bench.ended(id);
  return id;
}

function onNew({ fleet }: Bench): number {
  return [...fleet.hosts.values()].filter(({ version }) => version === 'v2').length;
}

/** Every run of the release, first to last: a continued one has several. */
async function keep(bench: Bench, name: string, id: string): Promise<void> {
  let runId: string | undefined = (await firstRun(bench, id)) ?? undefined;
  for (let number = 1; runId !== undefined; number++) {
    const history = await bench.client.workflow.getHandle(`release/${id}`, runId).fetchHistory();
    write(`${name}${number === 1 ? '' : `-${number}`}`, history);
    const slices = (history.events ?? []).flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: started }) => (started?.workflowId ? [started.workflowId] : []));
    for (const [index, slice] of slices.entries()) write(`${name}-slice-${index + 1}`, await bench.client.workflow.getHandle(slice).fetchHistory());
    runId = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
}

function write(name: string, history: Parameters<typeof historyToJSON>[0]): void {
  writeFileSync(join(HISTORIES, `${name}.json`), `${JSON.stringify(JSON.parse(historyToJSON(history)))}\n`);
}

async function firstRun(bench: Bench, id: string): Promise<string | null | undefined> {
  const { events } = await bench.client.workflow.getHandle(`release/${id}`).fetchHistory();
  return events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId;
}

async function record(servers: BenchServers): Promise<void> {
  const asked = process.argv.slice(2);
  for (const { name, hosts, faults, play } of STORIES.filter((story) => asked.length === 0 || asked.includes(story.name))) {
    const bench = await openBench(hosts, faults, ['web'], servers);
    try {
      const id = await play(bench);
      // The record ends with the last event; the workflow a moment later.
      await bench.client.workflow.getHandle(`release/${id}`).result();
      await keep(bench, name, id);
      console.log(`recorded ${name}`);
    } finally {
      await bench.close();
    }
  }
}

mkdirSync(HISTORIES, { recursive: true });
const shared = await Promise.all([sharedPostgres(), sharedTemporal(), sharedBundle()]);
try {
  const [postgres, temporal, bundle] = shared;
  await record({ postgresUrl: postgres.value, address: temporal.value, namespace: readDevFile(CLONE).namespace, bundle: bundle.value });
} finally {
  for (const one of shared) await one.release();
}
