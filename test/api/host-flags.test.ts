/** Flags by HTTP, without a worker: what is stored, what is refused, what is told. A worker and a balancer come in test/scenarios. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { refuseDrain } from '../../db/drain-requests.ts';
import { storeSightings } from '../../db/host-sightings.ts';
import { until } from '../support/until.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { FLEET } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
});
beforeEach(async () => {
  for (const owner of ['health', 'fleet-check']) await api.ask('PUT', `/v1/hosts/web-01/flags/${owner}`, { body: { up: true, reason: 'x' } });
  await api.ask('POST', '/v1/hosts/web-01/admit', { body: { reason: 'x' } });
});
afterAll(() => api.close());

const post = (path: string, body: object, headers = {}) => api.ask('POST', `/v1/hosts/${path}`, { body, headers });
const flags = async () => (await api.ask('GET', '/v1/hosts/web-01/flags')).body;
const down = async () => (await flags()).flags.filter(({ up }: { up: boolean }) => !up).map(({ owner, pool, by, reason }: Record<string, unknown>) => [owner, pool, by, reason]);

test('a host that nobody keeps out shows every owner\'s flag up and what the balancer was seen to show', async () => {
  expect((await api.ask('GET', '/v1/hosts/web-02/flags')).body).toEqual({
    host: 'web-02',
    serves: true,
    flags: ['release', 'operator', 'health', 'fleet-check'].map((owner) => ({ owner, pool: null, up: true, by: null, since: null, reason: null })),
    pools: [{ pool: 'web-prod', server: 'web-02', serves: true, keptOutBy: [], takenOut: false, observed: null, observedAt: null, sentence: expect.stringContaining('was not looked at yet') }],
  });
});

test('a drain waits for a worker before the flag is lowered; a forced one is lowered at once', async () => {
  expect(await post('web-01/drain', { reason: 'new disk' })).toMatchObject({ status: 202, body: { done: false, serves: true } });
  expect(await down()).toEqual([]);
  expect(await post('web-01/drain', { reason: 'new disk', force: true })).toMatchObject({ status: 202, body: { done: false, serves: false } });
  expect(await down()).toEqual([['operator', null, 'tester', 'new disk']]);
});

test('a drain is done only when the balancer was read after it was asked: what it showed before says nothing', async () => {
  const isOut = { admin: 'drain', operational: 'up', weight: 100, connections: 0, inService: false } as const;
  const look = () => storeSightings(api.db, 'web-prod', [{ host: 'web-03', server: 'web-03', traffic: isOut }]);
  await look();
  expect(await post('web-03/drain', { reason: 'x', force: true })).toMatchObject({ status: 202, body: { done: false, serves: false } });
  let answered = false;
  const waiting = post('web-03/drain?waitSeconds=20', { reason: 'x', force: true }).finally(() => (answered = true));
  await until('the answer, while a worker looks again and again', async () => {
    await look();
    return answered;
  });
  expect(await waiting).toMatchObject({ status: 200, body: { done: true, serves: false } });
});

test('a drain that the worker refuses is 409 with the arithmetic, also when it is asked again with its key', async () => {
  const headers = { 'idempotency-key': 'k-refused' };
  await post('web-01/drain', { reason: 'x' }, headers);
  const [asked] = await api.db.kysely.selectFrom('drain_requests').select('id').where('state', '=', 'asked').execute();
  const capacity = { pool: 'web-prod', hosts: 4, inService: 3, floor: 3, left: 2 };
  await refuseDrain(api.db, asked?.id ?? '', { code: 'capacity-floor', message: 'Taking web-01 out would leave 2.', capacity });
  expect(await post('web-01/drain', { reason: 'x' }, headers)).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:conflict', code: 'capacity-floor', capacity } });
});

test('an admission takes back a drain that was not carried out, raises the operator\'s flag alone, and names who keeps the host out', async () => {
  await post('web-01/drain', { reason: 'x' });
  await post('web-01/drain', { reason: 'x', force: true, pool: 'web-prod' });
  await api.ask('PUT', '/v1/hosts/web-01/flags/health', { body: { up: false, reason: 'three probes failed' } });
  const admitted = await post('web-01/admit', { reason: 'done' });
  expect(admitted).toMatchObject({ status: 200, body: { done: true, serves: false, pools: [{ keptOutBy: ['health'] }], sentence: expect.stringContaining('three probes failed') } });
  expect(await down()).toEqual([['health', null, 'tester', 'three probes failed']]);
  expect(await api.db.kysely.selectFrom('drain_requests').select('id').where('state', '=', 'asked').execute()).toEqual([]);
});

test('a flag that is down everywhere is not raised in one pool alone, and nothing is stored', async () => {
  await post('web-01/drain', { reason: 'x', force: true });
  expect(await post('web-01/admit', { reason: 'x', pool: 'web-prod' })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('Raise it everywhere') } });
  expect((await down()).length).toBe(1);
});

test('unknown hosts, foreign pools, other owners and bad bodies are refused where they stand', async () => {
  for (const [method, path, body] of [['GET', 'flags', undefined], ['POST', 'drain', { reason: 'x' }], ['POST', 'drain', { reason: 'x', force: true }], ['POST', 'admit', { reason: 'x' }], ['PUT', 'flags/health', { up: true, reason: 'x' }]] as const) {
    expect((await api.ask(method, `/v1/hosts/nobody/${path}`, { body })).status, path).toBe(404);
  }
  expect(pointers(await post('web-01/drain', { reason: 'x', pool: 'nowhere' }))).toEqual(['/pool']);
  expect(pointers(await post('web-01/drain', {}))).toEqual(['/reason']);
  expect(pointers(await post('web-01/admit', { reason: ' ', force: true }))).toEqual(['/force', '/reason']);
  expect(pointers(await api.ask('PUT', '/v1/hosts/web-01/flags/health', { body: { reason: 'x' } }))).toEqual(['/up']);
  expect(pointers(await api.ask('PUT', '/v1/hosts/web-01/flags/operator', { body: { up: true, reason: 'x' } }))).toEqual(['/owner']);
});
