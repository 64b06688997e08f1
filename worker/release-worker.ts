/** Wires the concrete drivers into the activities and makes the Temporal worker. The only room that knows every driver. */
import { Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { createActivities } from '../activities/activities.ts';
import { createFacts } from '../activities/facts.ts';
import { createLocalExecutor } from '../drivers/executors/local.ts';
import { createHealth } from '../drivers/health/factory.ts';
import { createFetchSlots } from '../drivers/packages/fetch-slots.ts';
import { packageStoreFor } from '../drivers/packages/factory.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { Database } from '../db/client.ts';

export interface ReleaseWorkerDeps {
  readonly config: Pick<Config, 'namespace' | 'taskQueue' | 'workflowBundle' | 'stores' | 'fetchesMax'>;
  readonly db: Database;
  readonly connection: NativeConnection;
  readonly log: Logger;
  /** releases that this worker begins stay with workers of its build; absent: Temporal is told of no builds */
  readonly build?: WorkerBuild | null;
  /** only for benches: other drivers than the real ones */
  readonly activityDeps?: Partial<ActivityDeps>;
}

/** `deployment` is Temporal's name for all builds of one installation: its task queue. */
export interface WorkerBuild {
  readonly deployment: string;
  readonly build: string;
}

const HOST_PROGRAM = fileURLToPath(new URL('../host/signalbox-host', import.meta.url));

/** A cached workflow costs memory; a sticky queue that waits long for a dead worker costs seconds of resume. */
export const WORKER_OPTIONS = {
  maxCachedWorkflows: 150,
  stickyQueueScheduleToStartTimeout: '2s',
  maxHeartbeatThrottleInterval: '1s',
  defaultHeartbeatThrottleInterval: '1s',
  maxConcurrentActivityTaskExecutions: 200,
  workflowTaskPollerBehavior: { type: 'autoscaling' },
  activityTaskPollerBehavior: { type: 'autoscaling' },
  shutdownGraceTime: '10s',
  shutdownForceTime: '20s',
} as const satisfies Partial<WorkerOptions>;

export function createReleaseWorker({ config, db, connection, build, activityDeps }: ReleaseWorkerDeps): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.namespace,
    taskQueue: config.taskQueue,
    ...(config.workflowBundle === null ? { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) } : { workflowBundle: { codePath: config.workflowBundle } }),
    activities: createActivities({ ...realDeps(config, db), ...activityDeps }),
    ...(build ? { workerDeploymentOptions: { version: { deploymentName: build.deployment, buildId: build.build }, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' as const } } : {}),
    ...WORKER_OPTIONS,
  });
}

/** How hosts are reached: for activities, and for who only looks. */
export function openExecutors(): ActivityDeps['executorFor'] {
  const local = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  return () => local;
}

function realDeps(config: ReleaseWorkerDeps['config'], db: Database): ActivityDeps {
  const slots = createFetchSlots(config.fetchesMax);
  return {
    db,
    facts: createFacts(db),
    executorFor: openExecutors(),
    trafficFor: createTraffic,
    health: createHealth(),
    storeFor: ({ uri }) => packageStoreFor(config.stores, uri),
    fetching: (signal, work) => slots.run(signal, work),
  };
}
