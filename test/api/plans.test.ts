import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { endAs } from './release-story.ts';
import { FLEET, POOL, RELEASE, STRATEGY, host, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await apply(...FLEET);
  for (const version of ['1', '2']) expect((await api.ask('POST', '/v1/packages', { body: packageOf(version) })).status).toBe(201);
});

afterAll(() => api.close());

async function apply(...documents: readonly object[]): Promise<void> {
  expect(await api.ask('POST', '/v1/apply', { body: { documents } })).toMatchObject({ status: 200 });
}

async function planned(body: object = RELEASE): Promise<any> {
  const answer = await api.ask('POST', '/v1/plans', { body });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

describe('a plan', () => {
  test('is played through: when each batch begins and ends, how many hosts serve, which waits there are, and how long it takes', async () => {
    const { plan, simulation, plannedWaitSeconds } = await planned();
    const { timeline } = simulation;
    expect(timeline.filter(({ batch }: { batch: object | null }) => batch !== null).map(({ batch }: { batch: { part: string; hosts: string[] } }) => [batch.part, batch.hosts])).toEqual([
      ['install', plan.batches[0].hosts],
      ['join', plan.batches[0].hosts],
      ...plan.batches.slice(1).map(({ hosts }: { hosts: string[] }) => ['whole', hosts]),
    ]);
    expect(simulation).toMatchObject({ basis: 'default', endsAs: 'succeeded', inService: { lowest: 3, floor: 3 } });
    expect(timeline.at(-1).endSeconds).toBeCloseTo(simulation.p50Seconds, 0);
    expect(simulation.p90Seconds).toBeGreaterThan(simulation.p50Seconds);
    expect(plannedWaitSeconds).toBe(timeline.reduce((sum: number, { wait }: { wait: { seconds: number } | null }) => sum + (wait?.seconds ?? 0), 0));
  });

  test('lists a wait for a person, and counts nothing for it', async () => {
    await apply({ ...STRATEGY, bastion: { count: 1, bakeSeconds: 0, promote: 'manual' } });
    const { simulation } = await planned();
    expect(simulation.timeline.flatMap(({ wait }: { wait: { seconds: number | null } | null }) => (wait?.seconds === null ? [wait] : []))).toEqual([{ for: 'promote', seconds: null, who: 'an operator with promote' }]);
    await apply(STRATEGY);
  });

  test('has the same id as long as nothing changes, and another one when anything does', async () => {
    const { id, expiresAt } = await planned();
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 6 * 24 * 3_600_000);
    expect((await planned()).id).toBe(id);
    expect((await planned({ ...RELEASE, changes: [{ application: 'web', version: '1' }] })).id).not.toBe(id);
    await apply(host('web-04', 'idc-c'));
    expect((await planned()).id).not.toBe(id);
  });

  test('says what is different from the last good release of the pool', async () => {
    expect((await planned()).different).toBeNull();
    const asked = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, changes: [{ application: 'web', version: '1' }] } });
    await endAs(api.db, asked.body.id, 'succeeded');
    await apply({ ...STRATEGY, postRelease: { watchSeconds: 77 } }, host('web-05'), { ...POOL, hosts: ['web-02', 'web-03', 'web-04', 'web-05'] });
    expect((await planned()).different).toMatchObject({
      release: asked.body.id,
      versions: [{ application: 'web', from: '1', to: '2' }],
      config: [],
      strategy: [{ pointer: '/postRelease/watchSeconds', to: 77 }],
      hosts: { joined: ['web-05'], left: ['web-01'] },
      batches: { from: 4, to: 4 },
    });
    await apply(STRATEGY, POOL);
  });
});

describe('a release that names its plan', () => {
  test('starts when it would still do what the plan says, and tells its worker that it is planned', async () => {
    const { id } = await planned();
    const asked = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, plan: id } });
    expect(asked.status, asked.text).toBe(202);
    const row = await api.db.kysely.selectFrom('release_requests').select('request').where('id', '=', asked.body.id).executeTakeFirst();
    expect(row?.request).toMatchObject({ plan: id, paces: { days: expect.any(Array) } });
  });

  test('is refused with every difference when strategy, hosts or packages have changed, and nothing is started', async () => {
    const { id } = await planned();
    await apply({ ...STRATEGY, batches: { bakeSeconds: 33 } }, host('web-06'), { ...POOL, hosts: [...POOL.hosts, 'web-06'] });
    const before = await api.ask('GET', '/v1/releases?limit=200');
    const answer = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, plan: id } });
    expect(answer).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:plan-outdated' } });
    const sentences: string[] = answer.body.differences.map(({ sentence }: { sentence: string }) => sentence);
    expect(sentences).toEqual(expect.arrayContaining([
      'host web-06 has come in.',
      expect.stringMatching(/^strategy standard was changed: it stood at version \d+ and stands at \d+\.$/),
      expect.stringMatching(/^pool web-prod was changed/),
      'capacity.hosts was 4 and is 5.',
      expect.stringMatching(/^Batch 1: bakeSeconds was 2 and is 33\.$/),
    ]));
    expect(answer.body.differencesTotal).toBe(sentences.length);
    expect((await api.ask('GET', '/v1/releases?limit=200')).body.items.length).toBe(before.body.items.length);
    await apply(STRATEGY, POOL);
  });

  test('is refused when it asks for another version than the plan', async () => {
    const { id } = await planned();
    const answer = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, changes: [{ application: 'web', version: '1' }], plan: id } });
    expect(answer.status).toBe(409);
    expect(answer.text).toContain('It released web 2 (aaaaaaaaaaaa) and would release web 1 (aaaaaaaaaaaa).');
  });

  test('is refused when nobody knows the plan, or it is no id at all', async () => {
    const unknown = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, plan: 'f'.repeat(64) } });
    expect([unknown.status, pointers(unknown)]).toEqual([422, ['/plan']]);
    const wrong = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, plan: 'latest' } });
    expect([wrong.status, pointers(wrong)]).toEqual([422, ['/plan']]);
  });
});
