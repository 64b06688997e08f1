/** Wires the concrete drivers into the activities and makes the Temporal worker. The only room that knows every driver. */
import { Worker } from '@temporalio/worker';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createActivities } from '../activities/activities.ts';
import { createFacts } from '../activities/facts.ts';
import { createAgentExecutor } from '../drivers/executors/agent.ts';
import { createLocalExecutor } from '../drivers/executors/local.ts';
import { createSshExecutor } from '../drivers/executors/ssh.ts';
import { createHealth } from '../drivers/health/factory.ts';
import { createFetchSlots } from '../drivers/packages/fetch-slots.ts';
import { packageStoreFor } from '../drivers/packages/factory.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import { NO_AGENTS, openAgentLine } from './agent-line.ts';
import { NO_SITES } from './site-executor.ts';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { AgentLine } from './agent-line.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { Database } from '../db/client.ts';
import type { ExecutorSpec } from '../domain/executor-spec.ts';
import type { Executor } from '../drivers/executors/port.ts';

export interface ReleaseWorkerDeps {
  readonly config: Pick<Config, 'namespace' | 'taskQueue' | 'workflowBundle' | 'stores' | 'fetchesMax' | 'sshAgent'>;
  readonly db: Database;
  readonly connection: NativeConnection;
  readonly log: Logger;
  /** releases that this worker begins stay with workers of its build; absent: Temporal is told of no builds */
  readonly build?: WorkerBuild | null;
  /** how hosts are reached; whoever gives it closes it. Absent: as in production, ended with the process */
  readonly executors?: Executors;
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

export function createReleaseWorker({ config, db, connection, build, executors, activityDeps }: ReleaseWorkerDeps): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.namespace,
    taskQueue: config.taskQueue,
    ...(config.workflowBundle === null ? { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) } : { workflowBundle: { codePath: config.workflowBundle } }),
    activities: createActivities({ ...realDeps(config, db, executors ?? openExecutors(config, { agents: openAgentLine(db) })), ...activityDeps }),
    ...(build ? { workerDeploymentOptions: { version: { deploymentName: build.deployment, buildId: build.build }, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' as const } } : {}),
    ...WORKER_OPTIONS,
  });
}

/** SHA-256 of the host program that this worker brings along; null: it cannot be read, of which every call to a host tells. */
export function hostProgramDigest(): string | null {
  try {
    return createHash('sha256').update(readFileSync(HOST_PROGRAM)).digest('hex');
  } catch {
    return null;
  }
}

/** How hosts are reached: for activities, and for who only looks. */
export interface Executors {
  readonly executorFor: ActivityDeps['executorFor'];
  /** Ends the calls under way and all that was kept open to hosts. */
  close(): Promise<void>;
}

/** Ways to hosts that need more than this process; left out: hosts that take them make releases wait. */
export interface OtherWays {
  /** reaches hosts that name a site */
  readonly site?: Executor;
  /** where calls wait for agents; closed with the executors */
  readonly agents?: AgentLine;
}

export function openExecutors({ sshAgent }: Pick<Config, 'sshAgent'>, { site = NO_SITES, agents = NO_AGENTS }: OtherWays = {}): Executors {
  const local = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  const ssh = createSshExecutor({ hostProgram: HOST_PROGRAM, agentSocket: sshAgent });
  const agent = createAgentExecutor({ hostProgram: HOST_PROGRAM, calls: agents });
  const executors: Readonly<Record<ExecutorSpec['driver'], Executor>> = { local, ssh, agent };
  return {
    executorFor: (host) => (host.site === undefined ? executors[host.executor.driver] : site),
    close: async () => {
      await Promise.all([local.close(), ssh.close(), agents.close()]);
    },
  };
}

function realDeps(config: ReleaseWorkerDeps['config'], db: Database, { executorFor }: Executors): ActivityDeps {
  const slots = createFetchSlots(config.fetchesMax);
  return {
    db,
    facts: createFacts(db),
    executorFor,
    hostProgram: hostProgramDigest(),
    trafficFor: createTraffic,
    health: createHealth(),
    storeFor: ({ uri }) => packageStoreFor(config.stores, uri),
    fetching: (signal, work) => slots.run(signal, work),
  };
}
