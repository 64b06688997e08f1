/** A pool of seven thousand hosts in twenty zones: brought in, planned for and started through the API as it is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { FLEET, POOL, host, packageOf } from './samples.ts';
import { BODY_BYTES_MAX } from '../../api/body.ts';
import { POOL_HOSTS_MAX } from '../../domain/joined-pool.ts';
import type { ApiUnderTest } from './api-under-test.ts';

const HOSTS = 7000;
const ZONES = 20;
const AT_ONCE = 1000;
const CALL_MS_MAX = 30_000;

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
});
afterAll(() => api.close());

/** 20 characters, as in `idc-07-web-lg-000027`. */
const nameOf = (index: number): string => `idc-${String(index % ZONES).padStart(2, '0')}-web-lg-${String(index).padStart(6, '0')}`;

const names = Array.from({ length: HOSTS }, (_, index) => nameOf(index));

async function took<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const answer = await work();
  const tookMs = performance.now() - startedMs;
  process.stdout.write(`${what}: ${Math.round(tookMs)} ms\n`);
  expect(tookMs, what).toBeLessThan(CALL_MS_MAX);
  return answer;
}

test('seven thousand hosts are applied a thousand at a time, their pool in one request, and a release of it is planned and started', { timeout: 180_000 }, async () => {
  for (let from = 0; from < HOSTS; from += AT_ONCE) {
    const documents = names.slice(from, from + AT_ONCE).map((name) => host(name, name.slice(0, 6)));
    const applied = await took(`apply ${AT_ONCE} hosts`, () => api.ask('POST', '/v1/apply', { body: { documents } }));
    expect(applied.status, applied.text.slice(0, 300)).toBe(200);
  }
  const put = await took('put the pool', () => api.ask('PUT', '/v1/pools/large', { body: { ...POOL, name: 'large', hosts: names } }));
  expect(put.status, put.text.slice(0, 300)).toBe(201);
  const asked = { pool: 'large', changes: [{ application: 'web', version: '2' }] };
  const plan = await took('plan', () => api.ask('POST', '/v1/plans', { body: asked }));
  expect(plan.status, plan.text.slice(0, 300)).toBe(200);
  expect(plan.body.plan.batches.flatMap(({ hosts }: { hosts: string[] }) => hosts).toSorted()).toEqual(names.toSorted());
  const started = await took('start by that plan', () => api.ask('POST', '/v1/releases', { body: { ...asked, plan: plan.body.id } }));
  expect(started.status, started.text.slice(0, 300)).toBe(202);
  const listed = await took('list releases', () => api.ask('GET', '/v1/releases?limit=10'));
  expect(listed.body.items.map(({ id }: { id: string }) => id)).toContain(started.body.id);
  const again = await took('apply one of its hosts', () => api.ask('POST', '/v1/apply', { body: { documents: [{ ...host(nameOf(3), 'idc-03'), address: '10.0.0.2' }] } }));
  expect(again.status, again.text.slice(0, 300)).toBe(200);
});

test('a pool of as many hosts as there may be fits into one request with names of twenty characters', () => {
  const most = { ...POOL, name: 'most', hosts: Array.from({ length: POOL_HOSTS_MAX }, (_, index) => nameOf(index)) };
  expect(nameOf(0)).toHaveLength(20);
  expect(JSON.stringify(most).length).toBeLessThan(BODY_BYTES_MAX);
});

test('a pool with one host too many is refused at its hosts', async () => {
  const many = { ...POOL, name: 'many', hosts: Array.from({ length: POOL_HOSTS_MAX + 1 }, (_, index) => `h${index}`) };
  expect(pointers(await api.ask('PUT', '/v1/pools/many', { body: many }))).toEqual(['/hosts']);
});
