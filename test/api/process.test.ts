/** The API as a process: how it starts, what it says when it cannot, how it ends. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newToken } from '../../api/auth.ts';
import { openDatabase } from '../../db/client.ts';
import { createToken } from '../../db/tokens.ts';
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import type { ChildProcess } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { TestDatabase } from '../support/postgres.ts';

const MAIN = fileURLToPath(new URL('../../api/main.ts', import.meta.url));
const running = new Set<ChildProcess>();
let database: TestDatabase;
let dataDir: string;

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'signalbox-process-'));
});

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

afterAll(async () => {
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

function startMain(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_DATA: dataDir, ...env } });
  running.add(child);
  const said = { child, out: '', error: '', code: null as number | null, url: () => /"url":"([^"]+)"/.exec(said.out)?.[1] };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.error += text));
  child.once('exit', (code) => {
    said.code = code ?? -1;
    running.delete(child);
  });
  return said;
}

async function refusal(env: Record<string, string>): Promise<string> {
  const said = startMain(env);
  await until('the process gives up', () => said.code !== null);
  expect(said.code).toBe(1);
  return said.error.trim();
}

test('a busy port is one sentence that names it and what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  try {
    const said = await refusal({ SIGNALBOX_API_PORT: String(port) });
    expect(said).toMatch(new RegExp(`^Port ${port} on 127.0.0.1 is taken.*SIGNALBOX_API_PORT`));
    expect(said).not.toMatch(/\n/);
  } finally {
    other.close();
  }
});

test('a database that is away is one sentence without its password', async () => {
  const said = await refusal({ SIGNALBOX_API_PORT: '0', SIGNALBOX_DATABASE_URL: 'postgres://user:s3cret@127.0.0.1:1/x' });
  expect(said).toMatch(/^The database at 127\.0\.0\.1:1\/x cannot be used .*SIGNALBOX_DATABASE_URL/);
  expect(said).not.toMatch(/\n|s3cret/);
});

test('a database without a schema, and settings that do not exist, are said in a sentence', async () => {
  const empty = await createEmptyDatabase();
  try {
    expect(await refusal({ SIGNALBOX_API_PORT: '0', SIGNALBOX_DATABASE_URL: empty.ownerUrl })).toMatch(/no schema yet.*migrate/);
  } finally {
    await empty.drop();
  }
  expect(await refusal({ SIGNALBOX_SURPRISE: '1' })).toMatch(/SIGNALBOX_SURPRISE is not a setting/);
});

test('on SIGTERM the answer at hand is finished, streams end, and the process ends with 0', async () => {
  const db = openDatabase({ url: database.serviceUrl, applicationName: 'test', onError: () => {} });
  const { token, hash } = newToken();
  await createToken(db, { name: 'process', hash });
  await db.close();
  const said = startMain({ SIGNALBOX_API_PORT: '0' });
  const url = await until('it listens', () => said.url());
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const slow = request(`${url}/v1/tokens`, { method: 'POST', headers: { ...headers, expect: '100-continue' } });
  const answered = once(slow, 'response');
  slow.flushHeaders();
  // The server has the request in hand once it asks for the body.
  await once(slow, 'continue');
  said.child.kill('SIGTERM');
  await until('it says so', () => /the API ends/.test(said.out));
  slow.end('{"name":"late"}');
  const [response] = (await answered) as [IncomingMessage];
  expect(response.statusCode).toBe(201);
  response.resume();
  await until('it has ended', () => said.code !== null);
  expect(said.code).toBe(0);
  expect(said.out).not.toContain(token);
});
