/** What agents may ask of the API, and that nobody else may, nor they anything else. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routesOf } from '../../api/app.ts';
import { createMetrics } from '../../api/metrics.ts';
import { askCall, fetchAnswer } from '../../db/agent-calls.ts';
import { keepHostProgram } from '../../db/host-programs.ts';
import { until } from '../support/until.ts';
import { pointers, startApiUnderTest } from './api-under-test.ts';
import type { ApiDeps } from '../../api/deps.ts';
import type { Answered, ApiUnderTest } from './api-under-test.ts';

const PROGRAM = 'e'.repeat(64);
const AGENT = 'a'.repeat(32);
const BOOT = randomUUID();

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
});
afterAll(() => api.close());

let made = 0;
/** A declared host with a token of its own. */
async function newHost(): Promise<{ readonly host: string; readonly token: string }> {
  made += 1;
  const host = `web-${made}`;
  await api.ask('PUT', `/v1/hosts/${host}`, { body: { address: '127.0.0.1', executor: { driver: 'agent', root: '/srv/signalbox' } } });
  const { body } = await api.ask('POST', '/v1/host-tokens', { body: { name: host, host } });
  return { host, token: body.token };
}

const ask = (host: string): Promise<number> => askCall(api.db, { host, verb: 'stop', opId: 'op', epoch: '1', program: PROGRAM, input: 'root /srv/signalbox\nend\n', timeoutMs: 60_000 });
const poll = (token: string | null, change: object = {}): Promise<Answered> => api.ask('POST', '/v1/agent/poll', { token, body: { protocol: 1, agent: AGENT, boot: BOOT, running: [], waitSeconds: 0, ...change } });
const answer = (token: string | null, id: number | string, text: string, exit = '0'): Promise<Answered> =>
  api.ask('POST', `/v1/agent/calls/${id}/answer?exit=${exit}`, { token, text, headers: { 'content-type': 'application/octet-stream' } });

describe('the token of a host', () => {
  test('is shown once, kept only as its hash, and good for one host that there is', async () => {
    const { host, token } = await newHost();
    expect(token).toMatch(/^rel_host_[0-9a-f]{64}$/);
    const { rows } = await api.db.pool.query('select * from host_tokens');
    expect(JSON.stringify(rows)).not.toContain(token);
    const list = await api.ask('GET', '/v1/host-tokens');
    expect(list.text).not.toContain(token);
    expect(list.body.items).toContainEqual({ name: host, host, createdAt: expect.any(String), revokedAt: null, hostSeenAt: null });
    await poll(token);
    expect((await api.ask('GET', '/v1/host-tokens')).body.items).toContainEqual({ name: host, host, createdAt: expect.any(String), revokedAt: null, hostSeenAt: expect.any(String) });
    expect((await api.ask('POST', '/v1/host-tokens', { body: { name: host, host } })).status).toBe(409);
    expect(pointers(await api.ask('POST', '/v1/host-tokens', { body: { name: 'x', host: 'nobody' } }))).toEqual(['/host']);
    expect((await api.ask('DELETE', `/v1/host-tokens/${host}`)).status).toBe(204);
    expect((await api.ask('DELETE', `/v1/host-tokens/${host}`)).status).toBe(404);
    expect((await poll(token)).status).toBe(401);
  });

  test('opens no other route of the API, and no other token opens those of agents', async () => {
    const { host, token } = await newHost();
    const id = await ask(host);
    await keepHostProgram(api.db, { sha256: PROGRAM, body: Buffer.from('x') });
    const deps = { config: { dataDir: '/nowhere', publicUrl: 'http://x', stores: [] }, db: { pool: { totalCount: 0, waitingCount: 0 } } } as unknown as ApiDeps;
    const closed = routesOf(deps, createMetrics(deps).operation).filter(({ access }) => access === 'token');
    expect(closed.length).toBeGreaterThan(40);
    for (const { method, path } of closed) expect((await api.ask(method, path.replaceAll(/\{\w+\}/g, 'web-1'), { token })).status, `${method} ${path}`).toBe(401);
    expect((await api.ask('GET', '/v1/nothing', { token })).status).toBe(401);
    for (const wrong of [null, api.token, `${token}x`, 'x'.repeat(40)]) {
      expect((await poll(wrong)).status).toBe(401);
      expect((await answer(wrong, id, '{}')).status).toBe(401);
      expect((await api.ask('GET', `/v1/agent/programs/${PROGRAM}`, { token: wrong })).status).toBe(401);
    }
    expect(await poll(token)).toMatchObject({ status: 200 });
  });

  test('answers no call of another host and hears of none', async () => {
    const [mine, other] = [await newHost(), await newHost()];
    const id = await ask(mine.host);
    expect((await poll(other.token)).status).toBe(204);
    await poll(mine.token);
    expect((await answer(other.token, id, 'false')).status).toBe(404);
    expect(await fetchAnswer(api.db, id)).toBeNull();
    expect((await answer(mine.token, id, 'true')).status).toBe(204);
    expect(await fetchAnswer(api.db, id)).toEqual({ exitStatus: 0, output: 'true' });
  });
});

