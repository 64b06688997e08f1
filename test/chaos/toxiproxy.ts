/** Toxiproxy between Signalbox's processes: built once by Go into the cache, run as one more service, told over HTTP what to spoil. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLine, runCommand } from '../../stack/command.ts';
import type { Network, Toxic } from './network.ts';
import type { Service } from '../../stack/supervisor.ts';

export const TOXIPROXY_VERSION = '2.12.0';
const BUILD_TIMEOUT_MS = 600_000;
const READY_TIMEOUT_MS = 15_000;

/** Path of the program. Throws with Go's last line where it cannot be built. */
export async function findToxiproxy(cacheDir: string): Promise<string> {
  const folder = join(cacheDir, `toxiproxy-${TOXIPROXY_VERSION}`);
  const program = join(folder, 'server');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const result = await runCommand('go', ['install', `github.com/Shopify/toxiproxy/v2/cmd/server@v${TOXIPROXY_VERSION}`], { timeoutMs: BUILD_TIMEOUT_MS, cwd: '/', env: { ...process.env, GOBIN: folder } });
  if (result.code !== 0) throw new Error(`Go could not get toxiproxy: ${lastLine(result.output)}. Go must be on PATH and reach its module proxy.`);
  return program;
}

const TOXICS: Readonly<Record<Toxic, object>> = {
  hang: { type: 'timeout', attributes: { timeout: 0 } },
  slow: { type: 'latency', attributes: { latency: 400, jitter: 200 } },
  cut: { type: 'reset_peer', attributes: { timeout: 0 } },
};

export class Toxiproxy implements Network {
  readonly service: Service;
  readonly #api: string;

  constructor(program: string, apiPort: number) {
    this.#api = `http://127.0.0.1:${apiPort}`;
    this.service = {
      name: 'toxiproxy',
      ending: { signal: 'SIGTERM', timeoutMs: 2_000 },
      spawn: () => spawn(program, ['-host', '127.0.0.1', '-port', String(apiPort)], { detached: true, stdio: 'ignore', env: { ...process.env, LOG_LEVEL: 'error' } }),
      ready: () => this.#untilReady(),
    };
  }

  /** Its process is the supervisor's. */
  async close(): Promise<void> {}

  async link(name: string, listen: number, upstream: string): Promise<void> {
    await this.#ask('POST', '/proxies', { name, listen: `127.0.0.1:${listen}`, upstream, enabled: true });
  }

  /** Both ways at once, as a cable would. */
  async spoil(name: string, toxic: Toxic): Promise<void> {
    for (const stream of ['upstream', 'downstream']) await this.#ask('POST', `/proxies/${name}/toxics`, { name: `${toxic}-${stream}`, stream, toxicity: 1, ...TOXICS[toxic] });
  }

  /** Every link is whole again. */
  async heal(): Promise<void> {
    await this.#ask('POST', '/reset');
  }

  async #untilReady(): Promise<void> {
    const endMs = performance.now() + READY_TIMEOUT_MS;
    while (performance.now() < endMs) {
      if (await this.#ask('GET', '/version').then(() => true, () => false)) return;
      await delay(30);
    }
    throw new Error(`toxiproxy does not answer at ${this.#api}`);
  }

  async #ask(method: string, path: string, body?: object): Promise<void> {
    const answer = await fetch(`${this.#api}${path}`, { method, signal: AbortSignal.timeout(5_000), ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`toxiproxy answered ${answer.status} to ${method} ${path}: ${await answer.text()}`);
  }
}
