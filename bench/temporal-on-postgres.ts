/** The Temporal server with its state in Postgres, all four services in one process: what benches run on, being the shape production has. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { Client } from 'pg';
import { lastLine, runCommand } from '../stack/command.ts';
import { readDevFile, type DevFile } from '../stack/dev-file.ts';
import { cacheFolder } from '../stack/place.ts';
import { freePorts } from '../stack/ports.ts';
import { temporalReady } from '../stack/temporal.ts';
import type { Service } from '../stack/supervisor.ts';

export const TEMPORAL_SERVER_VERSION = '1.32.0';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULE = 'go.temporal.io/server';
const SERVICES = ['frontend', 'history', 'matching', 'worker'] as const;
/** the sub-folder of the schema in the module, and the name of the database made of it */
const DATABASES = { temporal: 'temporal', visibility: 'temporal_visibility' } as const;
const BUILD_TIMEOUT_MS = 1_200_000;
const SCHEMA_TIMEOUT_MS = 120_000;
const USABLE_TIMEOUT_MS = 60_000;
const RETENTION_MS = 86_400_000;

export interface TemporalPrograms {
  readonly server: string;
  /** makes and updates the schema */
  readonly sql: string;
  /** holds `temporal` and `visibility`, each with the versions of its schema */
  readonly schema: string;
}

export interface TemporalOnPostgresOptions {
  /** a role that may make databases */
  readonly postgresUrl: string;
  /** configuration and log are written here */
  readonly folder: string;
  readonly programs: TemporalPrograms;
  /** default: those of temporal-dev.yml */
  readonly namespace?: string;
  readonly searchAttributes?: DevFile['searchAttributes'];
}

export interface TemporalOnPostgres {
  readonly address: string;
  readonly namespace: string;
  readonly logFile: string;
  /** how it is spawned and when it can be used, for whoever supervises it */
  readonly service: Service;
}

/**
 * Server and schema tool from the cache, built there by Go when missing (about five minutes, once). Throws with Go's last line when
 * they cannot be built.
 */
export async function temporalPrograms(log: (line: string) => void, cacheDir: string = cacheFolder(CLONE)): Promise<TemporalPrograms> {
  const folder = join(cacheDir, 'temporal-server');
  const programs = { server: join(folder, 'server'), sql: join(folder, 'sql') };
  const missing = [...(existsSync(programs.server) ? [] : ['server']), ...(existsSync(programs.sql) ? [] : ['tools/sql'])];
  if (missing.length > 0) {
    log(`building the Temporal server ${TEMPORAL_SERVER_VERSION} with Go (once, about five minutes)`);
    mkdirSync(folder, { recursive: true });
    for (const name of missing) await go(['install', `${MODULE}/cmd/${name}@v${TEMPORAL_SERVER_VERSION}`], { GOBIN: folder });
  }
  const module = JSON.parse(await go(['mod', 'download', '-json', `${MODULE}@v${TEMPORAL_SERVER_VERSION}`])) as { readonly Dir: string };
  return { ...programs, schema: join(module.Dir, 'schema', 'postgresql', 'v12') };
}

async function go(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const result = await runCommand('go', args, { timeoutMs: BUILD_TIMEOUT_MS, cwd: '/', env: { ...process.env, ...env } });
  if (result.code !== 0) throw new Error(`Go could not get the Temporal server (go ${args.join(' ')}): ${lastLine(result.output)}. Go 1.25 or newer must be on PATH.`);
  return result.output;
}

/** Makes the databases with their schema and writes the configuration; the service starts the server. Throws when the schema cannot be made. */
export async function prepareTemporalOnPostgres(options: TemporalOnPostgresOptions): Promise<TemporalOnPostgres> {
  const dev = readDevFile(CLONE);
  const namespace = options.namespace ?? dev.namespace;
  const searchAttributes = options.searchAttributes ?? dev.searchAttributes;
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  for (const [schema, database] of Object.entries(DATABASES)) await makeDatabase(options, join(options.programs.schema, schema, 'versioned'), database);
  const ports = await freePorts(2 * SERVICES.length);
  const config = join(options.folder, 'temporal.json');
  const logFile = join(options.folder, 'temporal.log');
  writeFileSync(join(options.folder, 'dynamic.json'), JSON.stringify({ ...DYNAMIC, ...asRules(dev.dynamicConfig) }));
  writeFileSync(config, JSON.stringify(configuration(options, ports), null, 2), { mode: 0o600 });
  const address = `127.0.0.1:${ports[0]}`;
  return {
    address,
    namespace,
    logFile,
    service: {
      name: 'Temporal',
      ending: { signal: 'SIGTERM', timeoutMs: 20_000 },
      spawn: () => spawnLogged([options.programs.server, '--config-file', config, 'start'], logFile),
      ready: (child) => untilUsable({ address, namespace, searchAttributes, child, logFile }),
    },
  };
}

