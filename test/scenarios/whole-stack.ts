/** Everything a release meets in earnest, as processes that can be killed one by one: databases, services, balancer, applications, users. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { createToken } from '../../db/tokens.ts';
import { demoApi, type DemoApi } from '../../examples/demo/api.ts';
import { prepareBalancer } from '../../examples/demo/balancer.ts';
import { APPLICATION, fleetDocuments, openFleet, POOL, type Fleet } from '../../examples/demo/fleet.ts';
import { BACKEND } from '../../examples/demo/haproxy.ts';
import { buildPackage } from '../../examples/demo/packages.ts';
import { endProcessesIn } from '../../stack/children.ts';
import { readDevFile } from '../../stack/dev-file.ts';
import { openGuard } from '../../stack/guard.ts';
import { createHaproxy } from '../../drivers/traffic/haproxy.ts';
import { createRuntimeApi } from '../../drivers/traffic/runtime-api.ts';
import { cleanEnvironment, nodeService } from '../../stack/node-service.ts';
import { cacheFolder, isRoot, reachableFolder } from '../../stack/place.ts';
import { freePorts } from '../../stack/ports.ts';
import { POSTGRES_ENDING, preparePostgres } from '../../stack/postgres.ts';
import { tokenHash } from '../../stack/stack-file.ts';
import { Supervisor } from '../../stack/supervisor.ts';
import { findTemporal } from '../../stack/temporal-cli.ts';
import { spawnDevServer, TEMPORAL_ENDING, temporalReady } from '../../stack/temporal.ts';
import { until } from '../support/until.ts';

export type Killable = 'api' | 'worker' | 'Temporal' | 'Postgres';

export interface WholeStack {
  readonly fleet: Fleet;
  /** host:port of its Temporal */
  readonly temporal: string;
  /** where users ask */
  readonly url: string;
  /** the balancer's runtime API */
  readonly socket: string;
  readonly api: DemoApi;
  /** of the API */
  readonly apiUrl: string;
  /** the schema owner's connections; they break when Postgres is killed and come again by themselves */
  readonly owner: Database;
  /** versions each application was started with since the beginning, in order */
  readonly starts: (host: string) => readonly string[];
  /** SIGKILL; answers a promise of the moment when it is ready again */
  readonly kill: (name: Killable) => Promise<void>;
  /** names in the order they were killed */
  readonly killed: readonly Killable[];
  /** registers a version, good or with a behaviour of the demo's application */
  readonly publish: (version: string, behaviour?: string) => Promise<void>;
  /** asks for a release of the version to the whole pool, with the strategy of that name or the pool's own; answers its id */
  readonly release: (version: string, strategy?: string) => Promise<string>;
  /** how HAProxy sees a server: requests it was ever sent from outside, and whether it is drained by somebody's wish */
  readonly server: (host: string) => Promise<{ readonly requests: number; readonly isDrained: boolean }>;
  readonly end: () => Promise<void>;
}

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const TOKEN = 'sbx_admin_scenario_0123456789abcdef0123456789abcdef';
const SERVICE_PASSWORD = 'scenario-service';
const BACK_TIMEOUT_MS = 60_000;
/** folder of packages that come as files */
const PACKAGES = 'packages';

