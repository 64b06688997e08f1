/** The Temporal development server: how it is spawned, when it is ready, and the search attributes it must know. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { endChild, type Ending } from './children.ts';
import type { AttributeType, DevFile } from './dev-file.ts';
import { freePorts } from './ports.ts';
import type { TemporalSource } from './temporal-cli.ts';

export const TEMPORAL_ENDING: Ending = { signal: 'SIGTERM', timeoutMs: 10_000 };

const READY_TIMEOUT_MS = 60_000;

/** Numbers of `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES: Readonly<Record<AttributeType, number>> = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 };

export interface DevServer {
  readonly source: Exclude<TemporalSource, { readonly kind: 'address' }>;
  readonly port: number;
  /** null = no web page */
  readonly uiPort: number | null;
  readonly metricsPort: number;
  readonly namespace: string;
  readonly searchAttributes: DevFile['searchAttributes'];
  readonly dynamicConfig: DevFile['dynamicConfig'];
  /** null = everything is forgotten at its end */
  readonly dbFile: string | null;
  readonly logFile: string;
}

/** argv of the server; the same for every source. */
export function devServerArguments(server: DevServer): readonly string[] {
  const ip = server.source.kind === 'image' ? '0.0.0.0' : '127.0.0.1';
  return [
    'server', 'start-dev', '--ip', ip, '--port', String(server.port), '--metrics-port', String(server.metricsPort), '--log-level', 'warn', '--namespace', server.namespace,
    ...(server.uiPort === null ? ['--headless'] : ['--ui-port', String(server.uiPort), '--ui-disable-news-fetch']),
    ...(server.dbFile === null ? [] : ['--db-filename', server.dbFile]),
    ...Object.entries(server.searchAttributes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...Object.entries(server.dynamicConfig).flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${value}`]),
  ];
}

/** Spawns it in a process group of its own, its output in the log file, so that it outlives nobody's terminal by accident. */
export function spawnDevServer(server: DevServer): ChildProcess {
  mkdirSync(dirname(server.logFile), { recursive: true });
  const log = openSync(server.logFile, 'a', 0o600);
  const [command, args] = commandOf(server);
  try {
    return spawn(command, args, { detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

function commandOf(server: DevServer): readonly [string, readonly string[]] {
  const args = devServerArguments(server);
  if (server.source.kind === 'program') return [server.source.path, args];
  const published = [server.port, ...(server.uiPort === null ? [] : [server.uiPort])].flatMap((port) => ['--publish', `127.0.0.1:${port}:${port}`]);
  const mounted = server.dbFile === null ? [] : ['--volume', `${dirname(server.dbFile)}:${dirname(server.dbFile)}`];
  return ['docker', ['run', '--rm', '--init', ...published, ...mounted, server.source.image, ...args]];
}

/** Starts a forgetful server on free ports, for tests. Ends by `stop`. Throws with the end of its log. */
export async function startTemporal(options: Pick<DevServer, 'source' | 'namespace' | 'searchAttributes' | 'dynamicConfig' | 'logFile'> & { readonly dbFile?: string }): Promise<{ readonly address: string; readonly process: ChildProcess; readonly stop: () => Promise<void> }> {
  const [port, metricsPort] = await freePorts(2) as [number, number];
  const server: DevServer = { ...options, port, metricsPort, uiPort: null, dbFile: options.dbFile ?? null };
  const child = spawnDevServer(server);
  const address = `127.0.0.1:${port}`;
  try {
    await temporalReady({ address, namespace: server.namespace, searchAttributes: server.searchAttributes, child, logFile: server.logFile });
  } catch (error) {
    await endChild(child, TEMPORAL_ENDING);
    throw error;
  }
  return { address, process: child, stop: async () => void (await endChild(child, TEMPORAL_ENDING)) };
}

export interface Readiness {
  readonly address: string;
  readonly namespace: string;
  readonly searchAttributes: DevFile['searchAttributes'];
  /** null when the server is not ours */
  readonly child: ChildProcess | null;
  readonly logFile: string | null;
}

/**
 * Waits until the namespace answers and every search attribute is registered; missing ones are added (an older database, or a server
 * of somebody else). Throws at once when our own server ended, else after a minute.
 */
export async function temporalReady(readiness: Readiness): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let failure = 'it did not answer';
  while (Date.now() < deadline) {
    if (readiness.child !== null && (readiness.child.exitCode !== null || readiness.child.signalCode !== null)) {
      failure = 'it ended at once';
      break;
    }
    try {
      await registerSearchAttributes(readiness);
      return;
    } catch (error) {
      failure = (error as Error).message;
      await delay(50);
    }
  }
  const log = readiness.logFile !== null && existsSync(readiness.logFile) ? readFileSync(readiness.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '';
  throw new Error(`Temporal at ${readiness.address} cannot be used: ${failure}.\n${log}\nTo use a running server, name it with --temporal-address HOST:PORT.`);
}

async function registerSearchAttributes(readiness: Readiness): Promise<void> {
  const { namespace } = readiness;
  const connection = await Connection.connect({ address: readiness.address, connectTimeout: 2_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(readiness.searchAttributes).filter(([name]) => !(name in customAttributes));
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, INDEXED_VALUE_TYPES[type]])),
    });
  } finally {
    await connection.close();
  }
}