describe('a poll', () => {
  test('brings the call as lines, ready for the host program', async () => {
    const { host, token } = await newHost();
    const id = await ask(host);
    expect(await poll(token)).toMatchObject({ status: 200, text: `call ${id}\nverb stop\nprogram ${PROGRAM}\nroot /srv/signalbox\nend\n` });
    expect((await poll(token, { running: [String(id)] })).status).toBe(204);
  });

  test('that waits is answered as soon as there is a call for its host, and calls of other hosts leave it waiting', async () => {
    const { host, token } = await newHost();
    const other = await newHost();
    const waiting = poll(token, { waitSeconds: 25 });
    await until('it has begun', async () => (await api.db.pool.query('select 1 from agents where host = $1', [host])).rowCount);
    await ask(other.host);
    expect((await poll(other.token)).status).toBe(200);
    const id = await ask(host);
    expect((await waiting).text).toContain(`call ${id}\n`);
  });

  test('ends as soon as its token is revoked', async () => {
    const { host, token } = await newHost();
    const waiting = poll(token, { waitSeconds: 25 });
    await until('it has begun', async () => (await api.db.pool.query('select 1 from agents where host = $1', [host])).rowCount);
    await api.ask('DELETE', `/v1/host-tokens/${host}`);
    expect((await waiting).status).toBe(204);
  });

  test('of a second agent is refused, and says since when there is another one', async () => {
    const { token } = await newHost();
    await poll(token);
    const second = await poll(token, { agent: 'b'.repeat(32) });
    expect(second).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:conflict', detail: expect.stringMatching(/^Another agent asks for the work of web-\d+ and last did at 20/) } });
  });

  test('whose every part is wrong is told all of it at once', async () => {
    const { token } = await newHost();
    const wrong = { protocol: 2, agent: 'A', boot: 'x', running: ['0', '1e3', ';'], waitSeconds: 26, surprise: 1 };
    expect(new Set(pointers(await poll(token, wrong)))).toEqual(new Set(['/protocol', '/agent', '/boot', '/running/0', '/running/1', '/running/2', '/waitSeconds', '/surprise']));
  });
});

describe('an answer', () => {
  test('is kept byte for byte with the exit status, and is refused where it is wrong, too long or late', async () => {
    const { host, token } = await newHost();
    const id = await ask(host);
    await poll(token);
    for (const [at, exit] of [['x', '0'], ['0', '0'], [String(id), '-1'], [String(id), '1000']] as const) expect((await answer(token, at, '{}', exit)).status).toBe(422);
    expect((await answer(token, id, 'x'.repeat(1024 * 1024 + 1))).status).toBe(413);
    expect((await answer(token, id + 1000, '{}')).status).toBe(404);
    expect((await answer(token, id, 'a\r\n\u00e4', '3')).status).toBe(204);
    expect((await answer(token, id, '{}')).status).toBe(404);
    expect(await fetchAnswer(api.db, id)).toEqual({ exitStatus: 3, output: Buffer.from('a\r\n\u00e4').toString('latin1') });
  });
});

test('a host program is given out by its digest', async () => {
  const { token } = await newHost();
  await keepHostProgram(api.db, { sha256: 'c'.repeat(64), body: Buffer.from('#!/bin/sh\n') });
  expect(await api.ask('GET', `/v1/agent/programs/${'c'.repeat(64)}`, { token })).toMatchObject({ status: 200, text: '#!/bin/sh\n' });
  expect((await api.ask('GET', `/v1/agent/programs/${'d'.repeat(64)}`, { token })).status).toBe(404);
});
