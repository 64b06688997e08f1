/**
 * What a bench runs on: a Postgres that syncs to disk, migrated, and Temporal: its development server in memory, or the server that
 * production runs, with its state in the same Postgres. All of it ends with the bench.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../db/migrate.ts';
import { workflowBundle } from '../stack/bundle.ts';
import { runCommand } from '../stack/command.ts';
import { readDevFile } from '../stack/dev-file.ts';
import { openGuard, type Guard } from '../stack/guard.ts';
import { cacheFolder } from '../stack/place.ts';
import { POSTGRES_ENDING, startPostgres } from '../stack/postgres.ts';
import { findTemporal } from '../stack/temporal-cli.ts';
import { Supervisor } from '../stack/supervisor.ts';
import { startTemporal, TEMPORAL_ENDING } from '../stack/temporal.ts';
import { prepareTemporalOnPostgres, temporalPrograms } from './temporal-on-postgres.ts';

export interface BenchServers {
  /** the service role's address of an empty, migrated database */
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  /** file of the release workflows, bundled */
  readonly bundle: string;
  readonly pids: { readonly postgres: number; readonly temporal: number };
  /** ours until close */
  readonly folder: string;
  readonly close: () => Promise<void>;
}

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const BUNDLE_TIMEOUT_MS = 180_000;

export type BenchTemporal = 'in-memory' | 'on-postgres';

interface RunningTemporal {
  readonly address: string;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** Also when the bench is killed nothing stays behind: a guard ends the servers. */
export async function openServers(temporalKind: BenchTemporal = 'in-memory'): Promise<BenchServers> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-no-op-bench-'));
  chmodSync(folder, 0o755);
  const guard = openGuard();
  const endings: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true }), async () => guard.close()];
  const close = async (): Promise<void> => {
    for (const end of endings.toReversed()) await end();
  };
  try {
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
    endings.push(postgres.stop);
    const postgresPid = watched(postgres.process.pid);
    guard.watch(postgresPid, POSTGRES_ENDING);
    const servicePassword = randomBytes(16).toString('hex');
    await migrate({ url: postgres.adminUrl, servicePassword });
    const start = temporalKind === 'in-memory' ? startInMemory : startOnPostgres;
    const temporal = await start({ folder, guard, postgresUrl: postgres.adminUrl });
    endings.push(temporal.stop);
    return {
      databaseUrl: serviceUrl(postgres.adminUrl, servicePassword),
      temporalAddress: temporal.address,
      namespace: readDevFile(CLONE).namespace,
      bundle: await workflowBundle({ clone: CLONE, folder: join(cacheFolder(CLONE), 'bundles') }),
      pids: { postgres: postgresPid, temporal: temporal.pid },
      folder,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface TemporalPlace {
  readonly folder: string;
  readonly guard: Guard;
  readonly postgresUrl: string;
}

async function startInMemory({ folder, guard }: TemporalPlace): Promise<RunningTemporal> {
  const { found } = await findTemporal({ env: process.env, cacheDir: cacheFolder(CLONE) });
  if (found.kind === 'address') throw new Error('A bench measures its own Temporal server: unset TEMPORAL_ADDRESS and start it again.');
  const temporal = await startTemporal({ ...readDevFile(CLONE), source: found, logFile: join(folder, 'temporal.log') });
  const pid = watched(temporal.process.pid);
  guard.watch(pid, TEMPORAL_ENDING);
  return { address: temporal.address, pid, stop: temporal.stop };
}

async function startOnPostgres({ folder, guard, postgresUrl }: TemporalPlace): Promise<RunningTemporal> {
  const programs = await temporalPrograms(console.log);
  const { address, service } = await prepareTemporalOnPostgres({ postgresUrl, folder: join(folder, 'temporal'), programs });
  const supervisor = new Supervisor({ guard, log: () => undefined });
  await supervisor.start(service);
  return { address, pid: watched(supervisor.running()[0]?.pid), stop: () => supervisor.endAll() };
}

/** Bundles one file of workflows in a process of its own, as the release workflows are. Answers the bundle's file. */
export async function bundleInto(folder: string, source: URL): Promise<string> {
  const file = join(folder, 'bare-workflow.js');
  const program = join(CLONE, 'stack', 'bundle-process.ts');
  const { code, output } = await runCommand(process.execPath, [program, fileURLToPath(source), file], { timeoutMs: BUNDLE_TIMEOUT_MS, cwd: CLONE });
  if (code !== 0) throw new Error(`${source.pathname} could not be bundled:\n${output.trim()}`);
  return file;
}

function watched(pid: number | undefined): number {
  if (pid === undefined) throw new Error('A server of the bench has no process number; it did not start.');
  return pid;
}

function serviceUrl(adminUrl: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = 'signalbox_service';
  url.password = password;
  return url.href;
}
