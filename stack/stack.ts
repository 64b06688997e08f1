/** The whole local stack: Postgres and Temporal, the schema, the administrator's token, API and worker. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../db/client.ts';
import { migrate } from '../db/migrate.ts';
import { createToken, findToken } from '../db/tokens.ts';
import type { StartArguments } from './arguments.ts';
import { workflowBundle } from './bundle.ts';
import { takeDataFolder, type DataFolder } from './data-folder.ts';
import { readDevFile } from './dev-file.ts';
import { openGuard, type Guard } from './guard.ts';
import { cleanEnvironment, nodeService } from './node-service.ts';
import { cacheFolder } from './place.ts';
import { demandFree, freePort, isFree } from './ports.ts';
import { POSTGRES_ENDING, preparePostgres } from './postgres.ts';
import { readStackFile, tokenHash, writeStackFile, type StackFile } from './stack-file.ts';
import { Supervisor } from './supervisor.ts';
import { findTemporal } from './temporal-cli.ts';
import { spawnDevServer, TEMPORAL_ENDING, temporalReady, type DevServer } from './temporal.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const SERVICE_ROLE = 'signalbox_service';

export interface Stack {
  readonly apiUrl: string;
  readonly adminToken: string;
  readonly adminTokenFile: string;
  /** null when a running Temporal is used: its page is where its owner put it */
  readonly temporalUiUrl: string | null;
  readonly temporalAddress: string;
  readonly dataDir: string;
  /** ends everything that was started and frees the data folder; may be called twice */
  readonly end: () => Promise<void>;
}

type Log = (line: string) => void;

/** Everything the steps hand to one another while the stack comes up. */
interface Rising {
  readonly args: StartArguments;
  readonly folder: DataFolder;
  readonly supervisor: Supervisor;
  readonly log: Log;
  readonly beforeServices: () => Promise<void>;
  readonly file: StackFile & { readonly postgresPort: number; readonly workerPort: number };
}

/** What may be brought up besides, while databases start and before a service does anything. */
export interface BeforeServices {
  readonly dataDir: string;
  readonly supervisor: Supervisor;
  readonly guard: Guard;
}

export interface BringUpOptions {
  readonly log: Log;
  readonly beforeServices: (parts: BeforeServices) => Promise<void>;
  /** undoes beforeServices; called before anything else is ended */
  readonly beforeEnd: () => Promise<void>;
  /** called when every service has ended: what workers would start again is ended here */
  readonly afterServices: () => Promise<void>;
  /** aborted = whatever is coming up is ended at once */
  readonly signal: AbortSignal;
}

