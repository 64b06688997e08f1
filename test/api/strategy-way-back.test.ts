/** Strategies that name where their rollbacks lead: what is refused when they are written, planned with and started. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { configOf, digestOf, ownPool, register, released } from './pool-story.ts';
import { APPLICATION, FLEET, POOL } from './samples.ts';
import type { Answered, ApiUnderTest } from './api-under-test.ts';
import type { OwnPool } from './pool-story.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await register(api, ['1', '2', '3', '4']);
  const made = await api.ask('POST', '/v1/apply', { body: { documents: ['1', '4', '9', 'previous', 'web@1'].map((to) => ({ kind: 'Strategy', name: nameOf(to), rollback: { to } })) } });
  expect(made.status, made.text).toBe(200);
});

afterAll(() => api.close());

const nameOf = (to: string): string => `to-${to.replace('@', '-')}`;

/** 1, then 2, then 3, all kept unless said otherwise. */
async function threeVersions(kept?: readonly string[]): Promise<OwnPool> {
  const own = await ownPool(api);
  await released(own, '2', { from: '1' });
  await released(own, '3', { from: '2', ...(kept === undefined ? {} : { kept }) });
  return own;
}

const ask = ({ pool }: OwnPool, path: string, to: string, more: object = {}): Promise<Answered> => api.ask('POST', path, { body: { pool, changes: [{ application: 'web', version: '4' }], strategy: nameOf(to), ...more } });

describe('a release under a strategy that names a version', () => {
  test('is planned with the way of every host to it, and started', async () => {
    const own = await threeVersions(['1', '2']);
    const plan = await ask(own, '/v1/plans', '1');
    expect(plan, plan.text).toMatchObject({ status: 200 });
    expect(plan.body.wayBack).toEqual(own.hosts.map((host) => ({ host, applications: [{ application: 'web', version: '1', digest: digestOf('1'), config: configOf('1') }], feasible: true })));
    expect((await ask(own, '/v1/plans', 'previous')).body.wayBack).toEqual(own.hosts.map((host) => expect.objectContaining({ applications: [expect.objectContaining({ version: '3' })], host })));
    expect(await ask(own, '/v1/releases', 'web@1')).toMatchObject({ status: 202 });
  });

  test.each(['/v1/plans', '/v1/releases'])('that is not kept on every host is refused by %s with 409 and the versions that can be had', async (path) => {
    const own = await threeVersions(['2']);
    expect(await ask(own, path, '1')).toMatchObject({ status: 409, body: { code: 'not-kept', available: ['web@3', 'web@2'], detail: expect.stringContaining('Versions that can be had on every host: 3, 2.') } });
    expect(await ask(own, path, '9')).toMatchObject({ status: 409, body: { code: 'not-kept' } });
    const { rows } = await sql`select id from release_requests where request ->> 'pool' = ${own.pool} and request -> 'strategy' ->> 'name' = ${nameOf('1')}`.execute(api.db.kysely);
    expect(rows).toEqual([]);
  });

  test('on hosts that never ran anything is refused, and a strategy without a version is named as the way out', async () => {
    expect(await ask(await ownPool(api), '/v1/releases', '1')).toMatchObject({ status: 409, body: { code: 'not-kept', available: [], detail: expect.stringContaining('release with a strategy whose rollback.to is previous') } });
  });

  test('that is quarantined is refused with 409 until it is lifted', async () => {
    const own = await threeVersions();
    await api.ask('POST', '/v1/packages/web@1/quarantine', { body: { reason: 'leaks' } });
    expect(await ask(own, '/v1/releases', '1')).toMatchObject({ status: 409, body: { code: 'quarantined', available: ['web@3', 'web@2'] } });
    await api.ask('POST', '/v1/packages/web@1/lift', { body: { reason: 'mended' } });
    expect(await ask(own, '/v1/releases', '1')).toMatchObject({ status: 202 });
  });

  test.each(['/v1/plans', '/v1/releases'])('that is the one being released is refused by %s as a contradiction, with its place', async (path) => {
    const answer = await ask(await threeVersions(), path, '4');
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ in: 'body', pointer: '/strategy', message: 'strategy to-4 sends rollbacks to web 4, which is the version this release brings' }]);
  });
});

