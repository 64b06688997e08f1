import { afterAll, beforeAll, expect, test } from 'vitest';
import { withTargetFence, withWishFence } from '../../db/fence.ts';
import { hasWantedTraffic, isDrainWanted, listWantedTraffic } from '../../db/wanted-traffic.ts';
import { until } from '../support/until.ts';
import { end, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

test('a wish is known from before the balancer is told, for its own server alone, until the release ends', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const place = { release, host: 'web-01', pool: 'web-prod', server: 'web-01' };
  expect(await hasWantedTraffic(db, place)).toBe(false);
  const told = withTargetFence(db, { release, host: 'web-01', epoch }, async () => {
    expect(await hasWantedTraffic(db, place)).toBe(true);
    throw new Error('the balancer is gone');
  }, [{ pool: place.pool, server: place.server, wanted: { admin: 'drain', weight: null } }]);
  await expect(told).rejects.toThrow('the balancer is gone');
  expect(await hasWantedTraffic(db, place)).toBe(true);
  expect(await isDrainWanted(db, place)).toBe(true);
  await withTargetFence(db, { release, host: 'web-01', epoch }, async () => undefined, [{ pool: place.pool, server: place.server, wanted: { admin: 'ready', weight: null } }]);
  expect([await hasWantedTraffic(db, place), await isDrainWanted(db, place)]).toEqual([true, false]);
  for (const other of [{ release: 'r-other' }, { host: 'web-02' }, { pool: 'web-intern' }, { server: 'web-02' }]) expect(await hasWantedTraffic(db, { ...place, ...other })).toBe(false);
  await end(db, release);
  expect(await hasWantedTraffic(db, place)).toBe(false);
});

test('a wish is written again only while it is the one that is wanted; who replaces it meanwhile waits and writes behind it', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const want = (admin: 'drain' | 'ready', write: () => Promise<unknown>) => withTargetFence(db, { release, host: 'web-01', epoch }, write, [{ pool: 'web-prod', server: 'web-01', wanted: { admin, weight: null } }]);
  const written: string[] = [];
  await want('drain', async () => written.push('drain'));
  const [read] = await listWantedTraffic(db);
  if (read === undefined) throw new Error('nothing is wanted');
  let replacing: Promise<unknown> = Promise.resolve();
  await withWishFence(db, read, async () => {
    replacing = want('ready', async () => written.push('ready'));
    await until('the new wish is remembered', async () => (await listWantedTraffic(db)).every(({ wanted }) => wanted.admin === 'ready'));
    written.push('drain again');
  });
  await replacing;
  expect(written).toEqual(['drain', 'drain again', 'ready']);
  await expect(withWishFence(db, read, async () => written.push('too late'))).rejects.toMatchObject({ name: 'WishReplaced' });
  expect(written).toHaveLength(3);
  await end(db, release);
  await expect(withWishFence(db, read, async () => written.push('too late'))).rejects.toThrow();
});
