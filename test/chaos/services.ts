/** Everything Signalbox is made of, each a process that can be killed: Postgres that syncs, Temporal, the API, and two workers with seams. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { createToken } from '../../db/tokens.ts';
import { prepareTemporalOnPostgres, temporalPrograms } from '../../bench/temporal-on-postgres.ts';
import { workflowBundle } from '../../stack/bundle.ts';
import { readDevFile } from '../../stack/dev-file.ts';
import { cleanEnvironment, nodeService } from '../../stack/node-service.ts';
import { cacheFolder } from '../../stack/place.ts';
import { freePorts } from '../../stack/ports.ts';
import { POSTGRES_ENDING, preparePostgres } from '../../stack/postgres.ts';
import { tokenHash } from '../../stack/stack-file.ts';
import { findTemporal } from '../../stack/temporal-cli.ts';
import { spawnDevServer, TEMPORAL_ENDING, temporalReady } from '../../stack/temporal.ts';
import { CLONE, faketimeLibrary } from './place.ts';
import type { Service, Supervisor } from '../../stack/supervisor.ts';
import type { Network } from './network.ts';

export const WORKERS = ['worker 1', 'worker 2'] as const;
export type Killable = 'API' | 'Postgres' | 'Temporal' | (typeof WORKERS)[number];

/** `dev`: Temporal's development server with a file; `postgres`: the server of production. */
export type TemporalShape = 'dev' | 'postgres';

export interface ServicesOptions {
  readonly folder: string;
  readonly ground: string;
  readonly supervisor: Supervisor;
  readonly temporal: TemporalShape;
  readonly network: Network;
  /** the process of the network, if it has one */
  readonly networkService: Service | null;
  readonly log: (line: string) => void;
}

export interface Services {
  readonly apiUrl: string;
  readonly token: string;
  /** the schema owner's address */
  readonly adminUrl: string;
  /** Temporal's address, past every detour */
  readonly temporal: string;
  readonly namespace: string;
  /** file of the workflows that all workers run */
  readonly bundle: string;
  /** From the next start on: all links of API and worker 2 go through the network that can be spoilt; worker 1 lives by a clock of its own. */
  readonly steer: { detour: boolean; clockFile: string | null };
}

/** Links of the detour, by name. */
export const LINKS = ['worker-temporal', 'worker-postgres', 'api-postgres'] as const;
export type Link = (typeof LINKS)[number];

export async function bringUp(options: ServicesOptions): Promise<Services> {
  const { folder, supervisor, network, networkService } = options;
  const postgres = await preparePostgres({ dataDir: join(folder, 'postgres'), log: options.log });
  await supervisor.start({ name: 'Postgres', spawn: postgres.spawn, ready: postgres.ready, ending: POSTGRES_ENDING });
  const [temporal] = await Promise.all([startTemporal(options, postgres.adminUrl), networkService === null ? null : supervisor.start(networkService)]);
  const servicePassword = randomBytes(24).toString('hex');
  await migrate({ url: postgres.adminUrl, servicePassword });
  const token = await makeToken(postgres.adminUrl);
  const database = Object.assign(new URL(postgres.adminUrl), { username: 'signalbox_service', password: servicePassword }).href;
  const [apiPort = 0, ...ports] = await freePorts(1 + WORKERS.length + LINKS.length);
  const detours = await lay(network, ports.slice(WORKERS.length), { temporal, postgres: `127.0.0.1:${postgres.port}` });
  const steer: Services['steer'] = { detour: false, clockFile: null };
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const { namespace } = readDevFile(CLONE);
  const bundle = await workflowBundle({ clone: CLONE, folder: join(cacheFolder(CLONE), 'bundles') });
  const common = {
    ...cleanEnvironment(process.env),
    SIGNALBOX_NAMESPACE: namespace,
    SIGNALBOX_API_PORT: String(apiPort),
    SIGNALBOX_DATA: folder,
    // The checker knows every start by the step of a release that made it.
    SIGNALBOX_KEEP_ALIVE: 'off',
    SIGNALBOX_STORES: `${apiUrl}/v1/package-files/`,
    SIGNALBOX_WORKFLOW_BUNDLE: bundle,
  };
  const reach = (isDetoured: boolean, links: { readonly postgres: Link; readonly temporal: Link }) => ({
    SIGNALBOX_DATABASE_URL: isDetoured ? Object.assign(new URL(database), { host: detours[links.postgres] }).href : database,
    SIGNALBOX_TEMPORAL_ADDRESS: isDetoured ? detours[links.temporal] : temporal,
  });
  const ours = (name: Killable, entry: string, port: number, env: () => Readonly<Record<string, string | undefined>>): Promise<void> =>
    supervisor.start(respawned(() => nodeService({ name, entry: join(CLONE, entry), cwd: CLONE, env: { ...common, ...env() }, logFile: join(folder, 'logs', `${name.replace(' ', '-')}.log`), readyUrl: `http://127.0.0.1:${port}/readyz` })));
  const worker = (index: 0 | 1) => (): Readonly<Record<string, string | undefined>> => ({
    ...reach(index === 1 && steer.detour, { postgres: 'worker-postgres', temporal: 'worker-temporal' }),
    SIGNALBOX_WORKER_PORT: String(ports[index]), CHAOS_GROUND: options.ground,
    ...(index === 0 && steer.clockFile !== null ? fakedClock(steer.clockFile) : {}),
  });
  await Promise.all([
    ours('API', 'api/main.ts', apiPort, () => reach(steer.detour, { postgres: 'api-postgres', temporal: 'worker-temporal' })),
    ours('worker 1', 'test/chaos/entry/worker.ts', ports[0] ?? 0, worker(0)),
    ours('worker 2', 'test/chaos/entry/worker.ts', ports[1] ?? 0, worker(1)),
  ]);
  return { apiUrl, token, adminUrl: postgres.adminUrl, temporal, namespace, bundle, steer };
}

