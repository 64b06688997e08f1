import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'kysely';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { FLEET, RELEASE, host, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  expect(await api.ask('POST', '/v1/apply', { body: { documents: FLEET } })).toMatchObject({ status: 200 });
  for (const version of ['1', '2']) expect((await api.ask('POST', '/v1/packages', { body: packageOf(version) })).status).toBe(201);
});

afterAll(() => api.close());

test('a release is accepted at once, reads as queued, and its start waits in the outbox', async () => {
  const asked = await api.ask('POST', '/v1/releases', { body: RELEASE });
  expect(asked).toMatchObject({ status: 202, body: { status: 'queued', pool: 'web-prod', version: 0 } });
  expect(asked.headers.get('location')).toBe(`/v1/releases/${asked.body.id}`);
  const read = await api.ask('GET', asked.body.url);
  expect(read.status).toBe(200);
  expect(read.headers.get('etag')).toBe('"0"');
  expect(read.body).toMatchObject({ id: asked.body.id, status: 'queued', pool: 'web-prod', version: 0, requestedBy: 'tester', waiting: { for: 'worker' } });
  expect((await api.ask('GET', asked.body.url, { headers: { 'if-none-match': '"0"' } })).status).toBe(304);
  const { rows } = await sql<{ kind: string }>`select kind from outbox where release = ${asked.body.id}`.execute(api.db.kysely);
  expect(rows).toEqual([{ kind: 'start' }]);
});

test('fifty equal requests with one key make one release and get one answer', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => api.ask('POST', '/v1/releases', { body: RELEASE, headers: { 'idempotency-key': '"fifty"' } })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  const again = await api.ask('POST', '/v1/releases', { text: JSON.stringify(RELEASE, null, 2), headers: { 'idempotency-key': 'fifty' } });
  expect(again.body.id).toBe(answers[0]?.body.id);
});

test('a key used for another body is refused with 422', async () => {
  const headers = { 'idempotency-key': 'reused' };
  expect((await api.ask('POST', '/v1/releases', { body: RELEASE, headers })).status).toBe(202);
  const other = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, reason: 'other' }, headers });
  expect(other).toMatchObject({ status: 422, body: { type: 'urn:signalbox:problem:key-reused' } });
});

test('a refused request leaves its key free for the corrected one', async () => {
  const headers = { 'idempotency-key': 'corrected' };
  expect((await api.ask('POST', '/v1/releases', { body: { ...RELEASE, pool: 'nowhere' }, headers })).status).toBe(422);
  expect((await api.ask('POST', '/v1/releases', { body: RELEASE, headers })).status).toBe(202);
});

test('keys of different tokens never meet', async () => {
  const other = await api.ask('POST', '/v1/tokens', { body: { name: 'second' } });
  expect(other.status).toBe(201);
  const headers = { 'idempotency-key': 'shared' };
  const first = await api.ask('POST', '/v1/releases', { body: RELEASE, headers });
  const second = await api.ask('POST', '/v1/releases', { body: RELEASE, headers, token: other.body.token });
  expect(second.body.id).not.toBe(first.body.id);
});

test('every name in a release request must lead somewhere, and all complaints come at once', async () => {
  const answer = await api.ask('POST', '/v1/releases', {
    body: { pool: 'web-prod', strategy: 'nowhere', changes: [{ application: 'web', version: '99' }, { application: 'ghost', version: '1' }] },
  });
  expect(answer.status).toBe(422);
  expect(pointers(answer)).toEqual(['/changes/0/version', '/changes/1/application', '/strategy']);
});

test('a pool of one is released only with allowOutage and a reason', async () => {
  const documents = [host('solo-01'), { kind: 'Pool', name: 'solo', environment: 'prod', applications: ['web'], hosts: ['solo-01'], traffic: { driver: 'none' } }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  const body = { ...RELEASE, pool: 'solo' };
  expect(pointers(await api.ask('POST', '/v1/releases', { body }))).toEqual(['/allowOutage']);
  expect((await api.ask('POST', '/v1/releases', { body: { ...body, allowOutage: true } })).status).toBe(422);
  expect((await api.ask('POST', '/v1/releases', { body: { ...body, allowOutage: true, reason: 'agreed with the shop' } })).status).toBe(202);
});

test('what a later version brings to a release is refused by name', async () => {
  const answer = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, template: 'nightly', changes: [{ application: 'web', version: '2', config: 'c1' }] } });
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([
    { in: 'body', pointer: '/template', message: 'not available yet' },
    { in: 'body', pointer: '/changes/0/config', message: 'not available yet' },
  ]);
});

test('a plan shows batches and capacity, says what it assumes, and starts nothing', async () => {
  const before = await api.ask('GET', '/v1/releases?limit=200');
  const answer = await api.ask('POST', '/v1/plans', { body: RELEASE });
  expect(answer.status).toBe(200);
  expect(answer.body.plan.batches.map(({ kind }: { kind: string }) => kind)).toEqual(['bastion', 'batch', 'batch', 'batch']);
  expect(answer.body.plan.capacity).toMatchObject({ hosts: 4, inService: 4, floor: 3 });
  expect(answer.body.assumes).toMatch(/in service/);
  const after = await api.ask('GET', '/v1/releases?limit=200');
  expect(after.body.items.length).toBe(before.body.items.length);
});

test('pages of releases neither repeat nor skip one while others are added', async () => {
  const seen: string[] = [];
  let path: string | null = '/v1/releases?limit=2&pool=web-prod';
  while (path !== null) {
    const page: Awaited<ReturnType<ApiUnderTest['ask']>> = await api.ask('GET', path);
    expect(page.status).toBe(200);
    seen.push(...page.body.items.map(({ id }: { id: string }) => id));
    if (seen.length === 2) await api.ask('POST', '/v1/releases', { body: RELEASE });
    const link = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '');
    expect(link === null).toBe(page.body.next === null);
    path = link?.[1] ?? null;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBeGreaterThan(4);
});

test('filters of the list narrow it, and wrong ones are refused', async () => {
  expect((await api.ask('GET', '/v1/releases?pool=nowhere')).body.items).toEqual([]);
  expect((await api.ask('GET', '/v1/releases?status=succeeded')).body.items).toEqual([]);
  expect((await api.ask('GET', '/v1/releases?since=2999-01-01T00:00:00Z')).body.items).toEqual([]);
  expect((await api.ask('GET', '/v1/releases?application=web&since=2020-01-01T00:00:00%2B02:00')).body.items.length).toBeGreaterThan(0);
  const wrong = await api.ask('GET', '/v1/releases?status=broken&since=yesterday&limit=201&cursor=!&order=name&pool=a&pool=b');
  expect(wrong.status).toBe(422);
  expect(pointers(wrong)).toEqual(['/cursor', '/limit', '/order', '/pool', '/since', '/status']);
  expect((await api.ask('GET', '/v1/releases?cursor=e30')).status).toBe(422);
});

test('a release that does not exist is a 404 on every path below it', async () => {
  for (const path of ['', '/events', '/logs?host=web-01', '/at?version=1', '/commands/c-00000000']) expect((await api.ask('GET', `/v1/releases/r-000000000000${path}`)).status).toBe(404);
  expect((await api.ask('POST', '/v1/releases/r-000000000000/commands', { body: { type: 'pause', reason: 'why' } })).status).toBe(404);
});
