/** Rollback to a version: what is made of it, and what is said where it cannot be had. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { configOf, digestOf, ownPool, register, released } from './pool-story.ts';
import { FLEET } from './samples.ts';
import type { Answered, ApiUnderTest } from './api-under-test.ts';
import type { OwnPool } from './pool-story.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await register(api, ['1', '2', '3', '4']);
});

afterAll(() => api.close());

/** 1, then 2, then 3, all kept. */
async function threeVersions(kept?: readonly string[]): Promise<OwnPool & { readonly last: string }> {
  const own = await ownPool(api);
  await released(own, '2', { from: '1' });
  const last = await released(own, '3', { from: '2', ...(kept === undefined ? {} : { kept }) });
  return { ...own, last };
}

const back = (id: string, to?: string): Promise<Answered> => api.ask('POST', `/v1/releases/${id}/commands`, { body: { type: 'rollback', reason: 'because', ...(to === undefined ? {} : { to }) } });

async function requestOf(id: string): Promise<any> {
  const { rows } = await sql<{ request: unknown }>`select request from release_requests where id = ${id}`.execute(api.db.kysely);
  return rows[0]?.request;
}

describe('rollback to a version', () => {
  test('makes a release that brings the whole pool there, whoever ran what since', async () => {
    const { last, pool, hosts } = await threeVersions(['1', '2']);
    const sent = await back(last, '1');
    expect(sent, sent.text).toMatchObject({ status: 202, body: { state: 'applied' } });
    const release = sent.body.release;
    expect(await requestOf(release)).toMatchObject({ kind: 'rollback', pool, to: { web: '1' }, rollbackOf: last, restoreFrom: release, busy: 'queue', hosts: hosts.map((name) => ({ name })), changes: [{ application: 'web', version: '1' }] });
    expect((await api.ask('GET', `/v1/releases/${release}`)).body).toMatchObject({ kind: 'rollback', status: 'queued', changes: [{ application: 'web', to: '1' }] });
  });

  test('named as application@version or alone is the same', async () => {
    const { last } = await threeVersions();
    expect(await requestOf((await back(last, 'web@2')).body.release)).toMatchObject({ to: { web: '2' } });
  });

  test('of what runs already is 409 identical and names it', async () => {
    const { last } = await threeVersions();
    expect(await back(last, '3')).toMatchObject({ status: 409, body: { code: 'identical', detail: expect.stringContaining('Every host runs web 3 already'), available: ['web@2', 'web@1'] } });
  });

  test('that the hosts do not keep any more is 409 with the versions that can be had', async () => {
    const { last } = await threeVersions(['2']);
    expect(await back(last, '1')).toMatchObject({ status: 409, body: { code: 'not-kept', available: ['web@2'], detail: expect.stringContaining('Versions that can be had on every host: 2') } });
    expect(await back(last, '9')).toMatchObject({ status: 409, body: { code: 'not-kept', available: ['web@2'] } });
    const { rows } = await sql`select id from release_requests where request ->> 'rollbackOf' = ${last}`.execute(api.db.kysely);
    expect(rows).toEqual([]);
  });

  test('that is quarantined is 409, also when it is only the version before', async () => {
    const own = await ownPool(api);
    await register(api, ['7', '8']);
    await released(own, '7', { from: '1' });
    const last = await released(own, '8', { from: '7' });
    await api.ask('POST', '/v1/packages/web@7/quarantine', { body: { reason: 'leaks' } });
    expect(await back(last, '7')).toMatchObject({ status: 409, body: { code: 'quarantined', available: ['web@1'] } });
    expect(await back(last)).toMatchObject({ status: 409, body: { code: 'quarantined', detail: expect.stringContaining('web 7') } });
    expect((await back(last, '1')).status).toBe(202);
  });

  test('of a release that never reached a host is refused and says what to name', async () => {
    const own = await ownPool(api);
    const asked = await api.ask('POST', '/v1/releases', { body: { pool: own.pool, changes: [{ application: 'web', version: '2' }] } });
    expect(await back(asked.body.id, '1')).toMatchObject({ status: 409, body: { code: 'not-allowed', detail: expect.stringContaining('Roll it back first') } });
  });

  test('that cannot be a version is a complaint about /to', async () => {
    const { last } = await threeVersions();
    expect(pointers(await back(last, '../1'))).toEqual(['/to']);
  });

  test('of an application the pool does not serve is refused', async () => {
    const { last } = await threeVersions();
    expect(await back(last, 'ghost@1')).toMatchObject({ status: 409, body: { code: 'not-allowed', detail: expect.stringContaining('does not serve ghost') } });
  });

  test('plain, of a release that changed nothing, is 409 identical', async () => {
    const own = await ownPool(api);
    const same = await released(own, '4', { from: '4' });
    expect(await back(same)).toMatchObject({ status: 409, body: { code: 'identical', detail: expect.stringContaining('web 4') } });
    expect(digestOf('4') + configOf('4')).toHaveLength(128);
  });
});
