import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InUse, UnknownReference, VersionConflict } from '../../db/errors.ts';
import { verifyChain } from '../../db/events.ts';
import { applyInventory, deleteInventory, getInventory, listInventory, putInventory } from '../../db/inventory.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';
import { ACTOR, APPLICATION, ask, end, HOSTS, hostSpec, openStore, packageSpec, poolSpec, running, STRATEGY, type Store } from './samples.ts';

let store: Store;
const documents: readonly InventoryDocument[] = [
  { kind: 'pool', name: 'web-prod', spec: poolSpec('web-prod', HOSTS) },
  { kind: 'package', name: 'web@2', spec: packageSpec('2') },
  ...HOSTS.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })),
  { kind: 'application', name: 'web', spec: APPLICATION },
  { kind: 'strategy', name: 'standard', spec: STRATEGY },
];
beforeAll(async () => {
  store = await openStore();
  await applyInventory(store.db, { documents, actor: ACTOR, dryRun: false });
});
afterAll(() => store?.close());

const host = (name: string, zone = 'idc-a') => ({ kind: 'host' as const, name, spec: { ...hostSpec(name), zone }, actor: ACTOR });

describe('one object', () => {
  test('versions count its changes, and an equal spec is no change', async () => {
    const { db } = store;
    expect(await putInventory(db, { ...host('h1'), expectedVersion: null })).toMatchObject({ version: 1, created: true });
    expect(await putInventory(db, { ...host('h1'), expectedVersion: 1 })).toMatchObject({ version: 1, created: false });
    expect(await putInventory(db, { ...host('h1', 'idc-b'), expectedVersion: 1 })).toMatchObject({ version: 2, created: false });
    expect(await getInventory(db, 'host', 'h1')).toMatchObject({ version: 2, spec: { zone: 'idc-b' } });
    expect(await getInventory(db, 'host', 'unknown')).toBe(null);
  });

  test('a change that expected another version is refused with both', async () => {
    const { db } = store;
    await putInventory(db, { ...host('h2'), expectedVersion: null });
    await expect(putInventory(db, { ...host('h2', 'x'), expectedVersion: null })).rejects.toMatchObject({ name: 'VersionConflict', expected: null, current: 1 });
    await expect(putInventory(db, { ...host('h2', 'x'), expectedVersion: 7 })).rejects.toMatchObject({ expected: 7, current: 1 });
    await expect(putInventory(db, { ...host('h-none'), expectedVersion: 1 })).rejects.toMatchObject({ expected: 1, current: null });
    await expect(deleteInventory(db, { kind: 'host', name: 'h2', expectedVersion: 7, actor: ACTOR })).rejects.toBeInstanceOf(VersionConflict);
  });

  test('of twenty writers that expect the same version one succeeds', async () => {
    const { db } = store;
    await putInventory(db, { ...host('h3'), expectedVersion: null });
    const all = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => putInventory(db, { ...host('h3', `zone-${index}`), expectedVersion: 1 })));
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  });

  test('after deletion it may be made again, and its version goes on', async () => {
    const { db } = store;
    await putInventory(db, { ...host('h4'), expectedVersion: null });
    expect(await deleteInventory(db, { kind: 'host', name: 'h4', expectedVersion: 1, actor: ACTOR })).toBe(true);
    expect(await deleteInventory(db, { kind: 'host', name: 'h4', expectedVersion: null, actor: ACTOR })).toBe(false);
    expect(await getInventory(db, 'host', 'h4')).toBe(null);
    expect(await putInventory(db, { ...host('h4'), expectedVersion: null })).toMatchObject({ version: 3, created: true });
    const events = await db.kysely.selectFrom('events').select(['type', 'version', 'actor']).where('stream', '=', 'host/h4').orderBy('version').execute();
    expect(events).toEqual(['host-defined', 'host-removed', 'host-defined'].map((type, index) => ({ type, version: index + 1, actor: ACTOR })));
    expect((await verifyChain(db, 'host/h4')).broken).toEqual([]);
  });

  test('lists come in pages by name', async () => {
    const { db } = store;
    const first = await listInventory(db, 'host', { limit: 2 });
    const second = await listInventory(db, 'host', { limit: 100, after: first.at(-1)?.name ?? '' });
    const names = [...first, ...second].map((one) => one.name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(HOSTS));
  });
});