/** Strategy of the scenario: no step waits longer than it must. */
const STRATEGY = { kind: 'Strategy', name: 'demo', bastion: { count: 1, bakeSeconds: 0, promote: 'auto' }, batches: { percent: [25], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };

export interface WholeStackOptions {
  /** how many, as the demo has them unless said */
  readonly hosts?: number;
  /** where the hosts are, one for each; absent: on the loopback. Hosts elsewhere do not reach the API, so packages come from a folder */
  readonly addresses?: readonly string[];
  /** key of the installation's sites; absent: it has none */
  readonly siteKey?: string;
}

/** @param change makes other documents of the fleet's own */
export async function openWholeStack(change: (document: object) => object = (document) => document, { hosts, addresses, siteKey }: WholeStackOptions = {}): Promise<WholeStack> {
  const folder = mkdtempSync(join(tmpdir(), 'whole-stack-'));
  const guard = openGuard();
  const log: string[] = [];
  const supervisor = new Supervisor({ guard, log: (line) => void log.push(line) });
  const killed: Killable[] = [];
  let owner: Database | null = null;
  const end = async (): Promise<void> => {
    await owner?.close().catch(() => undefined);
    await supervisor.endAll();
    await endProcessesIn(join(folder, 'fleet'), { signal: 'SIGKILL', timeoutMs: 1000 });
    guard.close();
    if (isRoot()) rmSync(reachableFolder(join(folder, 'postgres')), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const fleet = placed(await openFleet(folder, addresses?.length ?? hosts), addresses);
    guard.watchFolder(fleet.folder, { signal: 'SIGKILL', timeoutMs: 1000 });
    const balancer = prepareBalancer({ folder, port: fleet.balancerPort, servers: fleet.hosts });
    const [adminUrl, temporal] = await Promise.all([startDatabase(supervisor, folder), startTemporal(supervisor, folder), supervisor.start(balancer.service)]);
    const database = openDatabase({ url: adminUrl, applicationName: 'scenario', onError: () => undefined });
    owner = database;
    await createToken(database, { name: 'administrator', hash: tokenHash(TOKEN) });
    const url = await startServices(supervisor, { folder, adminUrl, temporal, ...(siteKey === undefined ? {} : { siteKey }) });
    const api = demoApi({ url, token: TOKEN, signal: new AbortController().signal });
    await api.post('/v1/apply', { documents: documents(fleet, balancer.socket, folder).map(change) });
    return {
      fleet, temporal, url: balancer.url, socket: balancer.socket, api, apiUrl: url, owner: database, killed, end,
      starts: (host) => linesOf(witnessOf(folder, host)).map((line) => line.split(' ')[0] ?? ''),
      kill: async (name) => {
        killed.push(name);
        const again = log.length;
        process.kill(supervisor.running().find((running) => running.name === name)?.pid ?? 0, 'SIGKILL');
        await until(`${name} runs again`, () => log.slice(again).includes(`${name} runs again`), BACK_TIMEOUT_MS);
      },
      publish: async (version, behaviour) => {
        const built = buildPackage(version, behaviour ?? null);
        const { uri, sizeBytes } = addresses === undefined ? await api.upload<{ uri: string; sizeBytes: number }>(`/v1/package-files/${built.sha256}`, built.content) : keepFile(folder, built);
        await api.post('/v1/packages', { application: APPLICATION, version, uri, sha256: built.sha256, sizeBytes });
      },
      server: (host) => serverAt(balancer.socket, host),
      release: async (version, strategy) => {
        const { id } = await api.post<{ id: string }>('/v1/releases', { pool: POOL, changes: [{ application: APPLICATION, version }], reason: 'scenario', ...(strategy === undefined ? {} : { strategy }) }, `release-${version}`);
        return id;
      },
    };
  } catch (error) {
    await end();
    throw new Error(`The stack did not come up:\n${log.join('\n')}`, { cause: error });
  }
}

function placed(fleet: Fleet, addresses: readonly string[] | undefined): Fleet {
  return { ...fleet, hosts: fleet.hosts.map((host, index) => ({ ...host, address: addresses?.[index] ?? host.address })) };
}

function keepFile(folder: string, { sha256, content }: { readonly sha256: string; readonly content: Buffer }): { readonly uri: string; readonly sizeBytes: number } {
  const file = join(folder, PACKAGES, `${sha256}.tar.gz`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return { uri: `file://${file}`, sizeBytes: content.length };
}

/** Syncs to disk, like the one operators are given. Resolves to the owner's address. */
async function startDatabase(supervisor: Supervisor, folder: string): Promise<string> {
  const postgres = await preparePostgres({ dataDir: join(folder, 'postgres') });
  await supervisor.start({ name: 'Postgres', spawn: postgres.spawn, ready: postgres.ready, ending: POSTGRES_ENDING });
  await migrate({ url: postgres.adminUrl, servicePassword: SERVICE_PASSWORD });
  return postgres.adminUrl;
}

async function startTemporal(supervisor: Supervisor, folder: string): Promise<string> {
  const dev = readDevFile(CLONE);
  const { found } = await findTemporal({ env: {}, cacheDir: cacheFolder(CLONE) });
  if (found.kind === 'address') throw new Error('This scenario kills Temporal, so it needs a server of its own.');
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const logFile = join(folder, 'logs', 'temporal.log');
  const server = { ...dev, source: found, port, metricsPort, uiPort: null, dbFile: join(folder, 'temporal.db'), logFile };
  const address = `127.0.0.1:${port}`;
  await supervisor.start({ name: 'Temporal', spawn: () => spawnDevServer(server), ready: (child) => temporalReady({ ...dev, address, child, logFile }), ending: TEMPORAL_ENDING });
  return address;
}

/** Resolves to the API's address. */
async function startServices(supervisor: Supervisor, { folder, adminUrl, temporal, siteKey }: { readonly folder: string; readonly adminUrl: string; readonly temporal: string; readonly siteKey?: string }): Promise<string> {
  const [apiPort = 0, workerPort = 0] = await freePorts(2);
  const serviceUrl = Object.assign(new URL(adminUrl), { username: 'signalbox_service', password: SERVICE_PASSWORD });
  const url = `http://127.0.0.1:${apiPort}`;
  const env = {
    ...cleanEnvironment(process.env),
    SIGNALBOX_DATABASE_URL: serviceUrl.href,
    SIGNALBOX_TEMPORAL_ADDRESS: temporal,
    SIGNALBOX_NAMESPACE: readDevFile(CLONE).namespace,
    SIGNALBOX_API_PORT: String(apiPort),
    SIGNALBOX_WORKER_PORT: String(workerPort),
    SIGNALBOX_DATA: folder,
    // What a test kills stays dead until a release comes to it.
    SIGNALBOX_KEEP_ALIVE: 'off',
    SIGNALBOX_STORES: `${url}/v1/package-files/,file://${join(folder, PACKAGES)}/`,
    SIGNALBOX_WORKFLOW_BUNDLE: inject('workflowBundle'),
    ...(siteKey === undefined ? {} : { SIGNALBOX_SITE_KEY: siteKey }),
  };
  const service = (name: string, entry: string, port: number) =>
    supervisor.start(nodeService({ name, entry: join(CLONE, entry), cwd: CLONE, env, logFile: join(folder, 'logs', `${name}.log`), readyUrl: `http://127.0.0.1:${port}/readyz` }));
  await Promise.all([service('api', 'api/main.ts', apiPort), service('worker', 'worker/main.ts', workerPort)]);
  return url;
}

async function serverAt(socket: string, host: string): Promise<{ readonly requests: number; readonly isDrained: boolean }> {
  const text = await createRuntimeApi({ path: socket }, 5_000).ask(`show stat`, AbortSignal.timeout(10_000));
  const [heading = '', ...rows] = text.replace(/^# /, '').split('\n').map((line) => line.split(','));
  const cell = (column: string): string => rows.find((row) => row[1] === host)?.[heading.indexOf(column)] ?? '';
  // A drained server whose application is sick shows as down there, so the wish is asked for by itself.
  const [seen] = await createHaproxy({ driver: 'haproxy', socket, address: null, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 10 }).observe([host], AbortSignal.timeout(10_000));
  return { requests: Number(cell('stot')), isDrained: seen?.admin === 'drain' };
}

/** The demo's inventory, with a witness of every start of an application. */
function documents(fleet: Fleet, socket: string, folder: string): readonly object[] {
  mkdirSync(join(folder, 'witness'));
  return [...fleetDocuments(fleet, socket), STRATEGY].flatMap((document) => {
    const { kind, run } = document as { kind: string; run?: { env: object } };
    if (kind === 'Strategy' && document !== STRATEGY) return [];
    return kind === 'Application' ? [{ ...document, run: { ...run, env: { ...run?.env, WITNESS: witnessOf(folder, '${host.name}') } } }] : [document];
  });
}

function witnessOf(folder: string, host: string): string {
  return join(folder, 'witness', host);
}

function linesOf(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [];
}
