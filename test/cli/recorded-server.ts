/**
 * A small real HTTP server that plays recorded answers, for what the real API cannot be brought to say on demand: endings, error
 * shapes, a server that goes away in the middle of a stream. What the API itself answers is tested in against-api.test.ts.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Release, ReleaseEvent } from '../../cli/release.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Play = (seen: Seen, response: ServerResponse) => void;

export class RecordedServer {
  readonly seen: Seen[] = [];
  readonly #plays = new Map<string, Play>();
  #other: Play = (seen, response) => sendProblem(response, 404, { detail: `There is no "${seen.path}".` });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** `on('GET /v1/releases/r-1', …)`; the query is not part of the key. */
  on(route: string, play: Play): this {
    this.#plays.set(route, play);
    return this;
  }

  json(route: string, status: number, body: unknown): this {
    return this.on(route, (_seen, response) => sendJson(response, status, body));
  }

  /** For everything that no route was given for; a 404 until then. */
  onOther(play: Play): this {
    this.#other = play;
    return this;
  }

  requests(route: string): Seen[] {
    return this.seen.filter((seen) => `${seen.method} ${seen.path.split('?')[0]}` === route);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
    const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
    this.seen.push(seen);
    const play = this.#plays.get(`${seen.method} ${seen.path.split('?')[0]}`) ?? this.#other;
    play(seen, response);
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function sendProblem(response: ServerResponse, status: number, members: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'urn:signalbox:problem:test', title: 'Recorded', status, ...members }));
}

export function openEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': hello\n\n');
}

export function sendEvent(response: ServerResponse, event: ReleaseEvent): void {
  response.write(`id: ${event.version}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

export function releaseLike(changes: Partial<Release>): Release {
  return {
    id: 'r-recorded0001',
    kind: 'rollout',
    status: 'releasing',
    phase: 'release',
    paused: null,
    pool: 'web-prod',
    environment: 'prod',
    changes: [{ application: 'web', from: '1.0.0', to: '2.0.0' }],
    strategy: 'standard',
    batches: [],
    allowedCommands: ['pause', 'rollback', 'abort'],
    waiting: null,
    eta: null,
    rollback: null, rollbackPlan: null,
    debt: [],
    unrestored: [],
    failure: null,
    warnings: [],
    skipped: [],
    compared: null,
    version: 5,
    requestedBy: 'ci',
    reason: 'new checkout page',
    createdAt: '2026-01-05T10:00:00.000Z',
    finishedAt: null,
    rollbackOf: null,
    ...changes,
  };
}

export function eventLike(version: number, type: string, data: Record<string, unknown>, actor = { kind: 'signalbox', name: 'signalbox' }): ReleaseEvent {
  return { version, type, data, actor, at: `2026-01-05T10:00:${String(version).padStart(2, '0')}.000Z` };
}
