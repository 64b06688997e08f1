import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startBuildKeeper } from '../../worker/build-keeper.ts';
import { createReleaseWorker } from '../../worker/release-worker.ts';
import { openBench } from '../support/release-bench.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import type { Bench } from '../support/release-bench.ts';

/** Long enough that it ends only when it is told to. */
const RESTS = { bastion: { count: 1, bakeSeconds: 3600, promote: 'auto' } } as const;

let bench: Bench;
// Temporal keeps which build begins by the task queue: each test has one of its own.
beforeEach(async () => void (bench = await openBench(3)));
afterEach(() => bench.close());

/** A worker of a build as production has it, beside the bench's own, which names no build. `did` names the hosts it verified. */
async function workerOf(build: string) {
  const { address, namespace } = devServer();
  const connection = await NativeConnection.connect({ address });
  const log = pino({ level: 'silent' });
  const did: string[] = [];
  const pinning = { deployment: bench.taskQueue, build };
  const worker = await createReleaseWorker({
    config: { namespace, taskQueue: bench.taskQueue, workflowBundle: devServer().bundle, stores: [], fetchesMax: 10, sshAgent: null },
    db: bench.db, connection, log, build: pinning,
    activityDeps: {
      executorFor: () => bench.fleet.executor,
      trafficFor: () => bench.traffic,
      health: { ...bench.health, verify: (call) => {
        did.push(call.host.name);
        return bench.health.verify(call);
      } },
      storeFor: () => ({ driver: 'fake', schemes: ['http'], inspect: async () => ({ sizeBytes: null }) }),
    },
  });
  const running = worker.run();
  const keeper = startBuildKeeper({ db: bench.db, client: bench.client, ...pinning, worker: randomUUID(), log, everyMs: 50 });
  return {
    did,
    end: async () => {
      worker.shutdown();
      await running;
      await keeper.stop();
      await connection.close();
    },
  };
}

/** RoutingConfigUpdateState of Temporal's API. */
const IN_PROGRESS = 1;

const begins = async (build: string) => {
  const { workerDeploymentInfo } = await bench.client.workflowService.describeWorkerDeployment({ namespace: bench.client.options.namespace, deploymentName: bench.taskQueue }).catch(() => ({ workerDeploymentInfo: null }));
  // Until its task queues have heard of it they may still hand releases to the build before.
  const isOnItsWay = workerDeploymentInfo?.routingConfigUpdateState === IN_PROGRESS;
  return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId === build && !isOnItsWay;
};
const rests = (id: string) => bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');

test('a release stays with the build that began it, and goes on with another one when nobody of that build is left', async () => {
  const old = await workerOf('old');
  await until('the first build to begin', () => begins('old'));
  const first = await bench.release({ version: 'v2', strategy: RESTS });
  await rests(first);

  const newer = await workerOf('newer');
  await until('the newer build to begin', () => begins('newer'));
  const second = await bench.release({ version: 'v3', strategy: RESTS });
  await bench.until(second, ({ status }) => status === 'queued');
  await bench.send(first, 'promote');
  expect((await bench.ended(first)).status).toBe('succeeded');
  expect(old.did).toEqual(bench.names);
  await rests(second);
  expect(newer.did).toHaveLength(1);

  await newer.end();
  await until('the older build to begin again', () => begins('old'));
  await bench.send(second, 'promote');
  expect((await bench.ended(second)).status).toBe('succeeded');
  expect([old.did.length, newer.did.length]).toEqual([5, 1]);
  await old.end();
}, 120_000);

test('releases that were begun by workers without builds go on with the first build', async () => {
  const id = await bench.release({ version: 'v4', strategy: RESTS });
  await rests(id);
  const first = await workerOf('first');
  await until('the first build to begin', () => begins('first'));
  await bench.send(id, 'promote');
  expect((await bench.ended(id)).status).toBe('succeeded');
  await first.end();
}, 60_000);
