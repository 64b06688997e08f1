/**
 * The process of a worker inside a site: config → executors → Worker. It needs Temporal and the hosts of its site, and neither database nor
 * balancer. Everything it starts, it ends.
 */
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import { siteKeys } from '../activities/sealed-call.ts';
import { readSiteConfig } from '../config.ts';
import { isName } from '../domain/names.ts';
import { siteQueue } from '../domain/site.ts';
import { serveHealth } from './health.ts';
import { openExecutors } from './release-worker.ts';
import { createSiteWorker } from './site-worker.ts';
import { connectTemporal, installRuntime } from './temporal-runtime.ts';

const site = siteOf(process.argv.slice(2));
const config = readSiteConfig();
const log = pino({ level: config.logLevel, base: { process: 'site-worker', site } });
installRuntime(log);

const connection = await connectTemporal(config.temporalAddress, { log, meanwhile: 'Releases wait for the hosts of this site meanwhile.' });
const executors = openExecutors(config);
// Whoever calls has found its host to be of this site: from here on it is reached as its executor says.
const executorFor: typeof executors.executorFor = ({ site: _site, ...host }) => executors.executorFor(host);
const worker = await createSiteWorker({ config, connection, site, executorFor, keys: siteKeys(config.siteKeys) });
const running = worker.run();
const health = await serveHealth({ port: config.workerPort, worker, unready: () => null, log });
closeWithGrace({ delay: 25_000 }, async ({ err }: { err?: Error }) => {
  if (err) log.error({ err }, 'The worker of the site ends because of an unexpected error');
  await stop();
});
log.info({ queue: siteQueue(config.taskQueue, site), temporal: config.temporalAddress }, 'The worker takes calls to the hosts of its site');
try {
  await running;
} catch (err) {
  log.fatal({ err }, 'The worker of the site lost Temporal for good and ends; whoever supervises it starts it again');
  process.exitCode = 1;
}
await stop();
process.exit();

async function stop(): Promise<void> {
  health.close();
  if (worker.getState() === 'RUNNING') worker.shutdown();
  await running.catch(() => undefined);
  await Promise.allSettled([executors.close(), connection.close()]);
}

/** Ends the process with 2 where the command line is wrong. */
function siteOf(args: readonly string[]): string {
  try {
    const { site: name = '' } = parseArgs({ args: [...args], options: { site: { type: 'string' } }, strict: true }).values;
    if (isName(name)) return name;
    process.stderr.write('--site NAME is needed: the site whose hosts this worker reaches, as the hosts name it.\n');
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
  }
  process.stderr.write('usage: signalbox site-worker --site NAME\n');
  process.exit(2);
}