describe('references', () => {
  test('an object that names what does not exist is refused with all that is missing', async () => {
    const { db } = store;
    const spec = { ...poolSpec('bad', ['web-01', 'nowhere-1', 'nowhere-2']), strategy: 'none' };
    const put = putInventory(db, { kind: 'pool', name: 'bad', spec, expectedVersion: null, actor: ACTOR });
    await expect(put).rejects.toBeInstanceOf(UnknownReference);
    await expect(put).rejects.toMatchObject({ missing: [{ kind: 'host', name: 'nowhere-1' }, { kind: 'host', name: 'nowhere-2' }, { kind: 'strategy', name: 'none' }] });
    expect(await getInventory(db, 'pool', 'bad')).toBe(null);
  });

  test.each([
    ['host', 'web-01', ['pool web-prod']],
    ['strategy', 'standard', ['pool web-prod']],
    ['application', 'web', ['package web@2', 'pool web-prod']],
  ] as const)('a %s that others name cannot go', async (kind, name, by) => {
    const remove = deleteInventory(store.db, { kind, name, expectedVersion: null, actor: ACTOR });
    await expect(remove).rejects.toBeInstanceOf(InUse);
    await expect(remove).rejects.toMatchObject({ by });
  });

  test('what a release runs on stays until it has ended, also while it is only requested', async () => {
    const { db } = store;
    const remove = (kind: 'pool' | 'package', name: string) => deleteInventory(db, { kind, name, expectedVersion: null, actor: ACTOR });
    const { release } = await running(db);
    await expect(remove('pool', 'web-prod')).rejects.toMatchObject({ by: [`release ${release}`] });
    await expect(remove('package', 'web@2')).rejects.toMatchObject({ by: [`release ${release}`] });
    await end(db, release);
    const requested = await ask(db);
    await expect(remove('package', 'web@2')).rejects.toMatchObject({ by: [`release ${requested}`] });
    await db.kysely.updateTable('release_requests').set({ opened: true }).where('id', '=', requested).execute();
    expect(await remove('package', 'web@2')).toBe(true);
  });

  test('a host cannot vanish while a pool that names it is being made', async () => {
    const { db } = store;
    for (let round = 0; round < 10; round += 1) {
      const name = `race-${round}`;
      await putInventory(db, { ...host(name), expectedVersion: null });
      await Promise.allSettled([
        putInventory(db, { kind: 'pool', name, spec: poolSpec(name, [name]), expectedVersion: null, actor: ACTOR }),
        deleteInventory(db, { kind: 'host', name, expectedVersion: null, actor: ACTOR }),
      ]);
      const pool = await getInventory(db, 'pool', name);
      const kept = await getInventory(db, 'host', name);
      expect((pool === null) === (kept === null)).toBe(true);
    }
  });
});

describe('several documents', () => {
  const changed: readonly InventoryDocument[] = [
    { kind: 'pool', name: 'two', spec: poolSpec('two', ['new-01']) },
    { kind: 'host', name: 'new-01', spec: hostSpec('new-01') },
    { kind: 'strategy', name: 'standard', spec: { ...STRATEGY, postRelease: { watchSeconds: 99 } } },
    { kind: 'application', name: 'web', spec: APPLICATION },
  ];

  test('a dry run tells what would change and changes nothing', async () => {
    const { db } = store;
    const events = async () => (await db.kysely.selectFrom('events').select('id').execute()).length;
    const before = await events();
    const diff = await applyInventory(db, { documents: changed, actor: ACTOR, dryRun: true });
    expect(diff.map((one) => [one.name, one.change, one.version])).toEqual([['two', 'created', 1], ['new-01', 'created', 1], ['standard', 'updated', 2], ['web', 'unchanged', 1]]);
    expect(diff[2]).toMatchObject({ before: STRATEGY, after: { postRelease: { watchSeconds: 99 } } });
    expect(await events()).toBe(before);
    expect(await getInventory(db, 'pool', 'two')).toBe(null);
  });

  test('documents in any order are applied together, or not at all', async () => {
    const { db } = store;
    const broken: readonly InventoryDocument[] = [...changed, { kind: 'pool', name: 'three', spec: poolSpec('three', ['nowhere']) }];
    await expect(applyInventory(db, { documents: broken, actor: ACTOR, dryRun: false })).rejects.toBeInstanceOf(UnknownReference);
    expect(await getInventory(db, 'pool', 'two')).toBe(null);
    await applyInventory(db, { documents: changed, actor: ACTOR, dryRun: false });
    expect((await applyInventory(db, { documents: changed, actor: ACTOR, dryRun: false })).map((one) => one.change)).toEqual(changed.map(() => 'unchanged'));
  });
});
