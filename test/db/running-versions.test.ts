import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendReleaseEvents } from '../../db/events.ts';
import { hasSucceeded, lastGoodVersions } from '../../db/running-versions.ts';
import { ACTOR, openStore, running, type Asked, type Store } from './samples.ts';
import type { CoreEvent } from '../../domain/release/events.ts';

let store: Store;
let pools = 0;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

const SUCCEEDED: CoreEvent = { type: 'release-succeeded', data: { debt: [] } };
const ABORTED: CoreEvent = { type: 'release-aborted', data: { reason: 'enough' } };
const ROLLED_BACK: CoreEvent = { type: 'release-rolled-back', data: { restored: 1, untouched: 0 } };

/** A pool of its own: asks for releases that end so, one after the other, and for what it runs then. */
function ownPool() {
  pools += 1;
  const pool = `good-${pools}`;
  return {
    pool,
    ended: async (version: string, last: CoreEvent, asked: Asked = {}): Promise<string> => {
      const { release } = await running(store.db, { ...asked, version, pool, hosts: [`${pool}-1`] });
      await appendReleaseEvents(store.db, { release, opId: 'end', actor: ACTOR, events: [last] });
      return release;
    },
    runs: async () => (await lastGoodVersions(store.db, pool))['web'],
  };
}

test('a pool runs what the last release that succeeded brought, not what one that was aborted or rolled back did', async () => {
  const { ended, runs } = ownPool();
  expect(await runs()).toBeUndefined();
  const first = await ended('1', SUCCEEDED);
  await ended('2', ABORTED);
  await ended('3', ROLLED_BACK);
  expect(await runs()).toEqual({ version: '1', release: first });
  const second = await ended('4', SUCCEEDED, { kind: 'hotfix' });
  expect(await runs()).toEqual({ version: '4', release: second });
});

test('a scale-out is never the last good release, nor is taking one back', async () => {
  const { ended, runs, pool } = ownPool();
  const good = await ended('2', SUCCEEDED);
  const scaleOut = await ended('1', SUCCEEDED, { kind: 'scale-out' });
  await ended('0', ROLLED_BACK, { kind: 'rollback', restoreFrom: scaleOut });
  expect(await runs()).toEqual({ version: '2', release: good });
  expect(await hasSucceeded(store.db, { pool, application: 'web', version: '1' })).toBe(false);
});

test('after a rollback the pool runs what was restored', async () => {
  const { ended, runs } = ownPool();
  await ended('1', SUCCEEDED);
  const bad = await ended('2', SUCCEEDED);
  const back = await ended('1', ROLLED_BACK, { kind: 'rollback', restoreFrom: bad });
  expect(await runs()).toEqual({ version: '1', release: back });
});

test('a version has succeeded on the pool where it did so once, and on no other pool', async () => {
  const { ended, pool } = ownPool();
  await ended('1', SUCCEEDED);
  await ended('2', ABORTED);
  await ended('3', SUCCEEDED);
  const asked = (version: string, where = pool) => hasSucceeded(store.db, { pool: where, application: 'web', version });
  expect([await asked('1'), await asked('2'), await asked('3'), await asked('1', 'elsewhere')]).toEqual([true, false, true, false]);
});
