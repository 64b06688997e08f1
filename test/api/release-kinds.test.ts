/** Asking for a kind of release: what it may bring, what it brings by itself, and the strategy it follows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getInventoryOf } from '../../db/queries.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { endAs, rollOn } from './release-story.ts';
import { FLEET, POOL, host, packageOf } from './samples.ts';
import type { Answered, ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let pools = 0;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: [...FLEET, SLOW] } });
  for (const version of ['1', '2']) await api.ask('POST', '/v1/packages', { body: packageOf(version) });
});

afterAll(() => api.close());

const SLOW = { kind: 'Strategy', name: 'slow', bastion: { count: 1, bakeSeconds: 600, promote: 'manual' }, batches: { percent: [25], bakeSeconds: 300 }, postRelease: { watchSeconds: 900 } };

/** A pool with hosts of its own, so that the tests do not queue behind one another. */
async function ownPool(): Promise<string> {
  pools += 1;
  const pool = `kinds-${pools}`;
  const hosts = [1, 2, 3, 4].map((index) => `${pool}-${index}`);
  const documents = [...hosts.map((name) => host(name)), { ...POOL, name: pool, hosts, strategy: 'slow' }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  return pool;
}

const ask = (pool: string, body: object): Promise<Answered> => api.ask('POST', '/v1/releases', { body: { pool, ...body } });
const web = (version: string) => ({ changes: [{ application: 'web', version }] });

/** A pool on which these versions were released with success, one after the other. */
async function poolThatRan(...versions: string[]): Promise<{ readonly pool: string; readonly last: string }> {
  const pool = await ownPool();
  let last = '';
  for (const version of versions) {
    last = (await ask(pool, web(version))).body.id;
    await endAs(api.db, last, 'succeeded');
  }
  return { pool, last };
}

async function read({ body }: Answered): Promise<any> {
  return (await api.ask('GET', `/v1/releases/${body.id}`)).body;
}

describe('the kind of a release', () => {
  test('is a rollout unless another is asked for, and reads as it was asked for', async () => {
    const { pool } = await poolThatRan('1');
    expect((await read(await ask(pool, web('2')))).kind).toBe('rollout');
    for (const kind of ['hotfix', 'scale-out', 'redeploy']) expect((await read(await ask(pool, { kind, ...web('1') }))).kind).toBe(kind);
    const { items } = (await api.ask('GET', `/v1/releases?pool=${pool}`)).body;
    expect(items.map(({ kind }: { kind: string }) => kind)).toEqual(expect.arrayContaining(['hotfix', 'scale-out', 'redeploy', 'rollout']));
  });

  test('becomes the strategy that is captured with the request', async () => {
    const { pool } = await poolThatRan('1');
    const strategyOf = async (kind: string) => (await getInventoryOf(api.db, (await ask(pool, { kind, ...web('1') })).body.id)).strategy;
    expect(await strategyOf('hotfix')).toMatchObject({ bastion: { count: 1, bakeSeconds: 30, promote: 'manual' }, batches: { bakeSeconds: 30 }, postRelease: { watchSeconds: 30 } });
    expect(await strategyOf('scale-out')).toMatchObject({ bastion: { count: 0 }, batches: { bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } });
    expect(await strategyOf('redeploy')).toMatchObject({ bastion: { count: 0 }, batches: { bakeSeconds: 300 }, postRelease: { watchSeconds: 900 } });
  });

  test('shows in a plan before anything is started, and warns of no unproven build where it is proven', async () => {
    const { pool } = await poolThatRan('1');
    const { plan, plannedWaitSeconds } = (await api.ask('POST', '/v1/plans', { body: { pool, kind: 'scale-out' } })).body;
    expect(plan.batches.map(({ kind }: { kind: string }) => kind)).toEqual(['batch', 'batch', 'batch', 'batch']);
    expect([plan.warnings, plan.changes, plannedWaitSeconds]).toEqual([[], [expect.objectContaining({ version: '1' })], 0]);
  });

  test.each(['/v1/releases', '/v1/plans'])('cannot be rollback at %s: the complaint says where to ask', async (path) => {
    const answer = await api.ask('POST', path, { body: { pool: 'web-prod', kind: 'rollback', ...web('1') } });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/kind', message: expect.stringContaining('send it the command `rollback`') }] } });
  });

  test('is refused with every other complaint at once when nobody knows it', async () => {
    const answer = await api.ask('POST', '/v1/releases', { body: { pool: 'web-prod', kind: 'sideways', busy: 'never', ...web('1') } });
    expect([answer.status, pointers(answer)]).toEqual([422, ['/busy', '/kind']]);
  });
});

describe('changes', () => {
  test.each(['rollout', 'hotfix', undefined])('are required of kind %s', async (kind) => {
    const answer = await ask('web-prod', kind === undefined ? {} : { kind });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/changes', message: expect.stringContaining('is required') }] } });
  });

  test.each(['scale-out', 'redeploy'])('of a %s are what the pool runs unless they are named', async (kind) => {
    const { pool } = await poolThatRan('1', '2');
    expect((await read(await ask(pool, { kind }))).changes).toMatchObject([{ application: 'web', to: '2' }]);
  });

  test.each(['scale-out', 'redeploy'])('of a %s cannot be known where nothing has succeeded: the complaint says what to do', async (kind) => {
    const pool = await ownPool();
    await rollOn(api.db, (await ask(pool, web('1'))).body.id);
    expect(await ask(pool, { kind })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/changes', message: expect.stringContaining('ask for a rollout before this') }] } });
  });
});

describe('a version that has not proved itself', () => {
  test('is refused by a scale-out; one that has succeeded before is taken', async () => {
    const { pool, last } = await poolThatRan('1');
    const refused = await ask(pool, { kind: 'scale-out', ...web('2') });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/changes/0/version', message: expect.stringContaining(`runs web 1 since release ${last}; ask for a rollout of web=2`) }] } });
    const two = await poolThatRan('1', '2');
    expect((await ask(two.pool, { kind: 'scale-out', ...web('1') })).status).toBe(202);
  });

  test('is refused by a redeploy, and so is one that the pool ran before', async () => {
    const { pool } = await poolThatRan('2', '1');
    expect(pointers(await ask(pool, { kind: 'redeploy', ...web('2') }))).toEqual(['/changes/0/version']);
    expect((await ask(pool, { kind: 'redeploy', ...web('1') })).status).toBe(202);
  });

  test('is complained of together with everything else', async () => {
    const answer = await ask('web-prod', { kind: 'redeploy', strategy: 'nowhere', changes: [{ application: 'web', version: '2' }, { application: 'ghost', version: '1' }] });
    expect(new Set(pointers(answer))).toEqual(new Set(['/strategy', '/changes/0/version', '/changes/1/application', '/changes/1/version']));
  });
});

describe('the pool of a release that runs', () => {
  test('can be given other hosts meanwhile; a host of the release that it gave up cannot be deleted before the end', async () => {
    const pool = await ownPool();
    const id = (await ask(pool, web('1'))).body.id;
    await rollOn(api.db, id);
    const [, , , gone = '', fresh = `${pool}-5`] = [1, 2, 3, 4].map((index) => `${pool}-${index}`);
    expect((await api.ask('POST', '/v1/apply', { body: { documents: [host(fresh)] } })).status).toBe(200);
    const current = await api.ask('GET', `/v1/pools/${pool}`);
    const hosts = current.body.hosts.map((name: string) => (name === gone ? fresh : name));
    const changed = await api.ask('PUT', `/v1/pools/${pool}`, { body: { ...current.body, hosts }, headers: { 'if-match': current.headers.get('etag') ?? '' } });
    expect(changed, changed.text).toMatchObject({ status: 200, body: { hosts } });
    const { headers } = await api.ask('GET', `/v1/hosts/${gone}`);
    const deleted = await api.ask('DELETE', `/v1/hosts/${gone}`, { headers: { 'if-match': headers.get('etag') ?? '' } });
    expect(deleted).toMatchObject({ status: 409, body: { detail: expect.stringContaining(`release ${id}`) } });
  });
});