describe('a strategy that names a version, as it is written', () => {
  test('keeps it; `previous` says nothing and is left out', async () => {
    expect((await api.ask('GET', `/v1/strategies/${nameOf('web@1')}`)).body.rollback.to).toBe('web@1');
    expect((await api.ask('GET', `/v1/strategies/${nameOf('previous')}`)).body.rollback).not.toHaveProperty('to');
  });

  test.each(['../1', '', 'Web@1', 1])('must name a version that could be one: %j', async (to) => {
    expect(pointers(await api.ask('PUT', '/v1/strategies/odd', { body: { rollback: { to } } }))).toEqual(['/rollback/to']);
  });

  test('says of which application where a pool serves several, and one that it serves: complaints point at the strategy, or else at the pool', async () => {
    const shop = { ...POOL, name: 'shop', applications: ['web', 'job'], strategy: 'shop' };
    const job = { ...APPLICATION, name: 'job' };
    const apply = (to: string) => api.ask('POST', '/v1/apply', { body: { documents: [{ kind: 'Strategy', name: 'shop', rollback: { to } }, job, shop] } });
    const alone = await apply('1');
    expect(alone.body.errors).toMatchObject([{ pointer: '/documents/0/rollback/to', message: expect.stringContaining('write application@version') }]);
    expect((await apply('ghost@1')).body.errors).toMatchObject([{ pointer: '/documents/0/rollback/to', message: expect.stringContaining('pool shop serves web, job') }]);
    expect((await apply('job@1')).status).toBe(200);
    const { headers } = await api.ask('GET', '/v1/strategies/shop');
    const put = (to: string) => api.ask('PUT', '/v1/strategies/shop', { headers: { 'If-Match': headers.get('etag') ?? '' }, body: { rollback: { to } } });
    expect(pointers(await put('1'))).toEqual(['/rollback/to']);
    expect(pointers(await api.ask('PUT', '/v1/pools/other', { body: { ...shop, name: 'other', strategy: nameOf('1') } }))).toEqual(['/strategy']);
  });
});

describe('a person who takes back a finished release of such a strategy', () => {
  const back = (id: string, to?: string): Promise<Answered> => api.ask('POST', `/v1/releases/${id}/commands`, { body: { type: 'rollback', reason: 'because', ...(to === undefined ? {} : { to }) } });

  /** 4 came from 3 and would be taken back to 1. */
  async function finished(): Promise<string> {
    const own = await threeVersions();
    const targets = own.hosts.map((host) => ({ host, applications: [{ application: 'web', version: '1', digest: digestOf('1'), config: configOf('1') }], steps: [], feasible: true, why: null }));
    return released(own, '4', { from: '3' }, { strategy: nameOf('1'), planned: [{ type: 'rollback-planned', data: { plan: { mode: 'regular', batchPercent: 33, to: { web: '1' }, targets } } }] });
  }

  test('and names no version gets the one of the strategy, on the hosts that were touched', async () => {
    const id = await finished();
    const sent = await back(id);
    expect(sent, sent.text).toMatchObject({ status: 202 });
    const { rows } = await sql<{ request: unknown }>`select request from release_requests where id = ${sent.body.release}`.execute(api.db.kysely);
    expect(rows[0]?.request).toMatchObject({ kind: 'rollback', restoreFrom: id, changes: [{ application: 'web', version: '1' }] });
    expect(rows[0]?.request).not.toHaveProperty('to');
  });

  test('and names another version gets that one', async () => {
    const sent = await back(await finished(), '2');
    const { rows } = await sql<{ request: unknown }>`select request from release_requests where id = ${sent.body.release}`.execute(api.db.kysely);
    expect(rows[0]?.request).toMatchObject({ to: { web: '2' }, restoreFrom: sent.body.release });
  });

  test('and asks for `previous` is told where the way leads and what to name instead', async () => {
    expect(await back(await finished(), 'previous')).toMatchObject({ status: 409, body: { code: 'not-allowed', detail: expect.stringContaining('leads to web 1, as its strategy says; what the hosts ran before (web 3) can be named as `to`') } });
  });

  test('is refused when that version was quarantined meanwhile', async () => {
    const id = await finished();
    await api.ask('POST', '/v1/packages/web@1/quarantine', { body: { reason: 'leaks' } });
    expect(await back(id)).toMatchObject({ status: 409, body: { code: 'quarantined', detail: expect.stringContaining('web 1') } });
    await api.ask('POST', '/v1/packages/web@1/lift', { body: { reason: 'mended' } });
  });
});
