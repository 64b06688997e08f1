/** Users of the demo: a steady number of requests a second, whatever the answers, each one counted and none repeated. */
import { request } from 'node:http';

export interface TrafficCounts {
  readonly total: number;
  readonly byVersion: Readonly<Record<string, number>>;
  readonly failed: number;
  /** what the first failures were */
  readonly failures: readonly string[];
}

export interface TrafficOptions {
  readonly url: string;
  readonly perSecond: number;
  /** a request without an answer for this long has failed */
  readonly timeoutMs?: number;
}

const TICK_MS = 10;
const TIMEOUT_MS = 5_000;
const FAILURES_KEPT = 10;

/** Runs from its making until `stop`. Every request has a connection of its own, as from a new user. */
export class Traffic {
  readonly #options: TrafficOptions;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #byVersion = new Map<string, number>();
  readonly #failures: string[] = [];
  readonly #open = new Set<Promise<void>>();
  #sent = 0;
  #failed = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  counts(): TrafficCounts {
    return { total: this.#sent - this.#open.size, byVersion: Object.fromEntries(this.#byVersion), failed: this.#failed, failures: [...this.#failures] };
  }

  /** Sends nothing more and waits for the open requests. */
  async stop(): Promise<TrafficCounts> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.counts();
  }

  /** Open loop: what is due by the clock is sent, however slow the answers are. */
  #sendDue(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#options.perSecond);
    while (this.#sent < due) {
      this.#sent += 1;
      const sending = this.#sendOne().finally(() => this.#open.delete(sending));
      this.#open.add(sending);
    }
  }

  async #sendOne(): Promise<void> {
    try {
      const { status, body } = await get(this.#options.url, this.#options.timeoutMs ?? TIMEOUT_MS);
      if (status !== 200) throw new Error(`answer ${status}: ${body.slice(0, 100).trim()}`);
      const { version } = JSON.parse(body) as { version: string };
      this.#byVersion.set(version, (this.#byVersion.get(version) ?? 0) + 1);
    } catch (error) {
      this.#failed += 1;
      if (this.#failures.length < FAILURES_KEPT) this.#failures.push(`${new Date().toISOString()} ${(error as Error).message}`);
    }
  }
}

/** One GET over a connection of its own. */
export function get(url: string, timeoutMs: number): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}
