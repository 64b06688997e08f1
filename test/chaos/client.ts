/** A client that writes down what it asked and what it was told: invoke, then ok, fail, or info when nobody told it. */
import { setTimeout as delay } from 'node:timers/promises';
import { nowMs } from './clock.ts';
import type { ClientEntry } from './checker/record.ts';

export interface ClientOptions {
  readonly url: string;
  readonly token: string;
}

type Op = ClientEntry['op'];

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asking again with the same key is what a CI job does; after this long it gives up and knows nothing. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 100;

export class ChaosClient {
  readonly log: ClientEntry[] = [];
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Asks for a release; null when it was refused or nobody knows. */
  async release(pool: string, application: string, version: string, mark: string, more: object = {}): Promise<string | null> {
    const entry = { op: 'release' as const, mark };
    this.#note({ ...entry, kind: 'invoke', release: null });
    const reply = await this.#patiently('/v1/releases', { pool, changes: [{ application, version }], reason: mark, ...more }, mark);
    const release = typeof reply?.body['id'] === 'string' ? reply.body['id'] : null;
    this.#note({ ...entry, kind: reply === null ? 'info' : reply.status === 202 ? 'ok' : 'fail', release });
    return reply?.status === 202 ? release : null;
  }

  /** Asks for a command and waits for its receipt. Answers the release that carries it out (another one, when an ended one is taken back); null when it was not applied. */
  async command(release: string, op: Exclude<Op, 'release'>, mark: string, more: object = {}): Promise<string | null> {
    const entry = { op, mark, release };
    this.#note({ ...entry, kind: 'invoke' });
    const path = `/v1/releases/${release}/commands`;
    const reply = await this.#patiently(`${path}?waitSeconds=2`, { type: op, reason: mark, ...more }, mark);
    if (reply !== null && reply.status !== 202) {
      this.#note({ ...entry, kind: 'fail' });
      return null;
    }
    const state = reply === null ? 'unknown' : await this.#settled(`${path}/${String(reply.body['id'])}`, String(reply.body['state']));
    this.#note({ ...entry, kind: state === 'applied' ? 'ok' : state === 'refused' ? 'fail' : 'info', ...(reply === null ? {} : { accepted: true }) });
    return state === 'applied' ? String(reply?.body['release'] ?? release) : null;
  }

  /** Null while the API is away or does not know it. */
  async read(path: string): Promise<Readonly<Record<string, unknown>> | null> {
    const reply = await this.#send('GET', path).catch(() => null);
    return reply?.status === 200 ? reply.body : null;
  }

  /** What is no part of a run's story: throws when it is refused. */
  async setUp(method: 'POST' | 'PUT', path: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.#send(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path} was answered ${reply.status}: ${JSON.stringify(reply.body).slice(0, 500)}`);
    return reply.body;
  }

  #note(entry: Omit<ClientEntry, 'atMs'>): void {
    this.log.push({ ...entry, atMs: nowMs() });
  }

  async #settled(path: string, first: string): Promise<string> {
    const endMs = nowMs() + PATIENCE_MS;
    let state = first;
    while (state === 'accepted' && nowMs() < endMs) {
      const seen = await this.read(`${path}?waitSeconds=2`);
      if (seen === null) await delay(AGAIN_MS);
      else state = String(seen['state']);
    }
    return state;
  }

  /** Null: never answered. 5xx and broken connections say nothing about what was done, so it is asked again under the same key. */
  async #patiently(path: string, body: unknown, key: string): Promise<Reply | null> {
    const endMs = nowMs() + PATIENCE_MS;
    while (nowMs() < endMs) {
      const reply = await this.#send('POST', path, body, key).catch(() => null);
      if (reply !== null && reply.status < 500 && !(reply.status === 409 && /in progress/i.test(JSON.stringify(reply.body)))) return reply;
      await delay(AGAIN_MS);
    }
    return null;
  }

  async #send(method: string, path: string, body?: unknown, key?: string): Promise<Reply> {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${this.#options.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#options.token}`,
        ...(body === undefined ? {} : { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Reply['body'] };
  }
}
