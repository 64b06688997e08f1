import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../stack/children.ts';
import { isRoot, NOBODY, reachableFolder } from '../../stack/place.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';

let root = '';
let dataDir = '';
const started: RunningPostgres[] = [];

// The folder that holds everything is closed to others, like a home: the hard case as root.
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'closed-home-'));
  dataDir = join(root, 'data', 'postgres');
});

afterAll(async () => {
  for (const server of started) await server.stop();
  if (isRoot()) rmSync(reachableFolder(dataDir), { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
});

async function start(): Promise<RunningPostgres> {
  const server = await startPostgres({ dataDir, durable: false });
  started.push(server);
  return server;
}

async function ask<T>(server: RunningPostgres, sql: string): Promise<T | undefined> {
  const client = new Client({ connectionString: server.adminUrl });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ value: T }>(sql);
    return rows[0]?.value;
  } finally {
    await client.end();
  }
}

test('a server starts in a folder closed to others, keeps its data over a stop, and survives being killed', async () => {
  const first = await start();
  await ask(first, 'create table kept (value text)');
  await ask(first, "insert into kept values ('here')");
  await first.stop();
  const second = await start();
  expect(await ask<string>(second, 'select value from kept')).toBe('here');
  second.process.kill('SIGKILL');
  const third = await start();
  expect(await ask<string>(third, 'select value from kept')).toBe('here');
});

test('the server listens on loopback only, asks for a password and does not run as root', async () => {
  const server = await start();
  expect(await ask<string>(server, "select current_setting('listen_addresses') as value")).toBe('127.0.0.1');
  const stranger = new URL(server.adminUrl);
  stranger.password = 'guess';
  const client = new Client({ connectionString: stranger.href });
  await expect(client.connect()).rejects.toThrow(/password authentication failed/);
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8');
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  expect(uid).toBe(isRoot() ? NOBODY : process.getuid?.());
});

// Postgres itself only believes a lock whose process belongs to its own account.
test('a lock file that names another living process of the same account does not stop the start', async () => {
  const before = await start();
  const folder = join(reachableFolder(dataDir), 'data');
  const lock = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  await before.stop();
  const other = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot() ? { uid: NOBODY, gid: NOBODY } : {}) });
  try {
    writeFileSync(join(folder, 'postmaster.pid'), [String(other.pid), ...lock.slice(1)].join('\n'));
    const after = await start();
    expect(await ask<number>(after, 'select 1 as value')).toBe(1);
  } finally {
    other.kill('SIGKILL');
  }
});

test('a server left over by a killed launcher is ended before a new one works on its data', async () => {
  const leftover = await start();
  const next = await start();
  expect(isAlive(leftover.process.pid ?? 0)).toBe(false);
  expect(await ask<number>(next, 'select 1 as value')).toBe(1);
});

test('a folder whose initialising was interrupted is initialised anew', async () => {
  const torn = join(root, 'open', 'postgres');
  const folder = reachableFolder(torn);
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'data', 'PG_VERSION'), '18\n');
  const server = await startPostgres({ dataDir: torn, durable: false });
  try {
    expect(await ask<number>(server, 'select 1 as value')).toBe(1);
    expect(statSync(join(folder, 'owner-password')).mode & 0o777).toBe(0o600);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
