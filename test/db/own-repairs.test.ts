/** Messages that got lost are sent again once, and each time it is an event. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { acceptCommand } from '../../db/commands.ts';
import { claimOutbox, markDelivered } from '../../db/outbox.ts';
import { dispatchAgain, wakeAgain } from '../../db/own-repairs.ts';
import { listOwnRepairs } from '../../db/repairs.ts';
import { hasEnded, runningReleases, undispatchedCommands } from '../../db/watchdog-facts.ts';
import { ACTOR, end, endAll, newId, open, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore();
});
afterEach(async () => {
  await endAll(store.db);
  await store.db.kysely.deleteFrom('outbox').execute();
});
afterAll(() => store?.close());

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

test('a holder that was named a while ago and has not taken its pool is known as such, and woken once while the message waits', async () => {
  const { db } = store;
  const release = await open(db);
  await db.kysely.deleteFrom('outbox').execute();
  await db.kysely.insertInto('pool_locks').values({ pool: 'web-prod', holder: release, epoch: null, since: new Date(Date.now() - 20_000) }).execute();
  expect(await runningReleases(db, [release])).toMatchObject([{ release, isNamed: true, hasMessages: false }]);
  const wake = { release, pool: 'web-prod', sentence: 'woken' };
  await wakeAgain(db, wake);
  await wakeAgain(db, wake);
  expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ kind: 'wake', release, payload: { pool: 'web-prod' } }]);
  expect(await listOwnRepairs(db, { subject: release, limit: 10 })).toEqual([expect.objectContaining({ what: 'woken-again', sentence: 'woken' })]);
  expect(await runningReleases(db, [release])).toMatchObject([{ hasMessages: true }]);
});

test('an accepted command whose message is gone is dispatched again; one that is young, or on its way, is left alone', async () => {
  const { db } = store;
  const { release } = await running(db);
  await db.kysely.deleteFrom('outbox').execute();
  const command = { id: 'c-lost00000', by: ACTOR, reason: 'test', type: 'pause' } as const;
  await acceptCommand(db, { command, release });
  await db.kysely.updateTable('commands').set({ at: ago(60) }).execute();
  expect(await undispatchedCommands(db)).toEqual([]);
  const [message] = await claimOutbox(db, { limit: 1 });
  await markDelivered(db, message?.id ?? 0);
  expect(await undispatchedCommands(db)).toEqual([{ id: command.id, release }]);
  await dispatchAgain(db, { id: command.id, release });
  expect(await undispatchedCommands(db)).toEqual([]);
  expect(await claimOutbox(db, { limit: 1 })).toMatchObject([{ kind: 'command', payload: { commandId: command.id } }]);
  expect(await listOwnRepairs(db, { subject: release, limit: 1 })).toMatchObject([{ what: 'dispatched-again' }]);
  await db.kysely.updateTable('commands').set({ at: ago(0) }).execute();
  await db.kysely.deleteFrom('outbox').execute();
  expect(await undispatchedCommands(db)).toEqual([]);
});

test('whether a release has ended is asked of the log: asked for is not ended, unknown is', async () => {
  const { db } = store;
  const { release } = await running(db);
  expect(await hasEnded(db, release)).toBe(false);
  await end(db, release);
  expect(await hasEnded(db, release)).toBe(true);
  expect(await hasEnded(db, newId())).toBe(true);
});