async function makeDatabase({ postgresUrl, programs }: TemporalOnPostgresOptions, versions: string, database: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
    else return;
  } finally {
    await client.end();
  }
  const url = new URL(postgresUrl);
  // By environment, since arguments are for everybody to read.
  const env = { ...process.env, SQL_PLUGIN: 'postgres12', SQL_HOST: url.hostname, SQL_PORT: url.port, SQL_USER: decodeURIComponent(url.username), SQL_PASSWORD: decodeURIComponent(url.password), SQL_DATABASE: database };
  for (const args of [['setup-schema', '-v', '0.0'], ['update-schema', '-d', versions]]) {
    const result = await runCommand(programs.sql, args, { timeoutMs: SCHEMA_TIMEOUT_MS, env });
    if (result.code !== 0) throw new Error(`The schema of Temporal's database ${database} could not be made (${args[0]}): ${lastLine(result.output)}`);
  }
}

/**
 * What one small installation would set. One partition per task queue: four, the default, are for thousands of tasks a second and
 * make each task travel between partitions. Search attributes and namespaces are seen at once instead of after ten seconds.
 */
const DYNAMIC = {
  'matching.numTaskqueueReadPartitions': [{ value: 1 }],
  'matching.numTaskqueueWritePartitions': [{ value: 1 }],
  'system.forceSearchAttributesCacheRefreshOnRead': [{ value: true }],
};

/** A rule without constraints holds everywhere. */
function asRules(settings: DevFile['dynamicConfig']): object {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, [{ value }]]));
}

function configuration({ postgresUrl, folder }: TemporalOnPostgresOptions, ports: readonly number[]): object {
  const url = new URL(postgresUrl);
  const store = (databaseName: string, connections: number) => ({
    sql: {
      pluginName: 'postgres12_pgx', databaseName, connectAddr: `${url.hostname}:${url.port}`, connectProtocol: 'tcp', user: decodeURIComponent(url.username), password: decodeURIComponent(url.password),
      maxConns: connections, maxIdleConns: connections, maxConnLifetime: '1h',
    },
  });
  const services = SERVICES.map((name, index) => [name, { rpc: { grpcPort: ports[index], membershipPort: ports[SERVICES.length + index], bindOnLocalHost: true } }] as const);
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default', visibilityStore: 'visibility', numHistoryShards: 4,
      datastores: { default: store(DATABASES.temporal, 20), visibility: store(DATABASES.visibility, 4) },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: Object.fromEntries(services),
    clusterMetadata: {
      enableGlobalNamespace: false, failoverVersionIncrement: 10, masterClusterName: 'active', currentClusterName: 'active',
      clusterInformation: { active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: `127.0.0.1:${ports[0]}` } },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    dynamicConfigClient: { filepath: join(folder, 'dynamic.json'), pollInterval: '60s' },
  };
}

function spawnLogged([program = '', ...args]: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(program, args, { cwd: dirname(logFile), detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

interface Usable {
  readonly address: string;
  readonly namespace: string;
  readonly searchAttributes: DevFile['searchAttributes'];
  readonly child: ChildProcess;
  readonly logFile: string;
}

/** Registers the namespace, then the search attributes, then waits until a question that names one of them is answered. */
async function untilUsable(usable: Usable): Promise<void> {
  const { address, namespace, child, searchAttributes } = usable;
  await retried(child, async () => {
    const connection = await Connection.connect({ address, connectTimeout: 2_000 });
    try {
      await connection.withDeadline(Date.now() + 5_000, () => registerNamespace(connection, namespace));
    } finally {
      await connection.close();
    }
  });
  await temporalReady(usable);
  const query = Object.keys(searchAttributes).map((name) => `${name} IS NOT NULL`).join(' OR ');
  const connection = await Connection.connect({ address });
  try {
    await retried(child, async () => void (await connection.workflowService.countWorkflowExecutions({ namespace, query })));
  } finally {
    await connection.close();
  }
}

async function registerNamespace(connection: Connection, namespace: string): Promise<void> {
  try {
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs(RETENTION_MS) });
  } catch (error) {
    if (!/already (exists|registered)/i.test((error as Error).message)) throw error;
  }
}

/** Until it works; throws the last reason after a minute, or at once when the server has ended. */
async function retried(child: ChildProcess, work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const ended = child.exitCode !== null || child.signalCode !== null;
      if (ended || Date.now() > deadline) throw new Error(`The Temporal server cannot be used${ended ? ', it ended' : ''}: ${(error as Error).message}`);
      await delay(100);
    }
  }
}