/** Brings everything up or, on any failure, ends what it had started and throws the reason. */
export async function bringUp(args: StartArguments, options: BringUpOptions): Promise<Stack> {
  const { log, signal } = options;
  const folder = await takeDataFolder(args.dataDir);
  const guard = openGuard();
  const supervisor = new Supervisor({ guard, log, onChange: folder.remember });
  const end = once(() =>
    tryAll([options.beforeEnd, () => supervisor.endAll(), options.afterServices, async () => guard.close(), async () => folder.release()]));
  try {
    const rising = { args, folder, supervisor, log, beforeServices: () => options.beforeServices({ dataDir: folder.path, supervisor, guard }), file: await stackFile(folder.path) };
    return { ...(await unlessAborted(rise(rising), signal)), end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function rise(rising: Rising): Promise<Omit<Stack, 'end'>> {
  const { args, folder, log, file } = rising;
  await demandFree({ port: args.apiPort, use: 'the API', flag: '--api-port' });
  const [adminUrl, temporal, bundle] = await allOrFirstError([bringUpPostgres(rising), bringUpTemporal(rising), timed(log, 'workflows bundled', workflowBundle({ clone: CLONE, folder: folder.path })), rising.beforeServices()]);
  await timed(log, 'database schema up to date', migrate({ url: adminUrl, servicePassword: file.servicePassword }));
  const adminTokenFile = await grantAdministrator(rising, adminUrl);
  const apiUrl = await bringUpServices(rising, { adminUrl, bundle, temporal });
  return { apiUrl, adminToken: file.adminToken, adminTokenFile, temporalUiUrl: temporal.uiUrl, temporalAddress: temporal.address, dataDir: folder.path };
}

/** Resolves to the owner's address. */
async function bringUpPostgres({ args, folder, supervisor, log, file }: Rising): Promise<string> {
  if (args.databaseUrl !== null) {
    log(`Postgres: the one at ${new URL(args.databaseUrl).host} is used`);
    return args.databaseUrl;
  }
  if (args.postgresPort !== null) await demandFree({ port: args.postgresPort, use: 'Postgres', flag: '--postgres-port' });
  const port = args.postgresPort ?? file.postgresPort;
  const postgres = await preparePostgres({ dataDir: join(folder.path, 'postgres'), port, log });
  await timed(log, `Postgres on port ${port}`, supervisor.start({ name: 'Postgres', spawn: postgres.spawn, ready: postgres.ready, ending: POSTGRES_ENDING }));
  return postgres.adminUrl;
}

async function bringUpTemporal({ args, folder, supervisor, log }: Rising): Promise<{ readonly address: string; readonly uiUrl: string | null }> {
  const dev = readDevFile(CLONE);
  const { found, notes } = await findTemporal({ env: process.env, cacheDir: cacheFolder(CLONE), address: args.temporalAddress ?? undefined, log });
  log(`Temporal: ${found.source}${notes.length === 0 ? '' : ` (before it: ${notes.join('; ')})`}`);
  if (found.kind === 'address') {
    await temporalReady({ ...dev, address: found.address, child: null, logFile: null });
    return { address: found.address, uiUrl: null };
  }
  const [port, uiPort] = [args.temporalPort ?? dev.ports.frontend, args.uiPort ?? dev.ports.ui];
  await demandFree({ port, use: 'Temporal', flag: '--temporal-port' });
  await demandFree({ port: uiPort, use: "Temporal's web page", flag: '--ui-port' });
  const server: DevServer = { ...dev, source: found, port, uiPort, metricsPort: await freePort(), dbFile: join(privateFolder(folder.path, 'temporal'), 'temporal.db'), logFile: join(folder.path, 'logs', 'temporal.log') };
  const address = `127.0.0.1:${port}`;
  const service = { name: 'Temporal', spawn: () => spawnDevServer(server), ending: TEMPORAL_ENDING };
  await timed(log, `Temporal on port ${port}`, supervisor.start({ ...service, ready: (child) => temporalReady({ ...dev, address, child, logFile: server.logFile }) }));
  return { address, uiUrl: `http://127.0.0.1:${uiPort}` };
}

/** Workflow histories are in it: only its owner gets in. */
function privateFolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** The token's hash goes into the database, the token itself only into a file of its owner. */
async function grantAdministrator({ folder, file }: Rising, adminUrl: string): Promise<string> {
  const path = join(folder.path, 'admin-token');
  const db = openDatabase({ url: adminUrl, max: 1, applicationName: 'signalbox-start' });
  try {
    const hash = tokenHash(file.adminToken);
    if (!(await findToken(db, hash))) await createToken(db, { name: 'administrator', hash });
  } finally {
    await db.close();
  }
  writeFileSync(path, `${file.adminToken}\n`, { mode: 0o600 });
  return path;
}

/** API and worker at the same time; resolves to the API's address. */
async function bringUpServices({ args, folder, supervisor, log, file }: Rising, parts: { readonly adminUrl: string; readonly bundle: string; readonly temporal: { readonly address: string; readonly uiUrl: string | null } }): Promise<string> {
  const serviceUrl = new URL(parts.adminUrl);
  serviceUrl.username = SERVICE_ROLE;
  serviceUrl.password = file.servicePassword;
  const apiUrl = `http://127.0.0.1:${args.apiPort}`;
  const { workerPort } = file;
  const env = {
    ...cleanEnvironment(process.env),
    SIGNALBOX_DATABASE_URL: serviceUrl.href,
    SIGNALBOX_TEMPORAL_ADDRESS: parts.temporal.address,
    SIGNALBOX_NAMESPACE: readDevFile(CLONE).namespace,
    SIGNALBOX_API_PORT: String(args.apiPort),
    SIGNALBOX_WORKER_PORT: String(workerPort),
    SIGNALBOX_DATA: folder.path,
    SIGNALBOX_STORES: `${apiUrl}/v1/package-files/,file://${folder.path}/`,
    SIGNALBOX_WORKFLOW_BUNDLE: parts.bundle,
    ...(parts.temporal.uiUrl === null ? {} : { SIGNALBOX_TEMPORAL_UI_URL: parts.temporal.uiUrl }),
  };
  const service = (name: string, entry: string, port: number) =>
    supervisor.start(nodeService({ name, entry: join(CLONE, entry), cwd: CLONE, env, logFile: join(folder.path, 'logs', `${name}.log`), readyUrl: `http://127.0.0.1:${port}/readyz` }));
  await allOrFirstError([timed(log, `API on port ${args.apiPort}`, service('api', 'api/main.ts', args.apiPort)), timed(log, `worker (health on port ${workerPort})`, service('worker', 'worker/main.ts', workerPort))]);
  return apiUrl;
}

/** What the last start left, its ports replaced where somebody else has them now; written down for the next start. */
async function stackFile(folder: string): Promise<Rising['file']> {
  const before = readStackFile(folder);
  const postgresPort = await portAgain(before.postgresPort);
  const file = { ...before, postgresPort, workerPort: await portAgain(before.workerPort, new Set([postgresPort])) };
  writeStackFile(folder, file);
  return file;
}

async function portAgain(before: number | null, taken?: ReadonlySet<number>): Promise<number> {
  return before !== null && (await isFree(before)) ? before : freePort(taken);
}

/** Waits for all even when one fails, so that nothing comes up unseen after the clean-up began; then throws the first failure. */
async function allOrFirstError<T extends readonly unknown[]>(promises: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.map((result) => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T;
}

/** Rejects as soon as the signal is aborted; what goes on meanwhile is ended by the caller. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(new Error('ended before everything was up'));
    signal.addEventListener('abort', () => reject(new Error('ended before everything was up')), { once: true });
  });
  return Promise.race([work, aborted]);
}

/** Every step is tried; what went wrong is thrown afterwards. */
async function tryAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, 'Not everything could be ended');
}

async function timed<T>(log: Log, what: string, work: Promise<T>): Promise<T> {
  const started = Date.now();
  const value = await work;
  log(`${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return value;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= work());
}
