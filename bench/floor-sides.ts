/** The two sides that are compared: a release through everything but real hosts, and a bare workflow of the same shape. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { openDatabase } from '../db/client.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { startDispatcher } from '../worker/dispatcher.ts';
import { createReleaseWorker, WORKER_OPTIONS } from '../worker/release-worker.ts';
import { releaseWorkflowId } from '../workflows/messages.ts';
import { bundleInto } from './bench-servers.ts';
import { createNoOpDrivers } from './no-op-drivers.ts';
import { noOpRelease } from './no-op-release.ts';
import { timeQueries } from './query-times.ts';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { BenchServers } from './bench-servers.ts';
import type { QueryTimes } from './query-times.ts';
import type { BareActivities, Segment } from './release-shape.ts';

export interface SideDeps {
  readonly servers: BenchServers;
  readonly connection: NativeConnection;
  readonly client: Client;
}

export interface Ran {
  readonly workflowId: string;
  /** from asking for it to its end */
  readonly wallMs: number;
}

export interface ReleaseSide {
  readonly run: (hosts: number, lanes: number) => Promise<Ran>;
  readonly queries: QueryTimes;
  readonly close: () => Promise<void>;
}

export interface BareSide {
  readonly run: (segments: readonly Segment[]) => Promise<Ran>;
  readonly close: () => Promise<void>;
}

const START_POLL_MS = 2;
/** A run that takes longer has lost a server, not a race. */
const RUN_MS_MAX = 120_000;
const CONNECTIONS_MAX = 20;

/** Database, dispatcher and worker as the worker process has them. */
export async function openReleaseSide({ servers, connection, client }: SideDeps): Promise<ReleaseSide> {
  const { databaseUrl, namespace, bundle } = servers;
  const taskQueue = 'bench-release';
  const log = pino({ level: 'warn' }, pino.destination(2));
  const db = openDatabase({ url: databaseUrl, max: CONNECTIONS_MAX, applicationName: 'signalbox-bench' });
  const queries = timeQueries(db);
  const config = { namespace, taskQueue, workflowBundle: bundle, stores: [], fetchesMax: 10, sshAgent: null };
  const worker = await createReleaseWorker({ config, db, connection, log, activityDeps: createNoOpDrivers() });
  const running = worker.run();
  const dispatcher = startDispatcher({ db, client, taskQueue, databaseUrl, log });
  let versions = 0;
  return {
    queries,
    run: async (hosts, lanes) => {
      const id = `r-${randomBytes(6).toString('hex')}`;
      const asked = noOpRelease({ id, pool: `pool-${hosts}`, hosts, lanes, version: `v${++versions}` });
      const startedMs = performance.now();
      await createReleaseRequest(db, asked);
      const outcome = await inTime(`release ${id}`, endOf(client, releaseWorkflowId(id)));
      const wallMs = performance.now() - startedMs;
      if (outcome.status !== 'succeeded') throw new Error(`The release ${id} over no-op drivers ended ${outcome.status}; a bench measures only releases that go well.`);
      return { workflowId: releaseWorkflowId(id), wallMs };
    },
    close: async () => {
      await dispatcher.stop();
      worker.shutdown();
      await running;
      await db.close();
    },
  };
}

async function inTime<T>(what: string, run: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = delay(RUN_MS_MAX, null, { signal: stop.signal }).then((): never => {
    throw new Error(`${what} did not end within ${RUN_MS_MAX / 1000} s. Look whether Postgres and Temporal still run, and start the bench again.`);
  });
  // Cancelled when the run ends first, which is the rule.
  late.catch(() => undefined);
  try {
    return await Promise.race([run, late]);
  } finally {
    stop.abort();
  }
}

/** The dispatcher starts the workflow, so it may not be there yet. */
async function endOf(client: Client, workflowId: string): Promise<{ readonly status: string }> {
  for (;;) {
    try {
      return (await client.workflow.result(workflowId)) as { readonly status: string };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      await delay(START_POLL_MS);
    }
  }
}

export async function openBareSide({ servers, connection, client }: SideDeps): Promise<BareSide> {
  const taskQueue = 'bench-bare';
  const codePath = await bundleInto(servers.folder, new URL('bare-workflow.ts', import.meta.url));
  const activities: BareActivities = { step: async () => undefined };
  const worker = await Worker.create({ connection, namespace: servers.namespace, taskQueue, workflowBundle: { codePath }, activities, ...WORKER_OPTIONS });
  const running = worker.run();
  return {
    run: async (segments) => {
      const workflowId = `bare/${randomBytes(6).toString('hex')}`;
      const startedMs = performance.now();
      await inTime(workflowId, client.workflow.execute('bare', { workflowId, taskQueue, args: [segments] }));
      return { workflowId, wallMs: performance.now() - startedMs };
    },
    close: async () => {
      worker.shutdown();
      await running;
    },
  };
}
