/** What the API tells of hosts, and asking for a fleet check: real app and database, no worker. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginFleetCheck, finishFleetCheck } from '../../db/fleet-checks.ts';
import { keepLiveness } from '../../db/liveness.ts';
import { claimOutbox } from '../../db/outbox.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { FLEET } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
const before = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const SEEN = before(60);
const DEAD = before(30);
const APPLICATIONS = [{ application: 'web', version: '2', digest: 'd', config: 'c', running: true, unmanaged: false }];
const VITALS = { freeBytes: 10, diskBytes: 100, skewMs: -3, program: null };

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await keepLiveness(api.db, [
    { host: 'web-01', state: 'up', checkedAt: SEEN, seenAt: SEEN, deadSince: null, message: null, vitals: VITALS, applications: APPLICATIONS },
    { host: 'web-02', state: 'dead', checkedAt: DEAD, seenAt: SEEN, deadSince: DEAD, message: 'refused', vitals: VITALS, applications: APPLICATIONS },
    { host: 'web-03', state: 'dead', checkedAt: before(3_600), seenAt: null, deadSince: before(3_600), message: 'refused', vitals: null, applications: [] },
  ]);
});
afterAll(() => api.close());

describe('liveness', () => {
  test('of each host says up, dead since when, or unknown, and when it was last seen; in pages, by name', async () => {
    const first = await api.ask('GET', '/v1/liveness?limit=3');
    expect(first.body.items).toMatchObject([
      { host: 'web-01', state: 'up', seenAt: SEEN, deadSince: null, message: null, vitals: VITALS, applications: APPLICATIONS },
      { host: 'web-02', state: 'dead', seenAt: SEEN, checkedAt: DEAD, deadSince: DEAD, message: 'refused' },
      { host: 'web-03', state: 'unknown', seenAt: null, deadSince: null, message: null },
    ]);
    const second = await api.ask('GET', `/v1/liveness?limit=3&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ host: 'web-04', state: 'unknown', seenAt: null, checkedAt: null, vitals: null, applications: [] }], next: null });
  });

  test('of one host is the same; of a host that is not declared it is 404', async () => {
    const all = await api.ask('GET', '/v1/liveness');
    expect((await api.ask('GET', '/v1/hosts/web-02/liveness')).body).toEqual(all.body.items[1]);
    expect((await api.ask('GET', '/v1/hosts/web-99/liveness')).status).toBe(404);
  });

  test('is no part of the declared host, which can be sent back as it was read', async () => {
    const { body, headers } = await api.ask('GET', '/v1/hosts/web-01');
    expect(body).not.toHaveProperty('liveness');
    expect((await api.ask('PUT', '/v1/hosts/web-01', { body, headers: { 'if-match': headers.get('etag') ?? '' } })).status).toBe(200);
  });
});

describe('a fleet check', () => {
  test('is accepted and handed to the workers once, however often its key is sent; it says how it stands until it is finished', async () => {
    const asked = { body: { reason: 'after the power cut' }, headers: { 'idempotency-key': 'one' } };
    const first = await api.ask('POST', '/v1/fleet-checks', asked);
    expect(first).toMatchObject({ status: 202, body: { state: 'asked', by: 'tester', reason: 'after the power cut', startedAt: null } });
    const { id } = first.body;
    expect(first.headers.get('location')).toBe(`/v1/fleet-checks/${id}`);
    expect((await api.ask('POST', '/v1/fleet-checks', asked)).body.id).toBe(id);
    expect(await claimOutbox(api.db, { limit: 10 })).toMatchObject([{ kind: 'check-fleet', release: id }]);
    await beginFleetCheck(api.db, id);
    expect((await api.ask('GET', `/v1/fleet-checks/${id}`)).body.state).toBe('running');
    const waiting = api.ask('GET', `/v1/fleet-checks/${id}?waitSeconds=20`);
    await finishFleetCheck(api.db, id, { hosts: 4, dead: 1, unjudged: 1 });
    expect((await waiting).body).toMatchObject({ id, state: 'finished', hosts: 4, dead: 1, unjudged: 1 });
  });

  test('needs no reason, and refuses what it does not know', async () => {
    expect((await api.ask('POST', '/v1/fleet-checks', { body: {} })).status).toBe(202);
    const wrong = await api.ask('POST', '/v1/fleet-checks', { body: { reason: 7, hosts: ['web-01'] } });
    expect(wrong.status).toBe(422);
    expect(pointers(wrong)).toEqual(['/hosts', '/reason']);
    expect((await api.ask('GET', '/v1/fleet-checks/k-00000000')).status).toBe(404);
  });
});
