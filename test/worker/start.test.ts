import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../stack/ports.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import type { AddressInfo } from 'node:net';
import type { TestDatabase } from '../support/postgres.ts';

const WORKER = fileURLToPath(new URL('../../worker/main.ts', import.meta.url));
let database: TestDatabase;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(ends.map((end) => end()));
  await database.drop();
});

/** The worker process with these settings; ended after the tests. */
function worker(settings: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [WORKER], { env: { PATH: process.env['PATH'], ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  ends.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { child, ended, output: () => output };
}

describe('the worker process', () => {
  test('without Temporal says where nobody answers and that releases wait, and goes on trying', async () => {
    const [temporal = 0, health = 0] = await freePorts(2);
    const started = worker({ SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_TEMPORAL_ADDRESS: `127.0.0.1:${temporal}`, SIGNALBOX_WORKER_PORT: String(health) });
    await until('the second try', () => started.output().split(`Temporal does not answer at 127.0.0.1:${temporal}; trying again. Releases wait meanwhile.`).length > 2, 30_000);
    expect(started.child.exitCode).toBeNull();
    started.child.kill('SIGKILL');
  });

  test('with a wrong setting names every wrong one at once and ends', async () => {
    const started = worker({ SIGNALBOX_WORKER_PORT: 'x', SIGNALBOX_NONSENSE: '1' });
    expect(await started.ended).not.toBe(0);
    for (const name of ['SIGNALBOX_DATABASE_URL is missing', 'SIGNALBOX_WORKER_PORT must be', 'SIGNALBOX_NONSENSE is not a setting']) expect(started.output()).toContain(name);
  });

  test('with its health port taken says which setting gives another one', async () => {
    const { address, bundle } = devServer();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const started = worker({ SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_TEMPORAL_ADDRESS: address, SIGNALBOX_WORKFLOW_BUNDLE: bundle, SIGNALBOX_WORKER_PORT: String(port) });
    expect(await started.ended).not.toBe(0);
    expect(started.output()).toContain(`Port ${port} for the worker's health page cannot be opened`);
    expect(started.output()).toContain('Set SIGNALBOX_WORKER_PORT to a free one');
    other.close();
  });

  test('answers ready while it polls, and ends by itself on SIGTERM', async () => {
    const { address, bundle } = devServer();
    const [health = 0] = await freePorts(1);
    const started = worker({ SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_TEMPORAL_ADDRESS: address, SIGNALBOX_WORKFLOW_BUNDLE: bundle, SIGNALBOX_WORKER_PORT: String(health), SIGNALBOX_TASK_QUEUE: 'test-worker-start' });
    const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => null))?.status === 200;
    await until('readiness', ready, 40_000);
    expect(await (await fetch(`http://127.0.0.1:${health}/metrics`)).text()).toContain('signalbox_activities_in_flight');
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(0);
  });
});
