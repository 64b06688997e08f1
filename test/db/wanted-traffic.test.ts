import { afterAll, beforeAll, expect, test } from 'vitest';
import { withTargetFence } from '../../db/fence.ts';
import { hasWantedTraffic } from '../../db/wanted-traffic.ts';
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
  for (const other of [{ release: 'r-other' }, { host: 'web-02' }, { pool: 'web-intern' }, { server: 'web-02' }]) expect(await hasWantedTraffic(db, { ...place, ...other })).toBe(false);
  await end(db, release);
  expect(await hasWantedTraffic(db, place)).toBe(false);
});
