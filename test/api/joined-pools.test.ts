import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL, STRATEGY, host, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

const { environment, applications, traffic } = POOL;
const a = { ...POOL, name: 'web-a', hosts: ['web-01', 'web-02', 'web-03'] };
const b = { ...POOL, name: 'web-b', hosts: ['web-03', 'web-04', 'web-05'], capacity: { minInServicePercent: 50 } };
const ALL = { kind: 'Pool', name: 'web-all', joins: ['web-a', 'web-b'] };

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
  await apply(...FLEET.filter((one) => one !== POOL), host('web-05', 'idc-a'), a, b);
  expect((await api.ask('POST', '/v1/packages', { body: packageOf('2') })).status).toBe(201);
});
afterAll(() => api?.close());

async function apply(...documents: readonly object[]): Promise<any> {
  const answer = await api.ask('POST', '/v1/apply', { body: { documents } });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}
const put = (body: object, name = 'web-all') => api.ask('PUT', `/v1/pools/${name}`, { body });
const etagOf = async (name: string) => ({ 'If-Match': (await api.ask('GET', `/v1/pools/${name}`)).headers.get('etag') ?? '' });

describe('a joined pool', () => {
  test('is written with its members alone, and read with what it has from them', async () => {
    const created = await put({ joins: ALL.joins, busy: 'reject' });
    expect(created).toMatchObject({ status: 201, body: { kind: 'Pool', name: 'web-all', joins: ['web-a', 'web-b'], environment, applications, hosts: ['web-01', 'web-02', 'web-03', 'web-04', 'web-05'], capacity: { minInServicePercent: 66 }, traffic: { backend: 'web' }, strategy: 'standard', busy: 'reject' } });
    const { status, ...read } = await api.ask('GET', '/v1/pools/web-all');
    expect([status, read.body]).toEqual([200, created.body]);
    expect((await api.ask('GET', '/v1/pools')).body.items.map(({ name, joins }: { name: string; joins?: string[] }) => [name, joins])).toEqual([['web-a', undefined], ['web-all', ['web-a', 'web-b']], ['web-b', undefined]]);
  });

  test('may stand before its members in one apply, and follows them; the answer tells so', async () => {
    expect((await apply({ ...ALL, name: 'early', joins: ['late-a', 'late-b'] }, { ...a, name: 'late-a' }, { ...b, name: 'late-b' })).documents.map(({ name, action }: { name: string; action: string }) => [name, action])).toEqual([['early', 'created'], ['late-a', 'created'], ['late-b', 'created']]);
    const { documents } = await apply({ ...a, name: 'late-a', hosts: ['web-01'] });
    expect(documents).toMatchObject([{ name: 'late-a', action: 'updated' }, { name: 'early', action: 'updated' }]);
    for (const name of ['early', 'late-a', 'late-b']) expect((await api.ask('DELETE', `/v1/pools/${name}`, { headers: await etagOf(name) })).status).toBe(204);
  });

  test.each<[string, object, string[]]>([
    ['one member', { joins: ['web-a'] }, ['/joins']],
    ['no member', { joins: [] }, ['/joins']],
    ['a member twice', { joins: ['web-a', 'web-a'] }, ['/joins/1']],
    ['members of another kind', { joins: 'web-a' }, ['/joins']],
    ['something else than its members say, all at once', { joins: ['web-a', 'web-b'], environment: 'uat', applications: ['mail'], hosts: ['web-01'], capacity: { minInServicePercent: 1 }, traffic: { driver: 'none' } }, ['/applications', '/capacity', '/environment', '/hosts', '/traffic']],
    ['neither members nor hosts of its own', { busy: 'queue' }, ['/applications', '/environment', '/hosts', '/traffic']],
    ['a member that does not exist', { joins: ['web-a', 'nobody'] }, ['/joins/1']],
    ['itself', { joins: ['web-a', 'wrong'] }, ['/joins/1']],
    ['a joined pool', { joins: ['web-a', 'web-all'] }, ['/joins/1']],
    ['members of different applications', { joins: ['web-a', 'mail'] }, ['/joins/1']],
    ['a strategy that does not exist', { joins: ['web-a', 'web-b'], strategy: 'none' }, ['/strategy']],
  ])('is refused with %s', async (_what, body, expected) => {
    await apply({ ...APPLICATION, name: 'mail' }, { ...b, name: 'mail', applications: ['mail'] });
    const answer = await put(body, 'wrong');
    expect([answer.status, pointers(answer)]).toEqual([422, expected]);
    expect((await api.ask('GET', '/v1/pools/wrong')).status).toBe(404);
  });

  test('that is read, changed and sent back is accepted with what its members give it, and only with that', async () => {
    const read = await api.ask('GET', '/v1/pools/web-all');
    const back = (body: object) => api.ask('PUT', '/v1/pools/web-all', { body, headers: { 'If-Match': read.headers.get('etag') ?? '' } });
    const other = await back({ ...read.body, hosts: [...read.body.hosts].reverse() });
    expect([other.status, pointers(other)]).toEqual([422, ['/hosts']]);
    expect(await back({ ...read.body, busy: 'queue' })).toMatchObject({ status: 200, body: { ...read.body, busy: 'queue' } });
    expect(await apply({ ...read.body, busy: 'queue' })).toMatchObject({ documents: [{ name: 'web-all', action: 'unchanged' }] });
  });

  test('may join pools behind different entries: each keeps its own, and the first one\'s is shown', async () => {
    const intern = { ...traffic, backend: 'intern' };
    await apply({ ...b, name: 'web-intern', traffic: intern }, { kind: 'Pool', name: 'wide', joins: ['web-a', 'web-intern'] });
    expect((await api.ask('GET', '/v1/pools/wide')).body).toMatchObject({ traffic: { backend: 'web' }, hosts: ['web-01', 'web-02', 'web-03', 'web-04', 'web-05'] });
    for (const name of ['wide', 'web-intern']) expect((await api.ask('DELETE', `/v1/pools/${name}`, { headers: await etagOf(name) })).status).toBe(204);
  });

  test('keeps its members together: a change after which one would not fit is refused and names it, and none of them can be deleted', async () => {
    const changed = await api.ask('PUT', '/v1/pools/web-b', { body: { ...b, environment: 'uat' }, headers: await etagOf('web-b') });
    expect([changed.status, changed.body.errors]).toEqual([422, [{ in: 'body', pointer: '/environment', message: 'joined pool web-all would not fit together any more: pool web-b has another environment than pool web-a; joined pools have the same' }]]);
    const gone = await api.ask('DELETE', '/v1/pools/web-b', { headers: await etagOf('web-b') });
    expect(gone).toMatchObject({ status: 409, body: { usedBy: ['pool web-all'] } });
  });

  test('takes no flag of a host, but names the pools that do', async () => {
    for (const verb of ['drain', 'admit']) {
      const answer = await api.ask('POST', `/v1/hosts/web-01/${verb}`, { body: { reason: 'x', pool: 'web-all' } });
      expect([answer.status, answer.body.errors]).toEqual([422, [{ in: 'body', pointer: '/pool', message: 'pool web-all joins web-a, web-b, and a host is taken out in those: name one of them, or leave pool out for all' }]]);
    }
  });
});

