/** The API process: configuration, database, listen; on SIGTERM it says no to new work, ends its streams and closes what it opened. */
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import type { Server } from 'node:http';
import closeWithGrace from 'close-with-grace';
import pino from 'pino';
import { readConfig } from '../config.ts';
import { checkDatabase, openDatabase } from '../db/client.ts';
import { DatabaseUnfit } from '../db/errors.ts';
import { listen } from '../db/notifications.ts';
import { createAgentDesk } from './agent-desk.ts';
import { createApp } from './app.ts';
import { isDatabaseAway } from './errors.ts';
import { createNotificationHub } from './notifications.ts';
import { startWatchdog } from '../watchdog/loop.ts';
import { openEyes } from '../watchdog/temporal-eyes.ts';
import { canReach } from './temporal-reach.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/client.ts';
import type { Log } from './deps.ts';

const DRAIN_MS = 10_000;
/** An upload of a package may take long; headers may not. */
const REQUEST_TIMEOUT_MS = 30 * 60_000;

/** Something that is wrong around the process; the message is all an operator needs, no stack. */
class CannotStart extends Error {}

export interface RunningApi {
  readonly server: Server;
  readonly url: string;
  /** ends in order: readiness says no, no new connections, streams end, database closes */
  readonly stop: () => Promise<void>;
}

/** Resolves once it listens. Throws with one clear sentence when it cannot. */
export async function startApi(config: Config, log: Log): Promise<RunningApi> {
  const db = openDatabase({ url: config.databaseUrl, applicationName: 'signalbox-api', onError: (error) => log.warn({ err: error }, 'a database connection was lost') });
  try {
    await checkDatabase(db);
    await mkdir(config.dataDir, { recursive: true });
    return await serveApi(config, db, log);
  } catch (error) {
    await db.close();
    throw explained(error, config);
  }
}

async function serveApi(config: Config, db: Database, log: Log): Promise<RunningApi> {
  const hub = createNotificationHub();
  const listener = listen(config.databaseUrl, hub.publish);
  const desk = createAgentDesk({ db, log });
  const drain = new AbortController();
  const app = createApp({ db, config, notifications: hub, agentBells: desk.bells, temporalReachable: () => canReach(config.temporalAddress), log, drainSignal: drain.signal });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 30_000, maxHeaderSize: 16_384 }, app);
  try {
    server.listen(config.apiPort, config.apiHost);
    await once(server, 'listening');
  } catch (error) {
    await Promise.all([listener.close(), desk.close()]);
    throw error;
  }
  desk.open();
  const eyes = openEyes(config);
  const watchdog = startWatchdog({ db, eyes, by: `api ${hostname()}/${process.pid}`, log });
  const stop = async (): Promise<void> => {
    drain.abort();
    await Promise.all([closeServer(server), watchdog.stop()]);
    await Promise.all([eyes.close(), listener.close(), desk.close()]);
    await db.close();
  };
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.apiPort;
  return { server, url: `http://${config.apiHost}:${port}`, stop };
}

/** Requests at hand may finish; whoever only holds a connection open is let go. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  // A connection whose last answer just went out is kept alive by its client until somebody closes it.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const end = setTimeout(() => server.closeAllConnections(), DRAIN_MS / 2);
  await closed;
  clearInterval(sweep);
  clearTimeout(end);
}

function explained(error: unknown, config: Config): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') {
    return new CannotStart(`Port ${config.apiPort} on ${config.apiHost} is taken by another process. Stop that one, or choose another port with SIGNALBOX_API_PORT.`);
  }
  if (code === 'EACCES') return new CannotStart(`This account may not listen on port ${config.apiPort} or write to ${config.dataDir}. Choose others with SIGNALBOX_API_PORT and SIGNALBOX_DATA.`);
  if (error instanceof DatabaseUnfit) return new CannotStart(error.message);
  if (isDatabaseAway(error)) {
    const why = error instanceof Error && error.message !== '' ? error.message : String(code);
    return new CannotStart(`The database at ${withoutPassword(config.databaseUrl)} cannot be used (${why}). Start it or correct SIGNALBOX_DATABASE_URL.`);
  }
  return error;
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'the configured address';
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || '5432'}${pathname}`;
}

async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({ name: 'signalbox-api', level: config.logLevel, redact: ['req.headers.authorization'] });
  const api = await startApi(config, log);
  log.info({ url: api.url, docs: `${api.url}/docs` }, 'the API listens');
  closeWithGrace({ delay: DRAIN_MS, logger: { error: (message) => log.error({}, String(message)) } }, async ({ signal, err }) => {
    if (err) log.error({ err }, 'the API ends because of an error');
    else log.info({ signal }, 'the API ends');
    await api.stop();
  });
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    const isPlain = error instanceof CannotStart || (error instanceof Error && error.message.startsWith('The configuration is wrong'));
    console.error(isPlain ? (error as Error).message : error);
    process.exitCode = 1;
  });
}
