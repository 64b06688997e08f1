/** Deadlines that a later version brings: their defaults may be written out, any other value is refused where it stands. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiUnderTest } from './api-under-test.ts';
import type { ApiUnderTest, Answered } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
});

afterAll(() => api.close());

const DEFAULTS = { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3_600 };
const LATER = ['targetSeconds', 'progressSeconds', 'releaseSeconds', 'rollbackSeconds'] as const;

let strategies = 0;
const put = (deadlines: unknown): Promise<Answered> => api.ask('PUT', `/v1/strategies/deadlines-${(strategies += 1)}`, { body: { deadlines } });
const notYet = (...pointers: readonly string[]) => pointers.map((pointer) => ({ in: 'body', pointer, message: 'not available yet' }));

describe.each(LATER)('the deadline %s', (name) => {
  test.each([1, DEFAULTS[name] - 1, DEFAULTS[name] + 1, 60 * 86_400])('as %d is refused as not available yet, and nothing is stored', async (value) => {
    const answer = await put({ [name]: value });
    expect(answer.status, answer.text).toBe(422);
    expect(answer.body.errors).toEqual(notYet(`/deadlines/${name}`));
    expect((await api.ask('GET', `/v1/strategies/deadlines-${strategies}`)).status).toBe(404);
  });

  test('as its default is accepted and read back', async () => {
    expect((await put({ [name]: DEFAULTS[name] })).status).toBe(201);
    expect((await api.ask('GET', `/v1/strategies/deadlines-${strategies}`)).body).toMatchObject({ deadlines: DEFAULTS });
  });

  test.each([['a text', '300'], ['nothing', null], ['a list', [300]]])('as %s is wrong, now and later', async (_, value) => {
    const { status, body } = await put({ [name]: value });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ pointer: `/deadlines/${name}`, message: expect.not.stringContaining('not available yet') }]);
  });
});

test('all of them are refused at once, beside whatever else is wrong', async () => {
  const answer = await put({ ...Object.fromEntries(LATER.map((name) => [name, 7])), stepSeconds: 0 });
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual(expect.arrayContaining(notYet(...LATER.map((name) => `/deadlines/${name}`))));
  expect(answer.body.errors).toHaveLength(LATER.length + 1);
  expect(answer.body.errors).toContainEqual(expect.objectContaining({ pointer: '/deadlines/stepSeconds', message: expect.not.stringContaining('not available yet') }));
});

test('the deadline of a step is in force and may be any', async () => {
  expect((await put({ stepSeconds: 7 })).status).toBe(201);
  expect((await api.ask('GET', `/v1/strategies/deadlines-${strategies}`)).body).toMatchObject({ deadlines: { ...DEFAULTS, stepSeconds: 7 } });
});

test('in an applied file the pointer names the document', async () => {
  const documents = [{ kind: 'Strategy', name: 'fine', deadlines: DEFAULTS }, { kind: 'Strategy', name: 'later', deadlines: { ...DEFAULTS, releaseSeconds: 60 } }];
  const answer = await api.ask('POST', '/v1/apply', { body: { documents } });
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual(notYet('/documents/1/deadlines/releaseSeconds'));
  expect((await api.ask('GET', '/v1/strategies/fine')).status).toBe(404);
});
