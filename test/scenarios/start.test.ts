import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../stack/children.ts';
import { isRoot, reachableFolder } from '../../stack/place.ts';
import { freePorts } from '../../stack/ports.ts';
import { until } from '../support/until.ts';

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Started {
  readonly process: ChildProcess;
  readonly output: () => string;
}

let dataDir = '';
let ports: { api: number; temporal: number; ui: number };
const started: Started[] = [];

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'start-'));
  const [api = 0, temporal = 0, ui = 0] = await freePorts(3);
  ports = { api, temporal, ui };
});

afterAll(async () => {
  for (const { process: launcher } of started) {
    launcher.kill('SIGTERM');
    await until('the end of the launcher', () => launcher.exitCode !== null || launcher.signalCode !== null, 60_000);
  }
  if (isRoot()) rmSync(reachableFolder(join(dataDir, 'postgres')), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
});

/** `npm start -- --no-demo` without npm, up to the moment it stays up. */
async function start(flags: readonly string[] = ['--no-demo']): Promise<Started> {
  const args = ['--data', dataDir, '--api-port', String(ports.api), '--temporal-port', String(ports.temporal), '--ui-port', String(ports.ui)];
  const launcher = spawn(process.execPath, [join(CLONE, 'stack', 'start.ts'), ...flags, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [launcher.stdout, launcher.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  const one = { process: launcher, output: () => output };
  started.push(one);
  await until('the stack or its end', () => output.includes('stays up') || launcher.exitCode !== null, 120_000);
  return one;
}

/** Process numbers of everything the launcher runs, by name, as it wrote them down itself. */
function running(): Readonly<Record<string, number>> {
  const { children } = JSON.parse(readFileSync(join(dataDir, 'launcher.json'), 'utf8')) as { children: readonly { name: string; pid: number }[] };
  return Object.fromEntries(children.map(({ name, pid }) => [name, pid]));
}

function token(): string {
  return readFileSync(join(dataDir, 'admin-token'), 'utf8').trim();
}

async function readPools(): Promise<number | null> {
  const answer = await fetch(`http://127.0.0.1:${ports.api}/v1/pools`, { headers: { authorization: `Bearer ${token()}` } }).catch(() => null);
  return answer?.status ?? null;
}

test('the stack comes up, survives the death of its services, ends with its launcher and goes on at the next start', { timeout: 240_000 }, async () => {
  const first = await start();
  expect(first.output()).toContain(token());
  expect(statSync(join(dataDir, 'admin-token')).mode & 0o777).toBe(0o600);
  expect(await readPools()).toBe(200);

  const before = running();
  for (const name of ['api', 'worker']) process.kill(before[name] ?? 0, 'SIGKILL');
  await until('api and worker run again', () => ['api', 'worker'].every((name) => first.output().includes(`${name} runs again`)), 60_000);
  expect(await readPools()).toBe(200);
  expect(running()).toMatchObject({ Postgres: before['Postgres'], Temporal: before['Temporal'] });

  const last = Object.values(running());
  const firstToken = token();
  first.process.kill('SIGKILL');
  await until('the end of everything', () => last.every((pid) => !isAlive(pid)), 40_000);

  const second = await start();
  expect(second.output()).toContain('stays up');
  expect(token()).toBe(firstToken);
  expect(await readPools()).toBe(200);
  const rights = await refusals();
  expect(rights).toEqual(Array(rights.length).fill('42501'));

  const busy = await start();
  expect(busy.process.exitCode).toBe(1);
  expect(busy.output()).toContain('is in use by another Signalbox');

  second.process.kill('SIGINT');
  await until('the end after Ctrl-C', () => second.process.exitCode !== null, 60_000);
  expect(second.process.exitCode).toBe(0);
});

/** What the database answers when the services' own role, with the password they were given, tries to rewrite history or the schema. */
async function refusals(): Promise<readonly string[]> {
  const environment = readFileSync(`/proc/${running()['worker']}/environ`, 'utf8').split('\0');
  const url = environment.find((entry) => entry.startsWith('SIGNALBOX_DATABASE_URL='))?.slice('SIGNALBOX_DATABASE_URL='.length);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const codes: string[] = [];
    for (const sql of ['update events set type = type', 'delete from events', 'truncate events', 'drop table events', 'create table mine (x int)', 'alter table events add column x int']) {
      codes.push(await client.query(sql).then(() => 'allowed', (error: { code?: string }) => error.code ?? 'no code'));
    }
    return codes;
  } finally {
    await client.end();
  }
}

test('an unknown flag is a usage error and nothing is started', async () => {
  const { process: launcher, output } = await start(['--nodemo']);
  expect(launcher.exitCode).toBe(2);
  expect(output()).toContain('--nodemo');
  expect(output()).toContain('usage: npm start');
});
