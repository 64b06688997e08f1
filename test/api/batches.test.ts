/** Strategies of every form through the API: stored with their defaults, planned with everything that counts for each batch. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { openRelease } from '../../db/requests.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, POOL, RELEASE, host, packageOf } from './samples.ts';
import { rollOn } from './release-story.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

const HOSTS = Array.from({ length: 10 }, (_, index) => ({ ...host(`web-${String(index + 1).padStart(2, '0')}`, index < 5 ? 'idc-a' : 'idc-b'), ...(index === 3 ? { labels: { role: 'canary' } } : {}) }));

beforeAll(async () => {
  api = await startApiUnderTest();
  const documents = [APPLICATION, ...HOSTS, { ...POOL, hosts: HOSTS.map(({ name }) => name) }, { kind: 'Strategy', name: 'standard' }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  expect((await api.ask('POST', '/v1/packages', { body: packageOf('2') })).status).toBe(201);
});

afterAll(() => api.close());

let strategies = 0;
const put = async (strategy: object): Promise<string> => {
  const name = `form-${(strategies += 1)}`;
  const answer = await api.ask('PUT', `/v1/strategies/${name}`, { body: strategy });
  expect(answer.status, answer.text).toBe(201);
  return name;
};
const plan = async (strategy: object, more: object = {}) => api.ask('POST', '/v1/plans', { body: { ...RELEASE, strategy: await put(strategy), ...more } });

describe('a strategy', () => {
  test('is stored with a default for whatever it leaves open, and what is read may be written again', async () => {
    const name = await put({ batches: { count: [1, 3] }, bastion: { hosts: ['web-03', 'web-04'] } });
    const stored = await api.ask('GET', `/v1/strategies/${name}`);
    expect(stored.body).toMatchObject({
      bastion: { count: 2, hosts: ['web-03', 'web-04'], label: null, skipIn: [] },
      batches: { percent: [], count: [1, 3], hosts: [], mode: 'barrier', by: 'spread', firstZoneBakeSeconds: null, pauseSeconds: 0, pauseOnce: null, verification: 'required', each: [] },
    });
    const { kind: _kind, version: _version, ...spec } = stored.body;
    const again = await api.ask('PUT', `/v1/strategies/${name}`, { body: spec, headers: { 'if-match': stored.headers.get('etag') ?? '' } });
    expect(again.status, again.text).toBe(200);
  });
});

describe('a plan', () => {
  test('says for each batch what counts, after defaults and overrides', async () => {
    const { status, body, text } = await plan({
      bastion: { label: { role: 'canary' } },
      batches: { percent: [30], by: 'zone', firstZoneBakeSeconds: 60, pauseSeconds: 5, each: [{ index: 1, count: 1, tolerance: 1, verification: 'ignored' }, { index: 3, mode: 'window', advance: 'manual' }] },
      tolerance: { perBatch: 0, total: 1 },
    });
    expect(status, text).toBe(200);
    expect(body.plan.batches).toEqual([
      { index: 0, kind: 'bastion', hosts: ['web-04'], lanes: 1, bakeSeconds: 10, manual: false, mode: 'barrier', pauseSeconds: 0, verification: 'required', tolerance: 0 },
      { index: 1, kind: 'batch', zone: 'idc-a', hosts: ['web-01'], lanes: 1, bakeSeconds: 2, manual: false, mode: 'barrier', pauseSeconds: 5, verification: 'ignored', tolerance: 1 },
      { index: 2, kind: 'batch', zone: 'idc-a', hosts: ['web-02', 'web-03', 'web-05'], lanes: 3, bakeSeconds: 60, manual: false, mode: 'barrier', pauseSeconds: 5, verification: 'required', tolerance: 0 },
      { index: 3, kind: 'batch', zone: 'idc-b', hosts: ['web-06', 'web-07', 'web-08'], lanes: 3, bakeSeconds: 2, manual: true, mode: 'window', pauseSeconds: 5, verification: 'required', tolerance: 0 },
      { index: 4, kind: 'batch', zone: 'idc-b', hosts: ['web-09', 'web-10'], lanes: 2, bakeSeconds: 2, manual: false, mode: 'barrier', pauseSeconds: 0, verification: 'required', tolerance: 0 },
    ]);
    expect(body.plan.batchCap).toEqual({ percent: 33, hosts: 3 });
    expect(body.plannedWaitSeconds).toBe(10 + 2 + 60 + 2 + 2 + 2 * 5 + 10);
  });

  test('of a strategy whose names the pool does not have is refused with all of them', async () => {
    const answer = await plan({ bastion: { hosts: ['web-77'] }, batches: { hosts: [['web-78', 'web-01']] } });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer, message }: { pointer: string; message: string }) => `${pointer} ${message.split(';')[0]}`)).toEqual([
      expect.stringContaining('/strategy Strategy form-'), expect.stringContaining('lists web-78 in batches.hosts'),
    ]);
    expect(answer.text).toContain('names web-77 as bastion');
  });

  test('of a strategy under which a check of the application can never pass is refused', async () => {
    const answer = await plan({ deadlines: { stepSeconds: 1 } });
    expect(answer.status).toBe(200);
    const slow = { ...APPLICATION, health: [{ ...APPLICATION.health[0], passes: 10, intervalMs: 1000 }] };
    const etag = (await api.ask('GET', '/v1/applications/web')).headers.get('etag') ?? '';
    expect((await api.ask('PUT', '/v1/applications/web', { body: slow, headers: { 'if-match': etag } })).status).toBe(200);
    const refused = await plan({ deadlines: { stepSeconds: 8 } });
    expect(refused.body.errors).toMatchObject([{ pointer: '/strategy', message: expect.stringMatching(/^health check 0 of application web can never pass under strategy form-\d+: 10 passes, 1000 ms apart, take at least 9 s, but a step has only 8 s/) }]);
    expect((await plan({ deadlines: { stepSeconds: 9 } })).status).toBe(200);
  });
});

describe('the cap per batch', () => {
  test('refuses a wider batch with its number, its size and the way out', async () => {
    const answer = await plan({ batches: { percent: [50] } });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toMatchObject([{ pointer: '/strategy', message: expect.stringContaining('puts 5 hosts into batch 1') }]);
    expect(answer.body.errors[0].message).toContain('no batch of pool web-prod may take more than 3 of its 10 hosts (33 %). Make batches of at most 3 hosts, or release with batchCapPercent: 50 and a reason.');
  });

  test('is raised only with a reason, within its bounds', async () => {
    const strategy = { batches: { percent: [50] } };
    expect(pointers(await plan(strategy, { batchCapPercent: 50 }))).toEqual(['/batchCapPercent']);
    expect(pointers(await plan(strategy, { batchCapPercent: 51, reason: 'night' }))).toEqual(['/batchCapPercent']);
    expect(pointers(await plan(strategy, { batchCapPercent: 33, reason: 'night' }))).toEqual(['/batchCapPercent']);
    const raised = await plan(strategy, { batchCapPercent: 50, reason: 'night' });
    expect(raised.body.plan).toMatchObject({ batchCap: { percent: 50, hosts: 5 }, warnings: expect.arrayContaining(['The cap per batch is raised from 33 to 50 % of the pool: night']) });
  });

  test('that was raised is kept with who and why in the first event of the release', async () => {
    const body = { ...RELEASE, strategy: await put({ batches: { percent: [50] } }), batchCapPercent: 50, reason: 'night' };
    const asked = await api.ask('POST', '/v1/releases', { body });
    expect(asked.status, asked.text).toBe(202);
    await openRelease(api.db, { release: asked.body.id });
    const [first] = await readReleaseEvents(api.db, { release: asked.body.id, limit: 1 });
    expect(first).toMatchObject({ type: 'release-requested', data: { batchCapPercent: 50, reason: 'night', requestedBy: 'tester' } });
  });
});

test('a release says for each of its batches what counts', async () => {
  const asked = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, strategy: await put({ batches: { mode: 'window', each: [{ index: 0, bakeSeconds: 77 }] } }), busy: 'queue' } });
  await rollOn(api.db, asked.body.id);
  const { body } = await api.ask('GET', `/v1/releases/${asked.body.id}`);
  expect(body.batches).toMatchObject([
    { kind: 'bastion', bakeSeconds: 77, lanes: 1 },
    { kind: 'batch', mode: 'window', lanes: 2, bakeSeconds: 2, pauseSeconds: 0, manual: false, verification: 'required', tolerance: 0, zone: null },
  ]);
});
