import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createApp } from '../../api/app.ts';
import { newToken } from '../../api/auth.ts';
import { createNotificationHub } from '../../api/notifications.ts';
import { readConfig } from '../../config.ts';
import { createBells } from '../../db/bells.ts';
import { openDatabase } from '../../db/client.ts';
import type { Server } from 'node:http';
import type { Database } from '../../db/client.ts';

let server: Server;
let db: Database;
let url: string;
let dataDir: string;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'signalbox-away-'));
  const config = readConfig({ SIGNALBOX_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', SIGNALBOX_DATA: dataDir });
  db = openDatabase({ url: config.databaseUrl, applicationName: 'test', onError: () => {} });
  const log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
  server = createServer(createApp({ db, config, notifications: createNotificationHub(), agentBells: createBells(), temporalReachable: async () => true, log }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await db.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test('while the database is away requests answer 503 with when to try again, and nobody gets in', async () => {
  const headers = { authorization: `Bearer ${newToken().token}`, 'content-type': 'application/json' };
  for (const [method, path] of [['GET', '/v1/releases'], ['POST', '/v1/releases'], ['PUT', '/v1/hosts/x'], ['DELETE', '/v1/tokens/x']] as const) {
    const answer = await fetch(`${url}${path}`, { method, headers, ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }) });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toMatchObject({ type: 'urn:signalbox:problem:unavailable' });
  }
  expect((await fetch(`${url}/v1/releases`)).status).toBe(401);
});

test('while the database is away the process lives but is not ready, and tells nobody why', async () => {
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${newToken().token}` } });
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ ready: false });
});
