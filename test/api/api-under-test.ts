/** The real app on a port of its own, over a database of its own, with one token. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgentDesk } from '../../api/agent-desk.ts';
import { createApp } from '../../api/app.ts';
import { newToken } from '../../api/auth.ts';
import { createNotificationHub } from '../../api/notifications.ts';
import { openDatabase } from '../../db/client.ts';
import { listen } from '../../db/notifications.ts';
import { createToken } from '../../db/tokens.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { Config } from '../../config.ts';
import type { Database } from '../../db/client.ts';

export interface Asked {
  readonly body?: unknown;
  /** sent as it is, instead of `body` */
  readonly text?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** null sends none */
  readonly token?: string | null;
}

export interface Answered {
  readonly status: number;
  readonly body: any;
  readonly text: string;
  readonly headers: Headers;
}

export interface ApiUnderTest {
  readonly url: string;
  readonly token: string;
  readonly db: Database;
  readonly dataDir: string;
  /** what the app logged as an error: each a 5xx answer of its own making */
  readonly errors: unknown[];
  /** told of every answer */
  onAnswer: (method: string, path: string, status: number) => void;
  readonly drain: AbortController;
  ask(method: string, path: string, asked?: Asked): Promise<Answered>;
  /** as if the process were gone for agents, which it otherwise is there for */
  closeDesk(): Promise<void>;
  close(): Promise<void>;
}

export async function startApiUnderTest(options: { readonly packageFileBytesMax?: number; readonly waitMsMax?: number; readonly pollMsMax?: number; readonly stores?: readonly string[] } = {}): Promise<ApiUnderTest> {
  const database = await createTestDatabase();
  const db = openDatabase({ url: database.serviceUrl, applicationName: 'signalbox-test', onError: () => {} });
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-api-'));
  const hub = createNotificationHub();
  const listener = listen(database.serviceUrl, hub.publish);
  const drain = new AbortController();
  const errors: unknown[] = [];
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const log = { error: (fields: object, message: string) => void errors.push({ ...fields, message }), warn: () => {}, info: () => {}, debug: () => {} };
  const config: Config = {
    databaseUrl: database.serviceUrl, migrateUrl: null, temporalAddress: '127.0.0.1:1', namespace: 'default', taskQueue: 'signalbox', apiHost: '127.0.0.1', apiPort: port,
    publicUrl: url, temporalUiUrl: null, dataDir, stores: options.stores ?? ['https://packages.example/'], logLevel: 'silent', workerPort: 0, fetchesMax: 1, fleetCheckSeconds: 0, keepAlive: false, workflowBundle: null, build: null, sshAgent: null, siteKeys: [],
  };
  const { stores: _stores, ...limits } = options;
  const desk = createAgentDesk({ db, log });
  desk.open();
  const app = createApp({ db, config, notifications: hub, agentBells: desk.bells, temporalReachable: async () => false, log, drainSignal: drain.signal, ...limits });
  const { token, hash } = newToken();
  await createToken(db, { name: 'tester', hash });
  const api: ApiUnderTest = {
    url, token, db, dataDir, errors, drain,
    onAnswer: () => {},
    ask: (method, path, asked = {}) => ask(`${url}${path}`, method, { token, ...asked }),
    closeDesk: () => desk.close(),
    async close() {
      drain.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await Promise.all([listener.close(), desk.close()]);
      await db.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  server.on('request', (request, response) => {
    const { method = '', url: path = '' } = request;
    response.once('finish', () => api.onAnswer(method, path, response.statusCode));
    app(request, response);
  });
  return api;
}

async function ask(url: string, method: string, { body, text, headers, token }: Asked): Promise<Answered> {
  const response = await fetch(url, {
    method,
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body === undefined && text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(text !== undefined ? { body: text as string } : body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
  });
  const answer = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, body: isJson ? JSON.parse(answer) : null, text: answer, headers: response.headers };
}

/** Pointers of all complaints, sorted. */
export function pointers(answer: Answered): string[] {
  return ((answer.body?.errors ?? []) as { pointer: string }[]).map(({ pointer }) => pointer).sort();
}
