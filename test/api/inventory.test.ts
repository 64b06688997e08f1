import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL, RELEASE, STRATEGY, host, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
});

afterAll(() => api.close());

describe('versions', () => {
  test('an object is created without a version, changed and deleted only with the one that was read', async () => {
    const path = '/v1/strategies/careful';
    const created = await api.ask('PUT', path, { body: {} });
    expect(created).toMatchObject({ status: 201, body: { kind: 'Strategy', name: 'careful', batches: { percent: [25] } } });
    const etag = created.headers.get('etag') ?? '';
    const body = { batches: { percent: [10] } };
    expect((await api.ask('PUT', path, { body })).status).toBe(428);
    expect((await api.ask('PUT', path, { body, headers: { 'if-match': '"999"' } })).status).toBe(412);
    expect((await api.ask('PUT', path, { body, headers: { 'if-match': `W/${etag}` } })).status).toBe(412);
    expect((await api.ask('PUT', path, { body, headers: { 'if-none-match': '*' } })).status).toBe(412);
    const changed = await api.ask('PUT', path, { body, headers: { 'if-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    expect((await api.ask('GET', path, { headers: { 'if-none-match': changed.headers.get('etag') ?? '' } })).status).toBe(304);
    expect((await api.ask('DELETE', path)).status).toBe(428);
    expect((await api.ask('DELETE', path, { headers: { 'if-match': etag } })).status).toBe(412);
    expect((await api.ask('DELETE', path, { headers: { 'if-match': changed.headers.get('etag') ?? '' } })).status).toBe(204);
    expect((await api.ask('GET', path)).status).toBe(404);
    expect((await api.ask('PUT', path, { body, headers: { 'if-match': etag } })).status).toBe(412);
  });

  test('of twenty writers with one version exactly one wins', async () => {
    const path = '/v1/strategies/contested';
    const { headers } = await api.ask('PUT', path, { body: {} });
    const tries = await Promise.all(Array.from({ length: 20 }, (_, index) => api.ask('PUT', path, { body: { tolerance: { total: index + 1 } }, headers: { 'if-match': headers.get('etag') ?? '' } })));
    expect(tries.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 412)]);
  });

  test('of twenty creators exactly one creates and nobody overwrites', async () => {
    const tries = await Promise.all(Array.from({ length: 20 }, (_, index) => api.ask('PUT', '/v1/strategies/raced', { body: { tolerance: { total: index + 1 } } })));
    expect(tries.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 428)]);
  });
});

