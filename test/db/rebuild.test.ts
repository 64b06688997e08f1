import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent, verifyChain } from '../../db/events.ts';
import { applyInventory, deleteInventory, putInventory } from '../../db/inventory.ts';
import { getRelease } from '../../db/queries.ts';
import { rebuildProjections } from '../../db/rebuild.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, APPLICATION, begun, end, HOSTS, hostSpec, journey, openStore, opIdOf, packageSpec, poolSpec, running, STRATEGY, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore();
  await applyInventory(store.db, {
    dryRun: false,
    actor: ACTOR,
    documents: [
      { kind: 'application', name: 'web', spec: APPLICATION },
      { kind: 'strategy', name: 'standard', spec: STRATEGY },
      ...HOSTS.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })),
      { kind: 'pool', name: 'web-prod', spec: poolSpec('web-prod', HOSTS) },
      { kind: 'package', name: 'web@2', spec: packageSpec('2') },
    ],
  });
  await putInventory(store.db, { kind: 'host', name: 'gone', spec: hostSpec('gone'), expectedVersion: null, actor: ACTOR });
  await deleteInventory(store.db, { kind: 'host', name: 'gone', expectedVersion: null, actor: ACTOR });
});
afterAll(() => store?.close());

const TABLES = ['releases', 'release_targets', 'release_inventory', 'release_rollback_plans', 'inventory', 'blocks'];

/** Every row of every projection as text, in one moment. */
async function dump(): Promise<Readonly<Record<string, readonly string[]>>> {
  const found: Record<string, readonly string[]> = {};
  for (const table of TABLES) {
    const { rows } = await store.owner.pool.query<{ text: string }>(`select t::text as text from ${table} t order by 1`);
    found[table] = rows.map((row) => row.text);
  }
  return found;
}

async function indexes(): Promise<readonly string[]> {
  const { rows } = await store.owner.pool.query<{ text: string }>(`select indexdef as text from pg_indexes where tablename = any($1) order by 1`, [TABLES]);
  return rows.map((row) => row.text);
}

test('a rebuild writes the very rows that the appends had written', async () => {
  const { db, owner } = store;
  const ended = await running(db, { pool: 'ended', hosts: ['ended-01', 'ended-02'] });
  for (const event of journey('ended-01', ended.epoch)) await appendTargetEvent(db, { release: ended.release, opId: opIdOf(event), actor: SIGNALBOX, event });
  await end(db, ended.release);
  const underWay = await running(db, { pool: 'under-way', hosts: ['under-way-01', 'under-way-02'] });
  await appendTargetEvent(db, { release: underWay.release, opId: 'x', actor: SIGNALBOX, event: begun('under-way-02', underWay.epoch) });
  await appendReleaseEvents(db, { release: underWay.release, opId: 'p', actor: ACTOR, events: [{ type: 'paused', data: { cause: 'operator', reason: 'x', deadline: null, then: 'stay' } }] });
  const written = await dump();
  expect(await rebuildProjections(owner)).toMatchObject({ releases: 2 });
  expect(await dump()).toEqual(written);
});

test('a rebuild while five releases take five hundred appends gives identical tables', async () => {
  const { db, owner } = store;
  const releases = await Promise.all(Array.from({ length: 5 }, (_, index) => running(db, { pool: `p${index}`, hosts: Array.from({ length: 10 }, (_, host) => `p${index}-h${host}`) })));
  const before = await indexes();
  let appends = 0;
  const append = async (release: string, epoch: number, host: string): Promise<void> => {
    for (const event of journey(host, epoch)) {
      await appendTargetEvent(db, { release, opId: opIdOf(event), actor: SIGNALBOX, event });
      appends += 1;
      if (appends % 20 === 0) await appendReleaseEvents(db, { release, opId: `note-${appends}`, actor: ACTOR, events: [{ type: 'resumed', data: { reason: 'go on' } }] });
    }
  };
  const load = Promise.all(releases.flatMap(({ release, epoch }, index) => Array.from({ length: 10 }, (_, host) => append(release, epoch, `p${index}-h${host}`))));
  const counts: number[] = [];
  let isLoaded = false;
  void load.then(() => { isLoaded = true; });
  while (!isLoaded) {
    const atStart = appends;
    await rebuildProjections(owner);
    counts.push(appends - atStart);
  }
  await load;
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(500);
  const live = await dump();
  const rebuilt = await rebuildProjections(owner);
  expect(rebuilt.releases).toBe(7);
  expect(await dump()).toEqual(live);
  expect(await indexes()).toEqual(before);
  expect((await verifyChain(owner)).broken).toEqual([]);
});

test('what was damaged by hand is whole again after a rebuild', async () => {
  const { owner } = store;
  const live = await dump();
  await owner.pool.query(`update releases set status = 'succeeded', core = '{}'; delete from release_targets; delete from inventory; update release_inventory set inventory = '{}'`);
  await rebuildProjections(owner);
  expect(await dump()).toEqual(live);
});

test('after a rebuild the services go on with the rights they had, and may still not change the schema', async () => {
  const { db, owner } = store;
  await rebuildProjections(owner);
  const { release } = await running(db, { pool: 'after', hosts: ['after-01'] });
  await end(db, release);
  expect((await getRelease(db, release))?.core.situation.status).toBe('aborted');
  await expect(db.pool.query('drop table releases')).rejects.toMatchObject({ code: '42501' });
  await expect(db.pool.query('delete from releases')).rejects.toMatchObject({ code: '42501' });
  await expect(rebuildProjections(db)).rejects.toMatchObject({ code: '42501' });
});
