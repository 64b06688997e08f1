import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareTemporalOnPostgres, temporalPrograms, type TemporalOnPostgres } from '../../bench/temporal-on-postgres.ts';
import { endChild, isAlive } from '../../stack/children.ts';
import { startPostgres, type RunningPostgres } from '../../stack/postgres.ts';
import type { ChildProcess } from 'node:child_process';

const folder = mkdtempSync(join(tmpdir(), 'signalbox-temporal-'));
let postgres: RunningPostgres;
let temporal: TemporalOnPostgres;
let child: ChildProcess;
let connection: Connection;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  postgres = await startPostgres({ dataDir: join(folder, 'postgres'), durable: false });
  const programs = await temporalPrograms(() => {});
  const options = { postgresUrl: postgres.adminUrl, folder: join(folder, 'temporal'), programs, namespace: 'bench', searchAttributes: { Pool: 'Keyword', Paused: 'Bool' } } as const;
  await prepareTemporalOnPostgres(options);
  temporal = await prepareTemporalOnPostgres(options);
  child = temporal.service.spawn();
  await temporal.service.ready(child);
  connection = await Connection.connect({ address: temporal.address });
}, 1_200_000);

afterAll(async () => {
  await connection?.close();
  if (child !== undefined) await endChild(child, temporal.service.ending);
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe('the Temporal server on Postgres', () => {
  test('has its namespace as soon as it is ready', async () => {
    const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace: 'bench' });
    expect(namespaceInfo?.name).toBe('bench');
  });

  test('has its search attributes as soon as it is ready, and answers questions that name them', async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'bench' });
    expect(Object.keys(customAttributes).toSorted()).toStrictEqual(['Paused', 'Pool']);
    const { count } = await connection.workflowService.countWorkflowExecutions({ namespace: 'bench', query: "Pool = 'web' AND Paused = false" });
    expect(Number(count)).toBe(0);
  });

  test('keeps its state in Postgres: what it was told is there after it was killed and started again', async () => {
    await endChild(child, { signal: 'SIGKILL', timeoutMs: 5_000 });
    child = temporal.service.spawn();
    await temporal.service.ready(child);
    const { namespaces } = await connection.workflowService.listNamespaces({});
    expect(namespaces?.map((each) => each.namespaceInfo?.name)).toContain('bench');
  }, 120_000);

  test('told to be ready after it has ended says so instead of waiting', async () => {
    const broken = await prepareTemporalOnPostgres({ postgresUrl: postgres.adminUrl, folder: join(folder, 'broken'), programs: { ...(await temporalPrograms(() => {})), server: '/bin/false' } });
    const dead = broken.service.spawn();
    await expect(broken.service.ready(dead)).rejects.toThrow('The Temporal server cannot be used, it ended');
    expect(isAlive(dead.pid ?? 0)).toBe(false);
  }, 60_000);
});
