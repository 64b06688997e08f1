/** A fleet check from the request to the findings: real API, worker process, Temporal, host program and ssh client. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newToken } from '../../api/auth.ts';
import { startApi, type RunningApi } from '../../api/main.ts';
import { readConfig } from '../../config.ts';
import { openDatabase, type Database } from '../../db/client.ts';
import { createToken } from '../../db/tokens.ts';
import { freePorts } from '../../stack/ports.ts';
import { newId } from '../db/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { call } from '../cli/call.ts';

const WORKER = fileURLToPath(new URL('../../worker/main.ts', import.meta.url));
let database: TestDatabase;
let db: Database;
let api: RunningApi;
let worker: ChildProcess;
let folder: string;
let token: string;

beforeAll(async () => {
  const { address, namespace, bundle } = devServer();
  const [apiPort = 0, workerPort = 0, nobody = 0] = await freePorts(3);
  folder = mkdtempSync(join(tmpdir(), 'fleet-check-'));
  database = await createTestDatabase();
  db = openDatabase({ url: database.serviceUrl, applicationName: 'test' });
  const env = {
    SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_TEMPORAL_ADDRESS: address, SIGNALBOX_NAMESPACE: namespace, SIGNALBOX_TASK_QUEUE: `test-${newId()}`,
    SIGNALBOX_API_PORT: String(apiPort), SIGNALBOX_DATA: folder, SIGNALBOX_WORKFLOW_BUNDLE: bundle, SIGNALBOX_LOG_LEVEL: 'silent', SIGNALBOX_FLEET_CHECK_SECONDS: '10',
  };
  api = await startApi(readConfig(env), pino({ level: 'silent' }));
  const made = newToken();
  token = made.token;
  await createToken(db, { name: 'tester', hash: made.hash });
  worker = spawn(process.execPath, [WORKER], { env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env, SIGNALBOX_WORKER_PORT: String(workerPort) }, stdio: 'ignore' });
  await until('the worker takes work', async () => (await fetch(`http://127.0.0.1:${workerPort}/readyz`).catch(() => null))?.status === 200, 60_000);
  const documents = [
    { kind: 'Host', name: 'web-01', address: '127.0.0.1', executor: { driver: 'local', root: join(folder, 'web-01') } },
    { kind: 'Host', name: 'web-02', address: '127.0.0.1', executor: { driver: 'ssh', root: '/srv/web-02', port: nobody } },
  ];
  const applied = await fetch(`${api.url}/v1/apply`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ documents }) });
  expect(applied.status).toBe(200);
});
afterAll(async () => {
  worker?.kill('SIGKILL');
  await api?.stop();
  await db?.close();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const cli = (...args: readonly string[]) => call([...args], { env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: token } });

describe('with one host up and nobody listening on the other', () => {
  test('check fleet tells which is dead and what to do, and get hosts shows both', async () => {
    const checked = await cli('check', 'fleet', '--reason', 'test', '--timeout', '60s');
    expect(checked.stdout).toContain('2 hosts looked at: 1 up, 1 dead');
    expect(checked.stdout).toContain('web-02 (127.0.0.1 port');
    expect(checked.stdout).toContain('host-unreachable/web-02');
    expect(checked.code).toBe(12);
    const rows = (await cli('get', 'hosts')).stdout.split('\n');
    expect(rows[1]).toMatch(/^web-01 +up +20/);
    expect(rows[2]).toMatch(/^web-02 +dead since 20\S+ +never/);
    expect(JSON.parse((await cli('get', 'host', 'web-01', '-o', 'json')).stdout)).toMatchObject({ liveness: { state: 'up', vitals: { skewMs: 0, program: expect.stringMatching(/^[0-9a-f]{64}$/) } } });
  });

  test('a check begins by itself, too', async () => {
    await until('a check that nobody asked for', async () => {
      const rows = await db.kysely.selectFrom('fleet_checks').select(['hosts', 'dead']).where('asked_by', 'is', null).where('finished_at', 'is not', null).execute();
      return rows.some(({ hosts, dead }) => hosts === 2 && dead === 1);
    }, 40_000);
  });
});
