/** The HTTP client: JSON in and out, a bearer token, repeats with backoff, and an Idempotency-Key on every POST so that repeating is safe. */
import { randomUUID } from 'node:crypto';
import { backoffMs, pause } from './backoff.ts';
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';
import { ProblemAnswer, readProblem } from './problem.ts';

export interface ClientOptions {
  readonly url: string;
  readonly token: string | null;
  /** how long a request is repeated while the server is away, from its first failure */
  readonly retryMs: number;
}

export interface Asked {
  readonly body?: unknown;
  /** sent as it is instead of `body`; made anew for every attempt */
  readonly stream?: () => Promise<Blob>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** for one attempt; default 30 s */
  readonly timeoutMs?: number;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export class Client {
  readonly url: string;
  readonly #token: string | null;
  readonly #retryMs: number;

  constructor(options: ClientOptions) {
    this.url = options.url;
    this.#token = options.token;
    this.#retryMs = options.retryMs;
  }

  /**
   * Sends one request and answers the parsed JSON (null for an empty body). Connection errors, 429, 502, 503, 504 and "the same key
   * is in flight" are repeated for `retryMs`. Throws ProblemAnswer for any other refusal, Complaint (unreachable) after the repeats.
   */
  async request<T>(method: Method, path: string, asked: Asked = {}): Promise<Answer<T>> {
    const key = asked.idempotencyKey ?? randomUUID();
    let firstFailureAt: number | null = null;
    for (let attempt = 0; ; attempt += 1) {
      const tried = await this.#try<T>(method, path, asked, key);
      if (!('failure' in tried)) return tried;
      if (asked.signal?.aborted === true) throw asked.signal.reason;
      firstFailureAt ??= Date.now();
      const delayMs = Math.max(backoffMs(attempt), tried.afterMs);
      if (Date.now() + delayMs - firstFailureAt > this.#retryMs) throw tried.failure;
      await pause(delayMs, asked.signal);
    }
  }

  async get<T>(path: string, asked: Asked = {}): Promise<T> {
    return (await this.request<T>('GET', path, asked)).body;
  }

  /** Opens a stream of server-sent events. Not repeated here: the reader reconnects, with the id it has come to. */
  async openStream(path: string, lastEventId: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = { ...this.#headers(), accept: 'text/event-stream', 'last-event-id': String(lastEventId) };
    const response = await fetch(`${this.url}${path}`, { headers, signal });
    if (!response.ok) throw new ProblemAnswer(readProblem(response.status, await response.text()), `GET ${path}`);
    if (response.body === null) throw new Complaint(EXIT.unreachable, `GET ${path} answered without a body.`);
    return response.body;
  }

  /** One attempt: an answer, or a failure worth repeating. Refusals that repeating cannot change are thrown. */
  async #try<T>(method: Method, path: string, asked: Asked, key: string): Promise<Answer<T> | Repeatable> {
    const timeout = AbortSignal.timeout(asked.timeoutMs ?? 30_000);
    const signal = asked.signal === undefined ? timeout : AbortSignal.any([timeout, asked.signal]);
    try {
      const response = await fetch(`${this.url}${path}`, { ...(await this.#init(method, asked, key)), signal });
      const text = await response.text();
      if (response.ok || response.status === 304) return { status: response.status, body: parseBody<T>(text, `${method} ${path}`), headers: response.headers };
      const problem = new ProblemAnswer(readProblem(response.status, text), `${method} ${path}`);
      if (!isRepeatable(problem)) throw problem;
      return { failure: problem, afterMs: retryAfterMs(response.headers) };
    } catch (error) {
      if (error instanceof Complaint) throw error;
      return { failure: unreachable(this.url, error), afterMs: 0 };
    }
  }

  async #init(method: Method, asked: Asked, key: string): Promise<RequestInit> {
    const headers: Record<string, string> = { ...this.#headers(), accept: 'application/json', ...asked.headers };
    if (method === 'POST') headers['idempotency-key'] = key;
    if (asked.stream !== undefined) return { method, headers: { ...headers, 'content-type': 'application/octet-stream' }, body: await asked.stream() };
    if (asked.body === undefined) return { method, headers };
    return { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(asked.body) };
  }

  #headers(): Record<string, string> {
    return { 'user-agent': 'signalbox-cli', ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }) };
  }
}

interface Repeatable {
  readonly failure: Complaint;
  readonly afterMs: number;
}

/** True for trouble that may pass: the server or something before it is away, or our own first attempt is still being worked on. */
function isRepeatable(answer: ProblemAnswer): boolean {
  const { status, type } = answer.problem;
  if (status === 409) return /in-flight/.test(type ?? '');
  return status === 429 || status === 502 || status === 503 || status === 504;
}

function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? '0');
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) * 1000 : 0;
}

function parseBody<T>(text: string, request: string): T {
  try {
    return (text === '' ? null : JSON.parse(text)) as T;
  } catch {
    throw new Complaint(EXIT.unreachable, `${request} answered something that is not JSON. Is this the address of a Signalbox server?`);
  }
}

/** Names the address and the reason; `fetch failed` alone tells nobody anything. */
function unreachable(url: string, error: unknown): Complaint {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new Complaint(EXIT.unreachable, `The server at ${url} cannot be reached (${reasonOf(cause)}).`, [
    'Is it running (`signalbox start`), and is the address right (--url, SIGNALBOX_URL, signalbox.yaml)?',
  ]);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return 'no answer in time';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
}
