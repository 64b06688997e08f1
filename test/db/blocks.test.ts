import { afterAll, beforeAll, expect, test } from 'vitest';
import { getBlock, liftBlock, putBlock, quarantinedVersions, standingBlocks } from '../../db/blocks.ts';
import { rebuildProjections } from '../../db/rebuild.ts';
import { ACTOR, openStore, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store?.close());

const quarantine = (name: string) => ({ kind: 'quarantine', name, pool: '' }) as const;
const block = { reason: 'bad', release: 'r-1', by: ACTOR };
const lift = { reason: 'fine again', by: ACTOR };

test('what an activity tells twice is put once, and once lifted it stays lifted; a person may put it again', async () => {
  const place = quarantine('web@1');
  await putBlock(store.db, { ...place, ...block, mayRepeat: true });
  await liftBlock(store.db, place, lift);
  expect((await putBlock(store.db, { ...place, ...block, mayRepeat: true })).lifted).toMatchObject({ reason: 'fine again' });
  expect((await putBlock(store.db, { ...place, ...block })).lifted).toBeNull();
});

test('of many who block at once one is told, and all get its block', async () => {
  const all = await Promise.all([1, 2, 3, 4].map((n) => putBlock(store.db, { ...quarantine('web@2'), ...block, reason: `reason ${n}` })));
  expect(new Set(all.map(({ reason }) => reason)).size).toBe(1);
});

test('only blocks of the asked pool, applications and packages stand in the way', async () => {
  await putBlock(store.db, { kind: 'hold', name: 'web', pool: 'one', ...block });
  expect(await standingBlocks(store.db, { pool: 'two', applications: ['web'], packages: ['web@3'] })).toEqual([]);
  expect((await standingBlocks(store.db, { pool: 'one', applications: ['web'], packages: ['web@2'] })).map(({ kind, name }) => [kind, name])).toEqual([['hold', 'web'], ['quarantine', 'web@2']]);
});

test('versions are those of exactly the application', async () => {
  for (const name of ['my_app@1', 'myxapp@2', 'my_app@3']) await putBlock(store.db, { ...quarantine(name), ...block });
  await liftBlock(store.db, quarantine('my_app@3'), lift);
  expect([...(await quarantinedVersions(store.db, 'my_app'))]).toEqual(['1']);
});

test('a rebuild from the events alone gives the very rows again', async () => {
  const rows = async (): Promise<readonly string[]> => (await store.owner.pool.query<{ text: string }>('select t::text as text from blocks t order by 1')).rows.map(({ text }) => text);
  const before = await rows();
  expect(before.length).toBeGreaterThan(4);
  await rebuildProjections(store.owner);
  expect(await rows()).toEqual(before);
  expect(await getBlock(store.db, quarantine('web@2'))).toMatchObject({ lifted: null });
});
