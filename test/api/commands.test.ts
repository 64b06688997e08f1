import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from 'kysely';
import { settleCommand } from '../../db/commands.ts';
import { openRelease } from '../../db/requests.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { append, endAs, rollOn } from './release-story.ts';
import { FLEET, POOL, RELEASE, packageOf } from './samples.ts';
import { until } from '../support/until.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let pools = 0;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
});

afterAll(() => api.close());

/** A release in a pool of its own, with hosts of its own, so that the tests do not queue behind one another. */
async function newRelease(): Promise<string> {
  pools += 1;
  const names = [1, 2, 3].map((index) => `p${pools}-${index}`);
  const documents = [...FLEET.filter(({ kind }) => kind === 'Host').slice(0, 3).map((one, index) => ({ ...one, name: names[index] })), { ...POOL, name: `pool-${pools}`, hosts: names }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  return again(`pool-${pools}`);
}

async function again(pool: string): Promise<string> {
  const asked = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, pool } });
  expect(asked.status).toBe(202);
  return asked.body.id;
}

const command = (id: string, body: object, query = '', headers = {}) => api.ask('POST', `/v1/releases/${id}/commands${query}`, { body: { reason: 'because', ...body }, headers });

test('a command is stored with its outbox entry before it is answered, and its receipt can be read', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const sent = await command(id, { type: 'pause' });
  expect(sent).toMatchObject({ status: 202, body: { type: 'pause', state: 'accepted', by: 'tester', reason: 'because', release: id } });
  expect((await api.ask('GET', sent.headers.get('location') ?? '')).body).toEqual(sent.body);
  const { rows } = await sql<{ payload: unknown }>`select payload from outbox where kind = 'command' and release = ${id}`.execute(api.db.kysely);
  expect(rows).toEqual([{ payload: { commandId: sent.body.id } }]);
  expect((await api.ask('GET', `/v1/releases/r-000000000000/commands/${sent.body.id}`)).status).toBe(404);
});

test('a command the release forbids is refused at once with the commands it allows', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const { body } = await api.ask('GET', `/v1/releases/${id}`);
  const sent = await command(id, { type: 'resume' });
  expect(sent).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:refused', code: 'not-paused', allowed: body.allowedCommands } });
  expect(body.allowedCommands).toContain('pause');
  const { rows } = await sql`select id from commands where release = ${id}`.execute(api.db.kysely);
  expect(rows).toEqual([]);
});

test('waiting ends with the outcome: applied answers the receipt, refused the same body as an early refusal', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const settle = async (state: 'applied' | 'refused'): Promise<void> => {
    const row = await until('the command is stored', () => api.db.kysely.selectFrom('commands').select('id').where('release', '=', id).where('state', '=', 'accepted').executeTakeFirst());
    await settleCommand(api.db, { id: row.id, state, ...(state === 'refused' ? { refusal: { code: 'not-allowed', message: 'Too late.', allowed: ['rollback'] } } : {}) });
  };
  const [applied] = await Promise.all([command(id, { type: 'pause' }, '?waitSeconds=20'), settle('applied')]);
  expect(applied).toMatchObject({ status: 202, body: { state: 'applied' } });
  const [late] = await Promise.all([command(id, { type: 'pause' }, '?waitSeconds=20'), settle('refused')]);
  expect(late).toMatchObject({ status: 409, body: { type: 'urn:signalbox:problem:refused', code: 'not-allowed', allowed: ['rollback'], receipt: { state: 'refused' } } });
  expect((await api.ask('GET', `/v1/releases/${id}/commands/${late.body.receipt.id}?waitSeconds=5`)).body).toMatchObject({ state: 'refused', refusal: { message: 'Too late.' } });
});

test('a wait that runs out answers the receipt as it stands', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  expect(await command(id, { type: 'pause' }, '?waitSeconds=1')).toMatchObject({ status: 202, body: { state: 'accepted' } });
  expect((await command(id, { type: 'pause' }, '?waitSeconds=61')).status).toBe(422);
});

test('a command sent twice with one key is one command', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const headers = { 'idempotency-key': `twice-${id}` };
  const answers = await Promise.all([1, 2, 3].map(() => command(id, { type: 'pause' }, '', headers)));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
});

test('a command meant for an older version is refused, except abort and rollback', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  expect(await command(id, { type: 'pause', ifVersion: 1 })).toMatchObject({ status: 409, body: { code: 'stale-version' } });
  const { body } = await api.ask('GET', `/v1/releases/${id}`);
  expect((await command(id, { type: 'pause', ifVersion: body.version })).status).toBe(202);
  expect((await command(id, { type: 'rollback', ifVersion: 1 })).status).toBe(202);
  expect((await command(id, { type: 'abort', ifVersion: 1 })).status).toBe(202);
});

