import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteRefusal } from '../../db/refusals.ts';
import { openRelease } from '../../db/requests.ts';
import { startApiUnderTest } from './api-under-test.ts';
import { FLEET, POOL, RELEASE, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
});

afterAll(() => api.close());

test('what came too late for a release is told page by page, and of an unknown one nothing', async () => {
  const { id } = (await api.ask('POST', '/v1/releases', { body: RELEASE })).body;
  await openRelease(api.db, { release: id });
  const [host = ''] = POOL.hosts;
  for (const round of [0, 1, 2]) await noteRefusal(api.db, { release: id, host, epoch: 3, direction: 'back', round, step: 'admit', sentence: `Epoch 3 on host ${host} is void.` });
  const first = await api.ask('GET', `/v1/releases/${id}/refusals?limit=2`);
  expect(first).toMatchObject({ status: 200, body: { items: [{ host, round: 0, epoch: 3, direction: 'back', step: 'admit', sentence: `Epoch 3 on host ${host} is void.` }, { round: 1 }], next: expect.any(String) } });
  const last = await api.ask('GET', `/v1/releases/${id}/refusals?limit=2&cursor=${first.body.next}`);
  expect(last.body).toMatchObject({ items: [{ round: 2 }], next: null });
  expect((await api.ask('GET', '/v1/releases/r-000000000000/refusals')).status).toBe(404);
  expect((await api.ask('GET', `/v1/releases/${id}/refusals?cursor=x`)).status).toBe(422);
});
