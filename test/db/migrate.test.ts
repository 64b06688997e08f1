import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import pg from 'pg';
import { openDatabase } from '../../db/client.ts';
import { migrate, MIGRATIONS } from '../../db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts';
import { running } from './samples.ts';

const MIGRATE = join(dirname(fileURLToPath(import.meta.url)), '../../db/migrate.ts');

const made: TestDatabase[] = [];
afterEach(async () => {
  for (const database of made.splice(0)) await database.drop();
});

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  made.push(database);
  return database;
}

/** What another process prints after migrating. */
async function migrateInProcess(url: string): Promise<{ readonly applied: readonly string[] }> {
  const program = `import { migrate } from ${JSON.stringify(MIGRATE)}; console.log(JSON.stringify(await migrate({ url: process.argv[1] })));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, url]);
  return JSON.parse(stdout) as { applied: readonly string[] };
}

test('two processes that migrate at once apply each migration once, and both end well', async () => {
  const { ownerUrl } = await emptyDatabase();
  const both = await Promise.all([migrateInProcess(ownerUrl), migrateInProcess(ownerUrl)]);
  expect(both.flatMap((one) => one.applied)).toEqual(Object.keys(MIGRATIONS));
});

test('migrating again changes nothing', async () => {
  const { ownerUrl } = await emptyDatabase();
  expect((await migrate({ url: ownerUrl })).applied).toEqual(Object.keys(MIGRATIONS));
  expect((await migrate({ url: ownerUrl })).applied).toEqual([]);
});

test('the service works with the password it was given, in a database it never owned', async () => {
  const { ownerUrl, serviceUrl } = await emptyDatabase();
  await migrate({ url: ownerUrl, servicePassword: decodeURIComponent(new URL(serviceUrl).password) });
  const db = openDatabase({ url: serviceUrl, applicationName: 'test' });
  try {
    expect((await running(db)).epoch).toBe(1);
  } finally {
    await db.close();
  }
});

test('a migration that fails leaves nothing behind and says why', async () => {
  const { ownerUrl } = await emptyDatabase();
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('create table outbox (mine integer)');
    await expect(migrate({ url: ownerUrl })).rejects.toThrow('relation "outbox" already exists');
    const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`);
    expect(rows).toEqual([{ tablename: 'outbox' }]);
  } finally {
    await client.end();
  }
});
