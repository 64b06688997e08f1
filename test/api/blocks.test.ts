/** Quarantine of packages and hold of applications: put, shown, in the way of releases, lifted. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest } from './api-under-test.ts';
import { askRelease, ownPool, register, released } from './pool-story.ts';
import { FLEET } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await register(api, ['1', '2', '3']);
});

afterAll(() => api.close());

const say = (path: string, body: object) => api.ask('POST', path, { body });

describe('a quarantined package', () => {
  test('is refused with who, why and how to lift it, and released again once it is lifted', async () => {
    const own = await ownPool(api);
    expect(await say('/v1/packages/web@2/quarantine', { reason: 'leaks connections' })).toMatchObject({ status: 200, body: { package: 'web@2', reason: 'leaks connections', release: null, lifted: null } });
    expect((await api.ask('GET', '/v1/packages/web@2')).body).toMatchObject({ id: 'web@2', quarantine: { reason: 'leaks connections', lifted: null } });
    const refused = await askRelease(own, '2');
    expect(refused).toMatchObject({
      status: 409,
      body: {
        type: 'urn:signalbox:problem:blocked', code: 'quarantined', detail: expect.stringContaining('signalbox package lift web@2'),
        errors: [{ in: 'body', pointer: '/changes/0/version' }], blocks: [{ kind: 'quarantine', name: 'web@2', reason: 'leaks connections' }],
      },
    });
    expect((await askRelease(own, '3')).status).toBe(202);
    expect((await say('/v1/packages/web@2/lift', { reason: 'it was the pool' })).body).toMatchObject({ lifted: { reason: 'it was the pool' } });
    expect((await askRelease(own, '2')).status).toBe(202);
    expect((await api.ask('GET', '/v1/packages/web@2')).body.quarantine.lifted.reason).toBe('it was the pool');
  });

  test('stays as it was first told, and lifting what is not quarantined is a conflict', async () => {
    await say('/v1/packages/web@1/quarantine', { reason: 'first' });
    expect((await say('/v1/packages/web@1/quarantine', { reason: 'second' })).body.reason).toBe('first');
    expect((await say('/v1/packages/web@1/lift', { reason: 'fine' })).status).toBe(200);
    expect((await say('/v1/packages/web@1/lift', { reason: 'fine' })).status).toBe(409);
    expect((await say('/v1/packages/web@99/quarantine', { reason: 'who' })).status).toBe(404);
    expect((await say('/v1/packages/web@1/quarantine', {})).status).toBe(422);
  });

  test('and its lift are events that nobody can take back', async () => {
    const { rows } = await sql<{ type: string }>`select type from events where stream = 'quarantine/web@2' order by version`.execute(api.db.kysely);
    expect(rows.map(({ type }) => type)).toEqual(['package-quarantined', 'package-quarantine-lifted']);
  });
});

describe("a person's rollback", () => {
  test('holds the application in this pool only, until somebody lifts it with a reason', async () => {
    const [own, other] = [await ownPool(api), await ownPool(api)];
    const id = await released(own, '2', { from: '1' });
    const back = await say(`/v1/releases/${id}/commands`, { type: 'rollback', reason: 'latency doubled' });
    expect(back.status, back.text).toBe(202);
    const refused = await askRelease(own, '3');
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'held', detail: expect.stringContaining(id), errors: [{ pointer: '/changes/0/application' }], blocks: [{ kind: 'hold', name: 'web', pool: own.pool, release: id, reason: 'latency doubled' }] },
    });
    expect((await askRelease(other, '3')).status).toBe(202);
    const read = await api.ask('GET', '/v1/applications/web');
    expect(read.body.holds).toMatchObject([{ pool: own.pool, release: id }]);
    expect((await api.ask('GET', '/v1/applications/web', { headers: { 'if-none-match': read.headers.get('etag') ?? '' } })).status).toBe(200);
    expect((await say('/v1/applications/web/lift', { reason: 'wrong pool', pool: other.pool })).status).toBe(409);
    expect(await say('/v1/applications/web/lift', { reason: 'fixed in 3' })).toMatchObject({ status: 200, body: { application: 'web', holds: [{ pool: own.pool, lifted: { reason: 'fixed in 3' } }] } });
    expect((await askRelease(own, '3')).status).toBe(202);
    expect((await api.ask('GET', '/v1/applications/web')).body.holds).toBeUndefined();
  });

  test('asked for twice with one key holds once and makes one release', async () => {
    const own = await ownPool(api);
    const id = await released(own, '2', { from: '1' });
    const send = () => api.ask('POST', `/v1/releases/${id}/commands`, { body: { type: 'rollback', reason: 'bad' }, headers: { 'idempotency-key': 'one' } });
    expect((await send()).body.release).toBe((await send()).body.release);
    const { rows } = await sql`select version from events where stream = ${`hold/${own.pool}/web`}`.execute(api.db.kysely);
    expect(rows).toHaveLength(1);
  });
});
