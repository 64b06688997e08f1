/** What a bench runs on: a Postgres that syncs to disk, migrated, and a Temporal development server in memory; both ended with the bench. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../db/migrate.ts';
import { workflowBundle } from '../stack/bundle.ts';
import { runCommand } from '../stack/command.ts';
import { readDevFile } from '../stack/dev-file.ts';
import { openGuard } from '../stack/guard.ts';
import { cacheFolder } from '../stack/place.ts';
import { POSTGRES_ENDING, startPostgres } from '../stack/postgres.ts';
import { findTemporal } from '../stack/temporal-cli.ts';
import { startTemporal, TEMPORAL_ENDING } from '../stack/temporal.ts';

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

/** Also when the bench is killed nothing stays behind: a guard ends the servers. */
export async function openServers(): Promise<BenchServers> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-no-op-bench-'));
  chmodSync(folder, 0o755);
  const guard = openGuard();
  const endings: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true }), async () => guard.close()];
  const close = async (): Promise<void> => {
    for (const end of endings.toReversed()) await end();
  };
  try {
    const cacheDir = cacheFolder(CLONE);
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
    endings.push(postgres.stop);
    const postgresPid = watched(postgres.process.pid);
    guard.watch(postgresPid, POSTGRES_ENDING);
    const servicePassword = randomBytes(16).toString('hex');
    await migrate({ url: postgres.adminUrl, servicePassword });
    const { found } = await findTemporal({ env: process.env, cacheDir });
    if (found.kind === 'address') throw new Error('A bench measures its own Temporal server: unset TEMPORAL_ADDRESS and start it again.');
    const devFile = readDevFile(CLONE);
    const temporal = await startTemporal({ ...devFile, source: found, logFile: join(folder, 'temporal.log') });
    endings.push(temporal.stop);
    const temporalPid = watched(temporal.process.pid);
    guard.watch(temporalPid, TEMPORAL_ENDING);
    return {
      databaseUrl: serviceUrl(postgres.adminUrl, servicePassword),
      temporalAddress: temporal.address,
      namespace: devFile.namespace,
      bundle: await workflowBundle({ clone: CLONE, folder: join(cacheDir, 'bundles') }),
      pids: { postgres: postgresPid, temporal: temporalPid },
      folder,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
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