/** The environment is asked for at every start, so that a killed process may come back into other surroundings. */
function respawned(make: () => Service): Service {
  return { ...make(), spawn: () => make().spawn() };
}

async function startTemporal(options: ServicesOptions, postgresUrl: string): Promise<string> {
  const { folder, supervisor, log } = options;
  if (options.temporal === 'postgres') {
    const prepared = await prepareTemporalOnPostgres({ postgresUrl, folder: join(folder, 'temporal'), programs: await temporalPrograms(log) });
    await supervisor.start(prepared.service);
    return prepared.address;
  }
  const dev = readDevFile(CLONE);
  const { found } = await findTemporal({ env: {}, cacheDir: cacheFolder(CLONE) });
  if (found.kind === 'address') throw new Error('This harness kills Temporal, so it needs a server of its own.');
  const [port = 0, metricsPort = 0] = await freePorts(2);
  const logFile = join(folder, 'logs', 'temporal.log');
  const address = `127.0.0.1:${port}`;
  const server = { ...dev, source: found, port, metricsPort, uiPort: null, dbFile: join(folder, 'temporal.db'), logFile };
  await supervisor.start({ name: 'Temporal', spawn: () => spawnDevServer(server), ready: (child) => temporalReady({ ...dev, address, child, logFile }), ending: TEMPORAL_ENDING });
  return address;
}

async function lay(network: Network, ports: readonly number[], upstream: { readonly temporal: string; readonly postgres: string }): Promise<Readonly<Record<Link, string>>> {
  const at = (index: number): string => `127.0.0.1:${ports[index]}`;
  const upstreams: Readonly<Record<Link, string>> = { 'worker-temporal': upstream.temporal, 'worker-postgres': upstream.postgres, 'api-postgres': upstream.postgres };
  for (const [index, link] of LINKS.entries()) await network.link(link, ports[index] ?? 0, upstreams[link]);
  return { 'worker-temporal': at(0), 'worker-postgres': at(1), 'api-postgres': at(2) };
}

async function makeToken(url: string): Promise<string> {
  const token = `sbx_chaos_${randomBytes(4).toString('hex')}_${randomBytes(32).toString('hex')}`;
  const db = openDatabase({ url, max: 1, applicationName: 'chaos' });
  try {
    await createToken(db, { name: 'chaos', hash: tokenHash(token) });
  } finally {
    await db.close();
  }
  return token;
}

/** Debian's libfaketime: the file is read again every second, the monotonic clock stays true. */
function fakedClock(file: string): Readonly<Record<string, string>> {
  return { LD_PRELOAD: faketimeLibrary() ?? '', FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
}
