/** Databases for tests: each its own, cloned from a migrated template in a few ten milliseconds. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { inject } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { startPostgres as startServer } from '../../stack/postgres.ts';

/** A server that was given, or one of our own that does not sync to disk. */
export async function startPostgres(): Promise<{ readonly adminUrl: string; readonly stop: () => Promise<void> }> {
  const given = process.env['SIGNALBOX_TEST_POSTGRES_URL'];
  if (given) return { adminUrl: given, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-test-postgres-'));
  chmodSync(folder, 0o755);
  const server = await startServer({ dataDir: folder, durable: false });
  return {
    adminUrl: server.adminUrl,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const SERVICE_PASSWORD = 'signalbox-service-in-tests';

export interface TestDatabase {
  /** may do everything in this database */
  readonly ownerUrl: string;
  /** the role the services use */
  readonly serviceUrl: string;
  readonly drop: () => Promise<void>;
}

/** A migrated, empty database on the run's server (or the given one). Drop it in afterAll. */
export async function createTestDatabase(adminUrl: string = inject('postgresUrl')): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = await migratedTemplate(adminUrl);
  await asAdmin(adminUrl, async (admin) => {
    await admin.query(`create database ${name} template ${template}`);
    // Rights on a database are not copied with it.
    await admin.query(`revoke create, temporary on database ${name} from public`);
  });
  return {
    ownerUrl: withPath(adminUrl, name),
    serviceUrl: withUser(withPath(adminUrl, name), 'signalbox_service', SERVICE_PASSWORD),
    drop: () => asAdmin(adminUrl, async (admin) => void (await admin.query(`drop database if exists ${name} with (force)`))),
  };
}

/** An empty database without any schema. */
export async function createEmptyDatabase(adminUrl: string = inject('postgresUrl')): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(adminUrl, async (admin) => void (await admin.query(`create database ${name}`)));
  return {
    ownerUrl: withPath(adminUrl, name),
    serviceUrl: withUser(withPath(adminUrl, name), 'signalbox_service', SERVICE_PASSWORD),
    drop: () => asAdmin(adminUrl, async (admin) => void (await admin.query(`drop database if exists ${name} with (force)`))),
  };
}

const TEMPLATE_LOCK = 7_325_099;

/** Made once per server and schema, whoever asks first; the name changes with the migrations, so a kept server never gives an old one. */
async function migratedTemplate(adminUrl: string): Promise<string> {
  const name = `signalbox_template_${schemaHash()}`;
  await asAdmin(adminUrl, async (admin) => {
    await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const known = await admin.query('select 1 from pg_database where datname = $1', [name]);
    if (known.rowCount) return;
    const half = `${name}_half`;
    await admin.query(`drop database if exists ${half} with (force)`);
    await admin.query(`create database ${half}`);
    await migrate({ url: withPath(adminUrl, half), servicePassword: SERVICE_PASSWORD });
    await admin.query(`alter database ${half} rename to ${name}`);
  });
  return name;
}

function schemaHash(): string {
  const folder = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'db');
  const hash = createHash('sha256').update(readFileSync(join(folder, 'roles.ts')));
  for (const file of readdirSync(join(folder, 'migrations')).toSorted()) hash.update(readFileSync(join(folder, 'migrations', file)));
  return hash.digest('hex').slice(0, 12);
}

async function asAdmin(adminUrl: string, fn: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: withPath(adminUrl, 'postgres') });
  await admin.connect();
  try {
    await fn(admin);
  } finally {
    await admin.end();
  }
}

function withPath(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

function withUser(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}
