/** What holds for every route of the table: who may call it, how it is documented, how problems read. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from 'node:net';
import { hashToken, newToken } from '../../api/auth.ts';
import { routesOf } from '../../api/app.ts';
import { createMetrics } from '../../api/metrics.ts';
import { startApiUnderTest } from './api-under-test.ts';
import { until } from '../support/until.ts';
import type { ApiDeps } from '../../api/deps.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('PUT', '/v1/hosts/web-01', { body: { address: '127.0.0.1', executor: { driver: 'agent', root: '/srv/signalbox' } } });
  hostToken = (await api.ask('POST', '/v1/host-tokens', { body: { name: 'web-01', host: 'web-01' } })).body.token;
});

afterAll(() => api.close());

const deps = { config: { dataDir: '/nowhere', publicUrl: 'http://x', stores: [] }, db: { pool: { totalCount: 0, waitingCount: 0 } } } as unknown as ApiDeps;
const TABLE = routesOf(deps, createMetrics(deps).operation);
const OPEN = ['/livez', '/readyz', '/openapi.json', '/docs', '/docs/{file}'];

/** Agents come with the token of their host. */
let hostToken: string;
const tokenFor = (path: string): { readonly token?: string } => (path.startsWith('/v1/agent/') ? { token: hostToken } : {});

const example = (path: string): string =>
  path.replace('/v1/releases/{id}', '/v1/releases/r-000000000000').replace('{commandId}', 'c-00000000').replace('{sha256}', 'a'.repeat(64)).replace('{key}', `${'b'.repeat(64)}.zip`).replace('/packages/{id}', '/packages/web@1').replace('{file}', 'start.js').replace('{name}', 'some').replace('{owner}', 'health');

