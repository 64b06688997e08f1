import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { UnknownRelease } from '../../db/errors.ts';
import { appendReleaseEvents, readReleaseEvents } from '../../db/events.ts';
import { getRelease } from '../../db/queries.ts';
import { acquire, ACTOR, ask, end, endAll, open, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(async () => {
  await endAll(store.db);
  await store.db.kysely.deleteFrom('outbox').execute();
});
afterAll(() => store?.close());

async function holderOf(pool: string): Promise<string | null> {
  return (await store.db.kysely.selectFrom('pool_locks').select('holder').where('pool', '=', pool).executeTakeFirst())?.holder ?? null;
}

async function messages(kind: 'wake' | 'supersede'): Promise<readonly string[]> {
  const rows = await store.db.kysely.selectFrom('outbox').select('release').where('kind', '=', kind).orderBy('id').execute();
  return rows.map((row) => row.release);
}

test('a free pool is acquired with an epoch that its row and all its hosts get', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  expect(await db.kysely.selectFrom('pool_locks').select(['holder', 'epoch']).where('pool', '=', 'web-prod').executeTakeFirst()).toEqual({ holder: release, epoch });
  const hosts = await db.kysely.selectFrom('host_locks').select(['host', 'epoch', 'release']).where('release', '=', release).orderBy('host').execute();
  expect(hosts).toEqual(['web-01', 'web-02', 'web-03'].map((host) => ({ host, epoch, release })));
});

test('asking again gives the same answer, under the same opId and under another', async () => {
  const { db } = store;
  const release = await open(db);
  const first = await acquire(db, release);
  expect(await acquire(db, release)).toEqual(first);
  expect(await acquire(db, release, 'after-restart')).toEqual(first);
});

test('a busy pool rejects a release that asks for that, naming who has it', async () => {
  const { db } = store;
  const holder = await running(db);
  const refused = await open(db, { busy: 'reject' });
  const event = await acquire(db, refused);
  expect(event).toMatchObject({ type: 'release-rejected', data: { code: 'pool-busy' } });
  expect(JSON.stringify(event.data)).toContain(holder.release);
  expect((await getRelease(db, refused))?.core.situation.status).toBe('rejected');
  expect(await acquire(db, refused, 'again')).toEqual(event);
  expect(await holderOf('web-prod')).toBe(holder.release);
});

test('the end of a release names the next in line and wakes it in the same transaction', async () => {
  const { db } = store;
  const holder = await running(db);
  const first = await open(db);
  const second = await open(db);
  expect(await acquire(db, first)).toMatchObject({ type: 'release-queued', data: { behind: holder.release } });
  expect(await acquire(db, second)).toMatchObject({ type: 'release-queued' });
  await end(db, holder.release);
  expect(await holderOf('web-prod')).toBe(first);
  expect(await messages('wake')).toEqual([first]);
  const acquired = await acquire(db, first, 'woken');
  expect(acquired.type).toBe('pool-acquired');
  expect((acquired.data as { epoch: number }).epoch).toBeGreaterThan(holder.epoch);
  expect(await acquire(db, second, 'too-early')).toMatchObject({ type: 'release-queued', data: { behind: first } });
});

test('a release that is woken too early says nothing new as long as the same one is in the way', async () => {
  const { db } = store;
  await running(db);
  const waiting = await open(db);
  const first = await acquire(db, waiting);
  expect(await acquire(db, waiting, 'again')).toEqual(first);
  expect((await readReleaseEvents(db, { release: waiting })).filter((event) => event.type === 'release-queued')).toHaveLength(1);
});

test('a rollback goes before releases that wait longer', async () => {
  const { db } = store;
  const holder = await running(db);
  const rollout = await open(db);
  const rollback = await open(db, { kind: 'rollback' });
  await acquire(db, rollout);
  await acquire(db, rollback);
  await end(db, holder.release);
  expect(await holderOf('web-prod')).toBe(rollback);
});

test('a hotfix goes before every other way forward, and behind a rollback', async () => {
  const { db } = store;
  const holder = await running(db);
  const order = ['rollout', 'scale-out', 'redeploy', 'hotfix', 'rollback', 'hotfix'] as const;
  const asked: string[] = [];
  for (const kind of order) {
    const release = await open(db, { kind });
    await acquire(db, release);
    asked.push(release);
  }
  await end(db, holder.release);
  const served: string[] = [];
  for (let next = await holderOf('web-prod'); next !== null; next = await holderOf('web-prod')) {
    await acquire(db, next, 'woken');
    served.push(order[asked.indexOf(next)] ?? '');
    await end(db, next);
  }
  expect(served).toEqual(['rollback', 'hotfix', 'hotfix', 'rollout', 'scale-out', 'redeploy']);
});

