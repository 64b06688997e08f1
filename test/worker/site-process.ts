/** A worker inside a site as its own process, against the development server, and what reaches its hosts through it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../stack/node-service.ts';
import { freePorts } from '../../stack/ports.ts';
import { endApplications } from '../host/host-bench.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import type { HostSpec } from '../../domain/inventory.ts';

const SITE_WORKER = fileURLToPath(new URL('../../worker/site-main.ts', import.meta.url));
const READY_MS = 40_000;

export const newSiteKey = (): string => randomBytes(32).toString('base64');

export interface SiteProcess {
  readonly pid: number;
  output(): string;
  /** SIGKILL, or an end in order; returns its exit code once it is gone */
  end(signal?: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

export interface SiteProcessOptions {
  readonly site: string;
  readonly taskQueue: string;
  /** keys in base64, the one that closes first */
  readonly keys: readonly string[];
  /** where it finds Temporal; absent: the development server */
  readonly address?: string;
  readonly folder: string;
}

/** Ready once it polls. */
export async function startSite({ site, taskQueue, keys, address = devServer().address, folder }: SiteProcessOptions): Promise<SiteProcess> {
  const [port = 0] = await freePorts(1);
  const keyFile = join(folder, `${randomBytes(4).toString('hex')}.key`);
  writeFileSync(keyFile, `${keys.join('\n')}\n`, { mode: 0o600 });
  const env = { ...cleanEnvironment(process.env), SIGNALBOX_TEMPORAL_ADDRESS: address, SIGNALBOX_NAMESPACE: devServer().namespace, SIGNALBOX_TASK_QUEUE: taskQueue, SIGNALBOX_WORKER_PORT: String(port), SIGNALBOX_SITE_KEY_FILE: keyFile };
  const child = spawn(process.execPath, [SITE_WORKER, '--site', site], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const end = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  const isReady = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`The site worker ended: ${output}`);
    return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.status === 200;
  };
  await until(`the worker of ${site}`, isReady, READY_MS);
  return { pid: child.pid ?? 0, output: () => output, end };
}

export interface SiteHosts {
  readonly folder: string;
  /** of the site's own machine, which is this one, with a root of its own */
  host(site: string, name?: string): HostSpec;
  dispose(): void;
}

export function makeSiteHosts(): SiteHosts {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-site-')));
  const roots: string[] = [];
  return {
    folder,
    host(site, name = 'host-1') {
      const root = mkdtempSync(join(folder, 'root-'));
      roots.push(root);
      return { name, address: '127.0.0.1', zone: 'a', site, labels: {}, executor: { driver: 'local', root }, variables: {} };
    },
    dispose() {
      for (const root of roots) endApplications(root);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
