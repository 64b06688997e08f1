import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { KeyReused } from '../../db/errors.ts';
import { pruneIdempotency, withIdempotency } from '../../db/idempotency.ts';
import { createReleaseRequest } from '../../db/requests.ts';
import { ACTOR, HOSTS, inventoryOf, newId, openStore, requestOf, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

const request = (key: string) => ({ principal: 'ci', route: 'POST /v1/releases', key, bodyHash: 'b1' });

test('fifty equal requests at once, over two processes, make one release and all get its id', async () => {
  const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
  try {
    const post = (db: typeof other) =>
      withIdempotency(db, request('fifty'), async (tx) => {
        const id = newId();
        await createReleaseRequest(tx, { id, request: requestOf(id), inventory: inventoryOf('web-prod', HOSTS), actor: ACTOR });
        return { status: 202, body: { id } };
      });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(index % 2 ? other : store.db)));
    const ids = await store.db.kysely.selectFrom('release_requests').select('id').execute();
    const starts = await store.db.kysely.selectFrom('outbox').select('release').where('kind', '=', 'start').execute();
    expect(ids).toHaveLength(1);
    expect(starts.map((row) => row.release)).toEqual(ids.map((row) => row.id));
    expect(answers.map((answer) => answer.body)).toEqual(answers.map(() => ids[0]));
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
  } finally {
    await other.close();
  }
});

test('the key with another body or on another route is refused', async () => {
  await withIdempotency(store.db, request('reused'), async () => ({ status: 202, body: null }));
  const again = async (changed: object) => withIdempotency(store.db, { ...request('reused'), ...changed }, async () => ({ status: 500, body: null }));
  await expect(again({ bodyHash: 'b2' })).rejects.toBeInstanceOf(KeyReused);
  await expect(again({ route: 'POST /v1/packages' })).rejects.toBeInstanceOf(KeyReused);
  expect(await again({})).toEqual({ status: 202, body: null, replayed: true });
});

test('the same key of another principal is another key', async () => {
  await withIdempotency(store.db, request('shared'), async () => ({ status: 202, body: 1 }));
  expect(await withIdempotency(store.db, { ...request('shared'), principal: 'someone' }, async () => ({ status: 201, body: 2 }))).toEqual({ status: 201, body: 2, replayed: false });
});

test('work that throws leaves neither its effects nor its key', async () => {
  const { db } = store;
  const id = newId();
  const failing = withIdempotency(db, request('failing'), async (tx) => {
    await createReleaseRequest(tx, { id, request: requestOf(id), inventory: inventoryOf('web-prod', HOSTS), actor: ACTOR });
    throw new Error('out of luck');
  });
  await expect(failing).rejects.toThrow('out of luck');
  expect(await db.kysely.selectFrom('release_requests').select('id').where('id', '=', id).execute()).toEqual([]);
  expect(await withIdempotency(db, request('failing'), async () => ({ status: 202, body: 'now' }))).toEqual({ status: 202, body: 'now', replayed: false });
});

test('keys are kept for thirty days even if less is asked for', async () => {
  const { db, owner } = store;
  await withIdempotency(db, request('old'), async () => ({ status: 202, body: null }));
  await withIdempotency(db, request('recent'), async () => ({ status: 202, body: null }));
  await owner.pool.query(`update idempotency set created_at = now() - interval '31 days' where key = 'old'`);
  await owner.pool.query(`update idempotency set created_at = now() - interval '29 days' where key = 'recent'`);
  expect(await pruneIdempotency(db, { olderThanDays: 1 })).toBe(1);
  expect((await withIdempotency(db, request('recent'), async () => ({ status: 500, body: null }))).replayed).toBe(true);
});
