/** The worker process: config → database → drivers → activities → Worker, and the loops beside it. Everything it starts, it ends. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Client } from '@temporalio/client';
import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import { siteKeys } from '../activities/sealed-call.ts';
import { readConfig } from '../config.ts';
import { openDatabase, checkDatabase } from '../db/client.ts';
import { openAgentLine } from './agent-line.ts';
import { startBuildKeeper } from './build-keeper.ts';
import { buildName } from './build-name.ts';
import { sayNamespace } from '../db/watchdog-facts.ts';
import { startDispatcher } from './dispatcher.ts';
import { serveHealth } from './health.ts';
import { startFleetSchedule } from './fleet-schedule.ts';
import { startFlagKeeper } from './flag-keeper.ts';
import { startHostWatch } from './host-watch.ts';
import { startRulesWatch } from './rules-watch.ts';
import { startPulse } from './pulse.ts';
import { startReassert } from './reassert.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { createReleaseWorker, openExecutors } from './release-worker.ts';
import { createSiteExecutor } from './site-executor.ts';
import { lineToTemporal } from './temporal-client.ts';
import { connectTemporal, installRuntime } from './temporal-runtime.ts';
import { startWatchdog } from '../watchdog/loop.ts';
import { openEyes } from '../watchdog/temporal-eyes.ts';

const config = readConfig();
const log = pino({ level: config.logLevel, base: { process: 'worker' } });
installRuntime(log);

const db = openDatabase({ url: config.databaseUrl, max: 20, applicationName: 'signalbox-worker' });
await checkDatabase(db);
const connection = await connectTemporal(config.temporalAddress, { log, meanwhile: 'Releases wait meanwhile.' });
const clientConnection = lineToTemporal(config.temporalAddress);
const client = new Client({ connection: clientConnection, namespace: config.namespace });
await registerSearchAttributes(clientConnection, config.namespace);
const build = buildName(config);
const pinning = build === null ? null : { deployment: config.taskQueue, build };
const executors = openExecutors(config, {
  site: createSiteExecutor({ client, taskQueue: config.taskQueue, keys: config.siteKeys.length === 0 ? null : siteKeys(config.siteKeys) }),
  agents: openAgentLine(db),
});
const worker = await createReleaseWorker({ config, db, connection, log, build: pinning, executors });
const dispatcher = startDispatcher({ db, client, taskQueue: config.taskQueue, databaseUrl: config.databaseUrl, log });
const reassert = startReassert({ db, log });
const pulse = startPulse({ db, client, taskQueue: config.taskQueue, log, takesWork: () => worker.getState() === 'RUNNING' });
const flags = startFlagKeeper({ db, log });
await sayNamespace(db, config.namespace);
const by = `worker ${hostname()}/${process.pid}`;
const eyes = openEyes(config);
const watchdog = startWatchdog({ db, eyes, by, log });
const hosts = startHostWatch({ db, executorFor: executors.executorFor, log, by, keepsAlive: config.keepAlive });
const rules = startRulesWatch({ db, log, by });
const schedule = startFleetSchedule({ client, taskQueue: config.taskQueue, intervalSeconds: config.fleetCheckSeconds, log });
const running = worker.run();
const builds = pinning === null ? null : startBuildKeeper({ db, client, ...pinning, worker: randomUUID(), log });
const health = await serveHealth({ port: config.workerPort, worker, unready: () => builds?.unready() ?? null, log });
closeWithGrace({ delay: 25_000 }, async ({ err }: { err?: Error }) => {
  if (err) log.error({ err }, 'The worker ends because of an unexpected error');
  await stop();
});
log.info({ taskQueue: config.taskQueue, build, temporal: config.temporalAddress }, 'The worker takes releases');
try {
  await running;
} catch (err) {
  log.fatal({ err }, 'The worker lost Temporal for good and ends; whoever supervises it starts it again');
  process.exitCode = 1;
}
await stop();
process.exit();

/** In this order: no new effects, then nobody asks for the database any more. */
async function stop(): Promise<void> {
  health.close();
  await Promise.allSettled([dispatcher.stop(), reassert.stop(), pulse.stop(), flags.stop(), watchdog.stop(), hosts.stop(), rules.stop(), schedule.stop()]);
  if (worker.getState() === 'RUNNING') worker.shutdown();
  await running.catch(() => undefined);
  // Only now: until here this build went on with its releases.
  await builds?.stop();
  await Promise.allSettled([executors.close(), eyes.close(), clientConnection.close(), connection.close(), db.close()]);
}