describe('tokens', () => {
  test('only health, the document and its page are open; kept files prove themselves by their key; metrics need a token from elsewhere', () => {
    expect(TABLE.filter(({ access }) => access === 'open').map(({ path }) => path)).toEqual(OPEN);
    expect(TABLE.filter(({ access }) => access === 'key').map(({ path }) => path)).toEqual(['/v1/package-files/{sha256}/{key}']);
    expect(TABLE.filter(({ access }) => access === 'metrics').map(({ path }) => path)).toEqual(['/metrics']);
    expect(TABLE.filter(({ access }) => access === 'host').map(({ path }) => path)).toEqual(['/v1/agent/poll', '/v1/agent/calls/{id}/answer', '/v1/agent/programs/{sha256}']);
  });

  test.each(TABLE.filter(({ access }) => access === 'token').map(({ method, path }) => [method, path]))('%s %s answers 401 to no token and to every wrong one', async (method, path) => {
    const wrong = [null, 'x', `${api.token}x`, api.token.slice(0, -1), api.token.toUpperCase(), hashToken(api.token), newToken().token, 'a'.repeat(5000)];
    for (const token of wrong) {
      const answer = await api.ask(method, example(path), { token });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(answer.body.type).toBe('urn:signalbox:problem:unauthorized');
    }
    for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${api.token}`, `Bearer ${api.token} x`, api.token]) expect((await api.ask(method, example(path), { token: null, headers: { authorization } })).status).toBe(401);
  });

  test('a token is shown once, stored only as its hash, works at once, and is dead the moment it is revoked', async () => {
    const made = await api.ask('POST', '/v1/tokens', { body: { name: 'ci' } });
    expect(made.status).toBe(201);
    const { token } = made.body;
    expect((await api.ask('GET', '/v1/findings', { token })).body).toEqual({ items: [], next: null });
    const rows = await api.db.kysely.selectFrom('tokens').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(rows.some(({ hash }) => hash === hashToken(token))).toBe(true);
    const list = await api.ask('GET', '/v1/tokens');
    expect(list.body.items.map(({ name }: { name: string }) => name)).toContain('ci');
    expect(list.text).not.toContain(hashToken(token));
    expect((await api.ask('POST', '/v1/tokens', { body: { name: 'ci' } })).status).toBe(409);
    expect((await api.ask('DELETE', '/v1/tokens/ci')).status).toBe(204);
    expect((await api.ask('GET', '/v1/findings', { token })).status).toBe(401);
    expect((await api.ask('DELETE', '/v1/tokens/ci')).status).toBe(404);
    expect((await api.ask('POST', '/v1/tokens', { body: { name: 'ci' } })).status).toBe(409);
  });

  test('metrics are read on the machine itself without a token, but not through a proxy', async () => {
    const local = await api.ask('GET', '/metrics', { token: null });
    expect(local).toMatchObject({ status: 200, text: expect.stringContaining('signalbox_api_request_seconds_bucket') });
    for (const name of ['x-forwarded-for', 'forwarded']) expect((await api.ask('GET', '/metrics', { token: null, headers: { [name]: '127.0.0.1' } })).status).toBe(401);
    expect((await api.ask('GET', '/metrics', { headers: { 'x-forwarded-for': '10.0.0.1' } })).status).toBe(200);
  });

  test('readiness tells its reasons only to who has a token', async () => {
    expect((await api.ask('GET', '/readyz', { token: null })).body).toEqual({ ready: true });
    expect((await api.ask('GET', '/readyz', { token: 'x'.repeat(40) })).body).toEqual({ ready: true });
    const told = await api.ask('GET', '/readyz');
    expect(told.body.dependencies.find(({ name }: { name: string }) => name === 'temporal')).toMatchObject({ ok: false, needed: false, reason: expect.stringContaining('127.0.0.1:1') });
    expect((await api.ask('GET', '/livez', { token: null })).body).toEqual({ alive: true });
  });
});

describe('routes', () => {
  test('the document lists exactly the routes of the table', async () => {
    const { body } = await api.ask('GET', '/openapi.json', { token: null });
    expect(body.openapi).toBe('3.1.0');
    const listed = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    expect(listed.sort()).toEqual(TABLE.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test('a method that a path does not have answers 405 with those it has', async () => {
    for (const path of new Set(TABLE.map(({ path: one }) => one))) {
      const allowed = TABLE.filter((one) => one.path === path).map(({ method }) => method as string);
      for (const method of ['PATCH', 'OPTIONS', 'DELETE', 'PUT', 'POST'].filter((one) => !allowed.includes(one))) {
        const answer = await api.ask(method, example(path));
        expect(answer.status).toBe(405);
        expect((answer.headers.get('allow') ?? '').split(', ').filter((one) => one !== 'HEAD').sort()).toEqual([...allowed].sort());
      }
    }
  });

  test('an unknown path is 401 to strangers and 404 to known callers; trailing slashes and other cases are unknown', async () => {
    expect((await api.ask('GET', '/v1/nothing', { token: null })).status).toBe(401);
    for (const path of ['/v1/nothing', '/', '/v1/releases/', '/V1/releases', '/v1//releases', '/docs/../v1/x']) expect((await api.ask('GET', path)).status).toBe(404);
  });

  test('an unknown query parameter, and one given twice, are refused on every route', async () => {
    for (const { method, path } of TABLE.filter((one) => one.method === 'GET' && one.access !== 'key')) expect((await api.ask(method, `${example(path)}?surprise=1`, tokenFor(path))).status, path).toBe(422);
    expect((await api.ask('GET', '/v1/hosts?limit=1&limit=2')).status).toBe(422);
    expect((await api.ask('GET', '/v1/hosts?limit[x]=1')).status).toBe(422);
  });

  test('broken escapes and odd names in paths are problems, never errors', async () => {
    expect((await api.ask('GET', '/v1/hosts/%E0%A4%A')).status).toBe(400);
    for (const name of ['%00', '%0a', '..%2f..', 'a%2fb', '%F0%9F%98%80', 'A', '-x', 'a'.repeat(64), '__proto__', 'a..b']) expect((await api.ask('GET', `/v1/hosts/${name}`)).status, name).toBe(422);
    expect((await api.ask('GET', '/v1/hosts/constructor')).status).toBe(404);
    expect(api.errors).toEqual([]);
  });

  test('answers carry strict headers, and none forces a browser to https', async () => {
    const { headers } = await api.ask('GET', '/docs', { token: null });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).not.toMatch(/upgrade-insecure-requests|unsafe-eval|https?:/);
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  test('the page of the document loads everything from here', async () => {
    const page = await api.ask('GET', '/docs', { token: null });
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files.length).toBe(4);
    for (const file of files) {
      expect(file).toMatch(/^\/docs\//);
      expect((await api.ask('GET', file, { token: null })).status).toBe(200);
    }
    expect((await api.ask('GET', '/docs/package.json', { token: null })).status).toBe(404);
  });
});

describe('bodies', () => {
  const post = (text: string | Uint8Array, headers: Record<string, string> = {}) => api.ask('POST', '/v1/tokens', { text, headers });

  test('what is no strict JSON is 400 with a pointer', async () => {
    for (const text of ['', '{', '{"name":"a","name":"b"}', '{"name":"a","__proto__":{}}', '{"name":"a","constructor":1}', '['.repeat(21), 'null x', '\u0000']) {
      const answer = await post(text);
      expect(answer).toMatchObject({ status: 400, body: { type: 'urn:signalbox:problem:unparsable' } });
      expect(answer.body.errors.length).toBeGreaterThan(0);
    }
    expect((await post(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).status).toBe(400);
  });

  test('what parses but is no request is 422', async () => {
    for (const text of ['null', '[]', '1', '"x"', '{"name":"\\u0000"}', '{"name":1e999}', '{"name":"\\ud800"}']) expect((await post(text)).status).toBe(422);
  });

  test('a body above 256 KB is 413, whether its length was told or not, and the limit itself is read', async () => {
    const big = JSON.stringify({ name: 'x'.repeat(256 * 1024) });
    expect((await post(big)).status).toBe(413);
    const chunked = await fetch(`${api.url}/v1/tokens`, { method: 'POST', body: new Blob([big]).stream(), duplex: 'half', headers: { authorization: `Bearer ${api.token}`, 'content-type': 'application/json' } } as RequestInit);
    expect(chunked.status).toBe(413);
    expect((await post(`{"name":"x"${' '.repeat(256 * 1024 - 12)}}`.slice(0, 256 * 1024))).status).toBe(201);
  });

  test('another media type, charset or encoding is 415', async () => {
    for (const type of ['text/plain', 'application/yaml', 'application/json; charset=latin1', 'multipart/form-data', 'application/jsonx']) expect((await post('{"name":"a"}', { 'content-type': type })).status, type).toBe(415);
    expect((await post('{"name":"a"}', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await post('{"name":"typed"}', { 'content-type': 'Application/JSON; charset="UTF-8"' })).status).toBe(201);
  });

  test('a client that hangs up in the middle of its body does no harm', async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.write(`POST /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name":`);
    await until('the bytes are sent', () => socket.bytesWritten > 0);
    socket.destroy();
    expect((await api.ask('GET', '/livez')).status).toBe(200);
    expect(api.errors).toEqual([]);
  });

  test('a problem names its type, status, request and every complaint', async () => {
    const answer = await api.ask('PUT', '/v1/hosts/x', { body: { surprise: 1 } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toEqual({
      type: 'urn:signalbox:problem:invalid', title: expect.any(String), status: 422, detail: expect.stringContaining('3 complaints'), instance: expect.stringMatching(/^urn:uuid:/),
      errors: [{ in: 'body', pointer: '/address', message: expect.stringContaining('missing') }, { in: 'body', pointer: '/executor', message: expect.stringContaining('missing') }, { in: 'body', pointer: '/surprise', message: 'unknown field' }],
    });
    expect(answer.body.instance).toBe(`urn:uuid:${answer.headers.get('x-request-id')}`);
  });

  test('complaints never send back more than a little of what was sent', async () => {
    const key = 'k'.repeat(200_000);
    const answer = await api.ask('PUT', '/v1/hosts/x', { text: `{"labels":{"${key}":[${'"\\u0000",'.repeat(5000)}1]}}` });
    expect(answer.status).toBe(422);
    expect(answer.text.length).toBeLessThan(200_000);
  });
});