describe('apply', () => {
  test('documents in any order are stored in one transaction and answered as a difference', async () => {
    const dry = await api.ask('POST', '/v1/apply?dryRun=true', { body: { documents: FLEET } });
    expect(dry.status).toBe(200);
    expect((await api.ask('GET', '/v1/pools')).body.items).toEqual([]);
    const applied = await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
    expect(new Set(applied.body.documents.map(({ action }: { action: string }) => action))).toEqual(new Set(['created']));
    const again = await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
    expect(new Set(again.body.documents.map(({ action }: { action: string }) => action))).toEqual(new Set(['unchanged']));
    const changed = await api.ask('POST', '/v1/apply', { body: { documents: [{ ...POOL, busy: 'reject' }] } });
    expect(changed.body.documents).toMatchObject([{ kind: 'pool', name: 'web-prod', action: 'updated', changes: [{ pointer: '/busy', from: 'queue', to: 'reject' }] }]);
  });

  test('the same fleet as YAML documents is the same fleet', async () => {
    const text = `kind: Strategy\nname: yaml\nbatches: { percent: [20] }\n---\nkind: Host\nname: yaml-01\naddress: "::1"\nexecutor: { driver: local, root: /srv/yaml }\n`;
    const answer = await api.ask('POST', '/v1/apply', { text, headers: { 'content-type': 'application/yaml' } });
    expect(answer.status).toBe(200);
    expect(answer.body.documents.map(({ name }: { name: string }) => name)).toEqual(['yaml', 'yaml-01']);
  });

  test('YAML with aliases, tags, twofold names or other tricks is refused', async () => {
    for (const text of ['a: &x 1\nb: *x\n', 'kind: Strategy\nkind: Host\n', 'kind: !!js/function "x"\n', 'kind: [\n', '"__proto__": {}\n', 'a: &a [*a]\n', '? {a: 1}\n: 2\n', '- '.repeat(30)]) {
      const answer = await api.ask('POST', '/v1/apply', { text, headers: { 'content-type': 'application/yaml' } });
      expect([400, 422], text).toContain(answer.status);
    }
  });

  test('one wrong document stores none, and all complaints come at once', async () => {
    const answer = await api.ask('POST', '/v1/apply', { body: { documents: [{ kind: 'Strategy', name: 'half' }, { kind: 'Host', name: 'BAD', address: ';id', executor: { driver: 'local', root: '../x' } }, { kind: 'Nothing', name: 'x' }] } });
    expect(pointers(answer)).toEqual(['/documents/1/address', '/documents/1/executor/root', '/documents/1/name', '/documents/2/kind']);
    expect((await api.ask('GET', '/v1/strategies/half')).status).toBe(404);
  });

  test('names that lead nowhere and variables that reach no host are pointed at', async () => {
    const documents = [{ ...POOL, name: 'lost', applications: ['web', 'ghost'], hosts: ['web-01', 'nohost'], strategy: 'none' }];
    expect(pointers(await api.ask('POST', '/v1/apply', { body: { documents } }))).toEqual(['/documents/0/applications/1', '/documents/0/hosts/1', '/documents/0/strategy']);
    const bare = { ...host('bare-01'), variables: {} };
    const answer = await api.ask('POST', '/v1/apply', { body: { documents: [bare, { ...POOL, name: 'bare', hosts: ['bare-01', 'web-01'] }] } });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toMatchObject({ pointer: '/documents/1/hosts/0', message: expect.stringContaining('${port}') });
    const twice = await api.ask('POST', '/v1/apply', { body: { documents: [STRATEGY, STRATEGY] } });
    expect(pointers(twice)).toEqual(['/documents/1/name']);
  });

  test('a variable in any text of a health check, also of a bastion, must reach every host', async () => {
    const health = [
      { http: { path: '/${a}', port: 1, headers: { H: '${b}' }, body: '${c}', json: { path: 'x', equals: '${d}' } } },
      { tcp: { port: '${e}' } },
      { command: { command: ['x', '${f}'] } },
      { tcp: { port: '${host.name}' } },
    ];
    const documents = [{ ...APPLICATION, health }, { ...STRATEGY, bastion: { health: [{ tcp: { port: '${g}' } }] } }];
    const answer = await api.ask('POST', '/v1/apply', { body: { documents } });
    expect(answer.status).toBe(422);
    expect([...new Set(pointers(answer))]).toEqual([
      '/documents/0/health/0/http/body', '/documents/0/health/0/http/headers/H', '/documents/0/health/0/http/json/equals', '/documents/0/health/0/http/path',
      '/documents/0/health/1/tcp/port', '/documents/0/health/2/command/command/1', '/documents/0/health/3/tcp/port', '/documents/1/bastion/health/0/tcp/port',
    ]);
    const alone = await api.ask('POST', '/v1/apply', { body: { documents: [documents[1]] } });
    expect(pointers(alone)).toContain('/documents/0/bastion/health/0/tcp/port');
  });

  test('a host that pools use cannot lose a variable they need, nor be deleted', async () => {
    const read = await api.ask('GET', '/v1/hosts/web-01');
    const headers = { 'if-match': read.headers.get('etag') ?? '' };
    expect(pointers(await api.ask('PUT', '/v1/hosts/web-01', { body: { ...read.body, variables: {} }, headers }))).toContain('/variables');
    const inUse = await api.ask('DELETE', '/v1/hosts/web-01', { headers });
    expect(inUse).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:in-use', usedBy: ['pool web-prod'] } });
  });

  test('what runs on a release that has not ended cannot be deleted', async () => {
    await api.ask('POST', '/v1/packages', { body: packageOf('2') });
    const { body } = await api.ask('POST', '/v1/releases', { body: RELEASE });
    const pool = await api.ask('GET', '/v1/pools/web-prod');
    const refused = await api.ask('DELETE', '/v1/pools/web-prod', { headers: { 'if-match': pool.headers.get('etag') ?? '' } });
    expect(refused).toMatchObject({ status: 409, body: { usedBy: [`release ${body.id}`] } });
  });

  test('two hosts of a pool cannot be one server of the balancer', async () => {
    const answer = await api.ask('POST', '/v1/apply', { body: { documents: [{ ...POOL, name: 'shared', traffic: { ...POOL.traffic, server: 'same' } }] } });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toMatchObject({ pointer: '/documents/0/traffic/server', message: expect.stringContaining('would both be server same') });
  });
});

test('pages of inventory follow the names, and what is read can be written back', async () => {
  const first = await api.ask('GET', '/v1/hosts?limit=2');
  expect(first.body.items.map(({ name }: { name: string }) => name)).toEqual(['web-01', 'web-02']);
  const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
  expect((await api.ask('GET', link)).body.items.map(({ name }: { name: string }) => name)).toEqual(['web-03', 'web-04']);
  const read = await api.ask('GET', '/v1/applications/web');
  const written = await api.ask('PUT', '/v1/applications/web', { body: read.body, headers: { 'if-match': read.headers.get('etag') ?? '' } });
  expect(written.status).toBe(200);
  expect(written.body).toEqual(read.body);
  expect(written.headers.get('etag')).toBe(read.headers.get('etag'));
});

test('a body may not say another name or kind than its path', async () => {
  expect(pointers(await api.ask('PUT', '/v1/applications/other', { body: APPLICATION }))).toEqual(['/name']);
  expect(pointers(await api.ask('PUT', '/v1/hosts/web', { body: { kind: 'Application', address: 'a', executor: { driver: 'local', root: '/x' } } }))).toEqual(['/kind']);
});