test('a rollout that supersedes ends no hotfix and no rollback that waits; a hotfix ends a rollout', async () => {
  const { db } = store;
  await running(db);
  for (const kind of ['hotfix', 'rollback', 'rollout'] as const) await acquire(db, await open(db, { kind }));
  await acquire(db, await open(db, { busy: 'supersede' }));
  expect(await messages('supersede')).toHaveLength(1);
  await acquire(db, await open(db, { kind: 'hotfix', busy: 'supersede' }));
  expect(await messages('supersede')).toHaveLength(3);
});

test('superseding ends those that wait, never the one that has the pool', async () => {
  const { db } = store;
  const holder = await running(db);
  const older = await open(db);
  await acquire(db, older);
  const newer = await open(db, { busy: 'supersede' });
  expect(await acquire(db, newer)).toMatchObject({ type: 'release-queued', data: { behind: holder.release } });
  expect(await messages('supersede')).toEqual([older]);
  expect(await holderOf('web-prod')).toBe(holder.release);
  expect(await acquire(db, older, 'superseded')).toMatchObject({ type: 'release-rejected', data: { code: 'superseded' } });
  await end(db, holder.release);
  expect(await holderOf('web-prod')).toBe(newer);
});

test('a superseded release is never named, even if it has not ended yet', async () => {
  const { db } = store;
  const holder = await running(db);
  const older = await open(db);
  await acquire(db, older);
  const newer = await open(db, { busy: 'supersede' });
  await acquire(db, newer);
  await end(db, holder.release);
  expect(await messages('wake')).toEqual([newer]);
});

test('a host shared by two pools belongs to one release at a time, and its end wakes the other pool', async () => {
  const { db } = store;
  const holder = await running(db, { pool: 'left', hosts: ['left-01', 'shared-01'] });
  const other = await open(db, { pool: 'right', hosts: ['right-01', 'shared-01'] });
  expect(await acquire(db, other)).toMatchObject({ type: 'release-queued', data: { behind: holder.release } });
  const apart = await running(db, { pool: 'far', hosts: ['far-01'] });
  expect(apart.epoch).toBeGreaterThan(holder.epoch);
  await end(db, holder.release);
  expect(await messages('wake')).toEqual([other]);
  expect((await acquire(db, other, 'woken')).type).toBe('pool-acquired');
});

test('a release that waits for hosts of two pools is not overtaken for ever', async () => {
  const { db } = store;
  const left = await running(db, { pool: 'left', hosts: ['left-01', 'shared-01'] });
  const wide = await open(db, { pool: 'wide', hosts: ['shared-01', 'right-01'] });
  await acquire(db, wide);
  const late = await open(db, { pool: 'right', hosts: ['right-01'] });
  expect(await acquire(db, late)).toMatchObject({ type: 'release-queued', data: { behind: wide } });
  await end(db, left.release);
  expect(await messages('wake')).toEqual([wide]);
});

test('a waiting release that ends leaves the line without waking anybody twice', async () => {
  const { db } = store;
  const holder = await running(db);
  const gone = await open(db);
  const next = await open(db);
  await acquire(db, gone);
  await acquire(db, next);
  await end(db, gone);
  expect(await messages('wake')).toEqual([]);
  await end(db, holder.release);
  expect(await holderOf('web-prod')).toBe(next);
  await end(db, next);
  expect(await holderOf('web-prod')).toBe(null);
});

test('a dozen releases that ask at once are served one after the other, each once', async () => {
  const { db } = store;
  const releases = await Promise.all(Array.from({ length: 12 }, () => open(db)));
  const answers = await Promise.all(releases.map((release) => acquire(db, release)));
  expect(answers.filter((event) => event.type === 'pool-acquired')).toHaveLength(1);
  const served: string[] = [];
  for (let holder = await holderOf('web-prod'); holder !== null; holder = await holderOf('web-prod')) {
    await acquire(db, holder, 'woken');
    served.push(holder);
    await end(db, holder);
  }
  expect(served.toSorted()).toEqual(releases.toSorted());
});

test('a refused release frees nothing that is not its own', async () => {
  const { db } = store;
  const holder = await running(db);
  const refused = await open(db, { busy: 'reject' });
  await acquire(db, refused);
  const owned = await db.kysely.selectFrom('host_locks').select('release').where('release', '=', holder.release).execute();
  expect(owned).toHaveLength(3);
});

test('an ended release cannot take its pool any more, and an unknown one is named', async () => {
  const { db } = store;
  const release = await open(db);
  await appendReleaseEvents(db, { release, opId: 'end', actor: ACTOR, events: [{ type: 'release-aborted', data: { reason: 'x' } }] });
  await expect(acquire(db, release)).rejects.toThrow('ended before it had its pool');
  await expect(acquire(db, await ask(db))).rejects.toBeInstanceOf(UnknownRelease);
});