describe('the plan of a joined pool', () => {
  beforeAll(async () => {
    await api.ask('DELETE', '/v1/pools/mail', { headers: await etagOf('mail') });
  });

  test('names each member with its floor and its cap, and what every batch takes of it', async () => {
    await apply({ ...STRATEGY, bastion: { count: 0 } });
    const { status, body, text } = await api.ask('POST', '/v1/plans', { body: { pool: 'web-all', changes: [{ application: 'web', version: '2' }] } });
    expect(status, text).toBe(200);
    expect(body.plan.members).toEqual([
      { pool: 'web-a', hosts: ['web-01', 'web-02', 'web-03'], hostsTotal: 3, inService: 3, floor: 2, cap: 1 },
      { pool: 'web-b', hosts: ['web-03', 'web-04', 'web-05'], hostsTotal: 3, inService: 3, floor: 2, cap: 1 },
    ]);
    for (const { members } of body.plan.batches) for (const { hosts } of members) expect(hosts).toBe(1);
    expect(body.plan.batches.flatMap(({ hosts }: { hosts: string[] }) => hosts)).toHaveLength(5);
    expect(body.simulation.inService.lowest).toBeGreaterThanOrEqual(body.simulation.inService.floor);
  });

  test('is another one once the floor of a member is another, and a plan that was read before does not start', async () => {
    const ask = { pool: 'web-all', changes: [{ application: 'web', version: '2' }] };
    const { body } = await api.ask('POST', '/v1/plans', { body: ask });
    await apply({ ...b, capacity: { minInServicePercent: 10 } });
    const started = await api.ask('POST', '/v1/releases', { body: { ...ask, plan: body.id } });
    expect(started.status).toBe(409);
    expect(started.body.differences.map(({ what }: { what: string }) => what)).toEqual(expect.arrayContaining(['pool/web-b', '/members/web-b/floor']));
  });

  test('of a pool that shares hosts tells the other pool and takes no more than its floor allows', async () => {
    const { body } = await api.ask('POST', '/v1/plans', { body: { pool: 'web-a', changes: [{ application: 'web', version: '2' }] } });
    expect(body.plan.members).toEqual([{ pool: 'web-b', hosts: ['web-03'], hostsTotal: 3, inService: 3, floor: 1 }]);
  });
});
