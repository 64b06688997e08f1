/** Servers that several projects of one test run share: started by the first who asks, ended when the last one let go. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workflowBundle } from '../../stack/bundle.ts';
import { readDevFile } from '../../stack/dev-file.ts';
import { openGuard, type Guard } from '../../stack/guard.ts';
import { cacheFolder } from '../../stack/place.ts';
import { POSTGRES_ENDING, startPostgres } from '../../stack/postgres.ts';
import { findTemporal } from '../../stack/temporal-cli.ts';
import { startTemporal, TEMPORAL_ENDING } from '../../stack/temporal.ts';

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Shared<T> {
  readonly value: T;
  readonly release: () => Promise<void>;
}

interface Holding {
  readonly started: Promise<{ readonly value: string; readonly stop: () => Promise<void> }>;
  holders: number;
}

// Each project may load this module anew; the process is the same.
const holdings = ((globalThis as { signalboxTestServers?: Map<string, Holding> }).signalboxTestServers ??= new Map<string, Holding>());

/** Address of the owner of a Postgres that does not sync to disk. */
export function sharedPostgres(): Promise<Shared<string>> {
  return share('postgres', async (folder, guard) => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres'), durable: false });
    if (server.process.pid !== undefined) guard.watch(server.process.pid, POSTGRES_ENDING);
    return { value: server.adminUrl, stop: server.stop };
  });
}

/** Address of a Temporal development server in memory. */
export function sharedTemporal(): Promise<Shared<string>> {
  return share('temporal', async (folder, guard) => {
    const cacheDir = cacheFolder(CLONE);
    const { found } = await findTemporal({ env: process.env, cacheDir });
    if (found.kind === 'address') return { value: found.address, stop: async () => {} };
    const server = await startTemporal({ ...readDevFile(CLONE), source: found, logFile: join(folder, 'temporal.log') });
    if (server.process.pid !== undefined) guard.watch(server.process.pid, TEMPORAL_ENDING);
    return { value: server.address, stop: server.stop };
  });
}

/** File of the workflow bundle. A failure is told and leaves it empty: suites that need no workflows still run. */
export function sharedBundle(): Promise<Shared<string>> {
  return share('bundle', async () => {
    try {
      return { value: await workflowBundle({ clone: CLONE, folder: join(cacheFolder(CLONE), 'bundles') }), stop: async () => {} };
    } catch (error) {
      console.error((error as Error).message);
      return { value: '', stop: async () => {} };
    }
  });
}

async function share(name: string, start: (folder: string, guard: Guard) => Promise<{ readonly value: string; readonly stop: () => Promise<void> }>): Promise<Shared<string>> {
  const holding = holdings.get(name) ?? { started: open(start), holders: 0 };
  holdings.set(name, holding);
  holding.holders += 1;
  const { value, stop } = await holding.started;
  return {
    value,
    release: async () => {
      holding.holders -= 1;
      if (holding.holders > 0) return;
      holdings.delete(name);
      await stop();
    },
  };
}

/** The guard ends the server also when the test run is killed. */
async function open(start: (folder: string, guard: Guard) => Promise<{ readonly value: string; readonly stop: () => Promise<void> }>): ReturnType<typeof start> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-test-'));
  chmodSync(folder, 0o755);
  const guard = openGuard();
  const { value, stop } = await start(folder, guard);
  return {
    value,
    stop: async () => {
      await stop();
      guard.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
