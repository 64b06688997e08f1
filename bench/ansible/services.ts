/** Signalbox as it stands in production: Postgres that syncs to disk, the Temporal server over it, API and worker, each a process. */
import { mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../db/client.ts';
import { migrate } from '../../db/migrate.ts';
import { createToken } from '../../db/tokens.ts';
import { workflowBundle } from '../../stack/bundle.ts';
import { cleanEnvironment, nodeService } from '../../stack/node-service.ts';
import { cacheFolder } from '../../stack/place.ts';
import { freePorts } from '../../stack/ports.ts';
import { POSTGRES_ENDING, preparePostgres } from '../../stack/postgres.ts';
import { tokenHash } from '../../stack/stack-file.ts';
import { prepareTemporalOnPostgres, temporalPrograms } from '../temporal-on-postgres.ts';
import type { Root } from './processor-time.ts';
import type { Supervisor } from '../../stack/supervisor.ts';

export interface Services {
  readonly apiUrl: string;
  readonly token: string;
  /** everything Signalbox runs, for counting its processor time */
  readonly roots: () => readonly Root[];
}

export interface ServicesOptions {
  readonly folder: string;
  readonly supervisor: Supervisor;
  /** URI prefix of the packages' store */
  readonly store: string;
  /** null, or where API and worker leave a processor profile when they end */
  readonly profileFolder: string | null;
  readonly log: (line: string) => void;
}

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** All up and ready, the schema made. The supervisor ends them. */
export async function bringUpServices(options: ServicesOptions): Promise<Services> {
  const { folder, supervisor, log } = options;
  const programs = await temporalPrograms(log);
  const postgres = await preparePostgres({ dataDir: join(folder, 'postgres'), log });
  await supervisor.start({ name: 'Postgres', spawn: postgres.spawn, ready: postgres.ready, ending: POSTGRES_ENDING });
  const temporal = await prepareTemporalOnPostgres({ postgresUrl: postgres.adminUrl, folder: join(folder, 'temporal'), programs });
  await supervisor.start(temporal.service);
  const servicePassword = randomBytes(24).toString('hex');
  await migrate({ url: postgres.adminUrl, servicePassword });
  const token = await makeToken(postgres.adminUrl);
  const [apiPort = 0, workerPort = 0] = await freePorts(2);
  const database = new URL(postgres.adminUrl);
  database.username = 'signalbox_service';
  database.password = servicePassword;
  const env = {
    ...cleanEnvironment(process.env),
    SIGNALBOX_DATABASE_URL: database.href,
    SIGNALBOX_TEMPORAL_ADDRESS: temporal.address,
    SIGNALBOX_NAMESPACE: temporal.namespace,
    SIGNALBOX_API_PORT: String(apiPort),
    SIGNALBOX_WORKER_PORT: String(workerPort),
    SIGNALBOX_DATA: join(folder, 'api'),
    SIGNALBOX_STORES: options.store,
    SIGNALBOX_WORKFLOW_BUNDLE: await workflowBundle({ clone: CLONE, folder: join(cacheFolder(CLONE), 'bundles') }),
  };
  const start = (name: string, entry: string, port: number): Promise<void> =>
    supervisor.start(nodeService({ name, entry: join(CLONE, entry), cwd: CLONE, env: { ...env, ...profiling(options, name) }, logFile: join(folder, 'logs', `${name}.log`), readyUrl: `http://127.0.0.1:${port}/readyz` }));
  await start('API', 'api/main.ts', apiPort);
  await start('worker', 'worker/main.ts', workerPort);
  return { apiUrl: `http://127.0.0.1:${apiPort}`, token, roots: () => rootsOf(supervisor) };
}

async function makeToken(url: string): Promise<string> {
  const token = `sbx_bench_${randomBytes(4).toString('hex')}_${randomBytes(32).toString('hex')}`;
  const db = openDatabase({ url, max: 1, applicationName: 'signalbox-bench' });
  try {
    await createToken(db, { name: 'bench', hash: tokenHash(token) });
  } finally {
    await db.close();
  }
  return token;
}

function profiling({ profileFolder }: ServicesOptions, name: string): Readonly<Record<string, string>> {
  if (profileFolder === null) return {};
  const folder = join(profileFolder, name);
  mkdirSync(folder, { recursive: true });
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
}

const LABELS: Readonly<Record<string, Pick<Root, 'label' | 'ended'>>> = {
  Postgres: { label: postgresLabel, ended: 'Postgres: connections that ended' },
  Temporal: { label: () => 'Temporal', ended: 'Temporal' },
  API: { label: () => 'API', ended: 'API' },
  worker: { label: () => 'host program', ended: 'host program' },
};

/** The balancer belongs to the fleet and is charged to nobody. */
function rootsOf(supervisor: Supervisor): readonly Root[] {
  return supervisor.running().flatMap(({ name, pid }) => {
    const labels = LABELS[name];
    return labels === undefined ? [] : [{ name, pid, ...labels }];
  });
}

/** A connection names its user and database in its title: `postgres: signalbox_service signalbox 127.0.0.1(40112) idle`. */
function postgresLabel(commandLine: string): string {
  const database = /^postgres: \S+ (\S+) \S+\(\d+\)/.exec(commandLine)?.[1];
  return database === undefined ? 'Postgres: upkeep' : `Postgres: ${database}`;
}
