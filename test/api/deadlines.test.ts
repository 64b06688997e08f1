/** Every deadline of a strategy may be chosen, and is refused where it stands when it is no time. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest } from './api-under-test.ts';
import type { ApiUnderTest, Answered } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
});

afterAll(() => api.close());

const DEFAULTS = { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3_600 };
const NAMES = ['stepSeconds', 'targetSeconds', 'progressSeconds', 'releaseSeconds', 'rollbackSeconds'] as const;

let strategies = 0;
const put = (deadlines: unknown): Promise<Answered> => api.ask('PUT', `/v1/strategies/deadlines-${(strategies += 1)}`, { body: { deadlines } });
const readBack = async () => (await api.ask('GET', `/v1/strategies/deadlines-${strategies}`)).body;

describe.each(NAMES)('the deadline %s', (name) => {
  test('may be any time, and the others keep their defaults', async () => {
    const value = DEFAULTS[name] + 7;
    expect((await put({ [name]: value })).status).toBe(201);
    expect(await readBack()).toMatchObject({ deadlines: { ...DEFAULTS, [name]: value } });
  });

  test.each([['a text', '300'], ['nothing', null], ['a list', [300]], ['no time at all', 0], ['half a second', 0.5]])('as %s is refused where it stands, and nothing is stored', async (_, value) => {
    const { status, body } = await put({ [name]: value });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ pointer: `/deadlines/${name}`, message: expect.not.stringContaining('not available yet') }]);
    expect((await api.ask('GET', `/v1/strategies/deadlines-${strategies}`)).status).toBe(404);
  });
});

test('without a word all of them have their defaults', async () => {
  expect((await put({})).status).toBe(201);
  expect(await readBack()).toMatchObject({ deadlines: DEFAULTS });
});

test('all that are wrong are told at once', async () => {
  const answer = await put(Object.fromEntries(NAMES.map((name) => [name, 0])));
  expect(answer.body.errors).toHaveLength(NAMES.length);
});

test('in an applied file the pointer names the document', async () => {
  const documents = [{ kind: 'Strategy', name: 'fine', deadlines: DEFAULTS }, { kind: 'Strategy', name: 'wrong', deadlines: { ...DEFAULTS, releaseSeconds: 0 } }];
  const answer = await api.ask('POST', '/v1/apply', { body: { documents } });
  expect(answer.body.errors).toMatchObject([{ pointer: '/documents/1/deadlines/releaseSeconds' }]);
  expect((await api.ask('GET', '/v1/strategies/fine')).status).toBe(404);
});
