/**
 * Process: a worker as in production, but for drivers that touch nothing. Told by its first argument (JSON) what to connect to; answers
 * each message of its parent with what it knows of its own memory, and ends when the parent hangs up.
 */
import './quiet-runtime.ts';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { randomUUID } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import { openDatabase } from '../db/client.ts';
import { startBuildKeeper } from '../worker/build-keeper.ts';
import { startDispatcher } from '../worker/dispatcher.ts';
import { startReassert } from '../worker/reassert.ts';
import { createReleaseWorker } from '../worker/release-worker.ts';
import { createNoOpDrivers } from './no-op-drivers.ts';

export interface BenchWorker {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly bundle: string;
  /** releases stay with the build that began them; null: Temporal is told of no builds */
  readonly build: string | null;
  /** where hosts and balancers of the no-op drivers are kept; null: in this process */
  readonly stateFolder: string | null;
  /** hosts whose health checks always fail */
  readonly sick: readonly string[];
  /** hosts are reached as in production, by the real host program */
  readonly realHosts: boolean;
}

/** Bytes of the main thread's heap and of what lies outside it; workflows live in a thread of their own and count only in the process. */
export interface MemoryReport {
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  /** contexts that were left but are still held: a leak when it only grows */
  readonly detachedContexts: number;
}

const CONNECTIONS_MAX = 20;

const { databaseUrl, temporalAddress, namespace, taskQueue, bundle, build, stateFolder, sick, realHosts } = JSON.parse(process.argv[2] ?? '{}') as BenchWorker;
const log = pino({ level: 'warn' }, pino.destination(2));
const db = openDatabase({ url: databaseUrl, max: CONNECTIONS_MAX, applicationName: 'signalbox-worker' });
const connection = await NativeConnection.connect({ address: temporalAddress });
const clientConnection = await Connection.connect({ address: temporalAddress });
const client = new Client({ connection: clientConnection, namespace });
const config = { namespace, taskQueue, workflowBundle: bundle, stores: [], fetchesMax: 10, sshAgent: null };
const pinning = build === null ? null : { deployment: taskQueue, build };
const { executorFor, hostProgram, ...otherDrivers } = createNoOpDrivers(stateFolder, sick);
const worker = await createReleaseWorker({ config, db, connection, log, build: pinning, activityDeps: { ...otherDrivers, ...(realHosts ? {} : { executorFor, hostProgram }) } });
const dispatcher = startDispatcher({ db, client, taskQueue, databaseUrl, log });
const reassert = startReassert({ db, log });
const running = worker.run();
const builds = pinning === null ? null : startBuildKeeper({ db, client, ...pinning, worker: randomUUID(), log });
process.on('message', () => process.send?.(memoryReport()));
process.once('disconnect', () => worker.shutdown());
process.send?.(memoryReport());
await running;
await Promise.allSettled([dispatcher.stop(), reassert.stop(), builds?.stop()]);
await Promise.allSettled([clientConnection.close(), connection.close(), db.close()]);
process.exit();

function memoryReport(): MemoryReport {
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  return { heapUsed, heapTotal, external, detachedContexts: getHeapStatistics().number_of_detached_contexts };
}