test('fields that a command does not take, and targets that are none, are refused with pointers', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  expect(pointers(await command(id, { type: 'pause', mode: 'regular' }))).toEqual(['/mode']);
  expect(pointers(await command(id, { type: 'rollback', mode: 'fast' }))).toEqual(['/mode']);
  expect(pointers(await command(id, { type: 'retry', targets: [] }))).toEqual(['/targets']);
  expect(pointers(await command(id, { type: 'skip', targets: ['a;b', 'x', 'x'] }))).toEqual(['/targets/0', '/targets/2']);
  expect(pointers(await command(id, { type: 'explode' }))).toEqual(['/type']);
  expect(pointers(await command(id, { type: 'pause', reason: ' ' }))).toEqual(['/reason']);
  expect(pointers(await command(id, { type: 'approve', gate: 'x' }))).toEqual(['/gate']);
  expect((await command(id, { type: 'approve', gate: 'x' })).body.errors[0].message).toBe('not available yet');
  expect(pointers(await command(id, { type: 'answer' }))).toEqual(['/choices']);
  expect(pointers(await command(id, { type: 'answer', choices: {} }))).toEqual(['/choices']);
  expect(pointers(await command(id, { type: 'answer', choices: { 'web-01': 'explode', 'a;b': 'retry' } }))).toEqual(['/choices/a;b', '/choices/web-01']);
  expect((await command(id, { type: 'answer', choices: { 'web-01': 'retry' } }))).toMatchObject({ status: 409, body: { code: 'nothing-to-do' } });
  expect((await command(id, { type: 'approve' }))).toMatchObject({ status: 409, body: { code: 'nothing-to-do' } });
  expect((await command(id, { type: 'skip', targets: ['elsewhere'] }))).toMatchObject({ status: 409, body: { code: 'unknown-target' } });
});

test('jump takes the index of a batch and nothing else, and the answer of a refused one names the batches that can be jumped to', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  for (const to of ['2', -1, 1.5, null, 1e9]) expect(pointers(await command(id, { type: 'jump', to })), String(to)).toEqual(['/to']);
  expect(pointers(await command(id, { type: 'jump' }))).toEqual(['/to']);
  expect(pointers(await command(id, { type: 'jump', to: 2, targets: ['a'] }))).toEqual(['/targets']);
  expect(await command(id, { type: 'jump', to: 7 })).toMatchObject({ status: 409, body: { code: 'unknown-batch', detail: expect.stringContaining('batch 2'), allowed: expect.arrayContaining(['jump']) } });
  expect(await command(id, { type: 'jump', to: 1 })).toMatchObject({ status: 409, body: { code: 'already-done' } });
  expect((await api.ask('GET', `/v1/releases/${id}`)).body).toMatchObject({ toCome: [1, 2] });
  expect(await command(id, { type: 'jump', to: 2 })).toMatchObject({ status: 202, body: { type: 'jump', state: 'accepted' } });
});

test.each(['succeeded', 'aborted'] as const)('rollback of a release that %s makes a new release and leaves the old one as it is', async (how) => {
  const id = await newRelease();
  await endAs(api.db, id, how);
  const before = await api.ask('GET', `/v1/releases/${id}`);
  expect(before.body).toMatchObject({ status: how, allowedCommands: ['rollback'] });
  const sent = await command(id, { type: 'rollback', mode: 'emergency' });
  expect(sent).toMatchObject({ status: 202, body: { state: 'applied', type: 'rollback' } });
  expect(sent.body.release).not.toBe(id);
  const made = await api.ask('GET', `/v1/releases/${sent.body.release}`);
  expect(made.body).toMatchObject({ kind: 'rollback', rollbackOf: id, status: 'queued', reason: 'because', requestedBy: 'tester' });
  const { rows } = await sql<{ request: any }>`select request from release_requests where id = ${sent.body.release}`.execute(api.db.kysely);
  expect(rows[0]?.request).toMatchObject({ restoreFrom: id, mode: 'emergency', busy: 'queue' });
  expect((await api.ask('GET', `/v1/releases/${id}`)).body).toEqual(before.body);
  expect((await command(id, { type: 'pause' })).status).toBe(409);
});

test('retry of an incomplete rollback restores from the first release of the chain', async () => {
  const id = await newRelease();
  await endAs(api.db, id, 'incomplete');
  expect((await api.ask('GET', `/v1/releases/${id}`)).body).toMatchObject({ status: 'rollback-incomplete', allowedCommands: ['retry'] });
  expect((await command(id, { type: 'rollback' })).status).toBe(409);
  const sent = await command(id, { type: 'retry' });
  expect(sent).toMatchObject({ status: 202, body: { state: 'applied' } });
  const { rows } = await sql<{ request: any }>`select request from release_requests where id = ${sent.body.release}`.execute(api.db.kysely);
  expect(rows[0]?.request).toMatchObject({ kind: 'rollback', rollbackOf: id, restoreFrom: id });
});

test('a release is not taken back over a later one that touched its hosts: the refusal names that one', async () => {
  const id = await newRelease();
  await endAs(api.db, id, 'succeeded');
  const later = await again(`pool-${pools}`);
  await endAs(api.db, later, 'aborted');
  expect(await command(id, { type: 'rollback' })).toMatchObject({ status: 409, body: { detail: expect.stringContaining(later) } });
  expect((await command(later, { type: 'rollback' })).status).toBe(202);
});

test('a release that failed before it touched a host has nothing to take back', async () => {
  const id = await newRelease();
  await openRelease(api.db, { release: id });
  await append(api.db, id, { type: 'release-failed', data: { failure: { class: 'refused', code: 'no-plan', message: 'no', next: 'look' } } });
  expect(await command(id, { type: 'rollback' })).toMatchObject({ status: 409, body: { code: 'finished', allowed: [] } });
  expect(await command(id, { type: 'retry' })).toMatchObject({ status: 409, body: { code: 'finished', allowed: [] } });
});
