import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { acceptCommand, getReceipt, loadCommand, settleCommand } from '../../db/commands.ts';
import { IdReused } from '../../db/errors.ts';
import { appendReleaseEvents } from '../../db/events.ts';
import { claimOutbox, enqueue, markDelivered, markFailed, pruneOutbox, type ClaimedMessage } from '../../db/outbox.ts';
import type { Command } from '../../domain/release/commands.ts';
import { ACTOR, ask, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => store.db.kysely.deleteFrom('outbox').execute());
afterAll(() => store?.close());

const command = (id: string, changed: object = {}): Command => ({ id, by: ACTOR, reason: 'looks odd', type: 'pause', ...changed }) as Command;

describe('delivery', () => {
  test('two dispatchers at once deliver every message once and keep the order of each release', async () => {
    const { db } = store;
    const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
    try {
      const sent = Array.from({ length: 60 }, (_, index) => ({ kind: 'command' as const, release: `r-${index % 6}`, payload: { commandId: String(index) } }));
      for (const message of sent) await enqueue(db, message);
      const delivered: ClaimedMessage[] = [];
      const working = new Set<string>();
      const dispatch = async (on: typeof db): Promise<void> => {
        while (delivered.length < sent.length) {
          for (const message of await claimOutbox(on, { limit: 4 })) {
            expect(working.has(message.release)).toBe(false);
            working.add(message.release);
            await on.pool.query('select 1');
            delivered.push(message);
            working.delete(message.release);
            await markDelivered(on, message.id);
          }
        }
      };
      await Promise.all([dispatch(db), dispatch(other), dispatch(db), dispatch(other)]);
      for (let release = 0; release < 6; release += 1) {
        const order = delivered.filter((message) => message.release === `r-${release}`).map((message) => Number(message.payload['commandId']));
        expect(order).toEqual(sent.flatMap((message, index) => (message.release === `r-${release}` ? [index] : [])));
      }
    } finally {
      await other.close();
    }
  });

  test('what one dispatcher is just taking, another neither takes nor waits for', async () => {
    const { db } = store;
    await enqueue(db, { kind: 'start', release: 'r-a', payload: {} });
    await enqueue(db, { kind: 'start', release: 'r-b', payload: {} });
    await db.kysely.transaction().execute(async (kysely) => {
      expect(await claimOutbox({ kysely }, { limit: 1 })).toMatchObject([{ release: 'r-a' }]);
      expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ release: 'r-b' }]);
    });
    expect(await claimOutbox(db, { limit: 10 })).toEqual([]);
  });

  test('a failed delivery holds back its release until it is due again, and no other', async () => {
    const { db, owner } = store;
    await enqueue(db, { kind: 'start', release: 'r-a', payload: {} });
    await enqueue(db, { kind: 'command', release: 'r-a', payload: { commandId: 'c' } });
    await enqueue(db, { kind: 'start', release: 'r-b', payload: {} });
    const [first, second] = await claimOutbox(db, { limit: 10 });
    expect([first?.release, second?.release]).toEqual(['r-a', 'r-b']);
    await markFailed(db, first?.id ?? 0, 'Temporal is away', 3_600_000);
    await markDelivered(db, second?.id ?? 0);
    expect(await claimOutbox(db, { limit: 10 })).toEqual([]);
    await owner.pool.query('update outbox set due_at = now()');
    expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ kind: 'start', release: 'r-a', attempts: 2 }]);
  });

  test('what a dead dispatcher had claimed is given out again', async () => {
    const { db, owner } = store;
    await enqueue(db, { kind: 'start', release: 'r-a', payload: {} });
    await claimOutbox(db, { limit: 10 });
    expect(await claimOutbox(db, { limit: 10 })).toEqual([]);
    await owner.pool.query(`update outbox set claimed_until = now() - interval '1 second'`);
    expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ release: 'r-a', attempts: 2 }]);
  });

  test('delivered messages are forgotten after a while, others never', async () => {
    const { db, owner } = store;
    await enqueue(db, { kind: 'start', release: 'r-a', payload: {} });
    await enqueue(db, { kind: 'start', release: 'r-b', payload: {} });
    const [first] = await claimOutbox(db, { limit: 1 });
    await markDelivered(db, first?.id ?? 0);
    await owner.pool.query(`update outbox set delivered_at = now() - interval '8 days' where delivered_at is not null`);
    expect(await pruneOutbox(db, { olderThanDays: 7 })).toBe(1);
    expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ release: 'r-b' }]);
  });

  test('a request asks for its start in the same transaction', async () => {
    const release = await ask(store.db);
    expect(await claimOutbox(store.db, { limit: 10 })).toMatchObject([{ kind: 'start', release, payload: {}, attempts: 1 }]);
  });
});

describe('receipts', () => {
  test('an accepted command has a receipt and a message, and is accepted once', async () => {
    const { db } = store;
    const receipt = await acceptCommand(db, { release: 'r-a', command: command('c1') });
    expect(receipt).toMatchObject({ id: 'c1', release: 'r-a', type: 'pause', state: 'accepted', by: ACTOR, reason: 'looks odd' });
    expect(await acceptCommand(db, { release: 'r-a', command: command('c1') })).toEqual(receipt);
    expect(await claimOutbox(db, { limit: 10 })).toMatchObject([{ kind: 'command', payload: { commandId: 'c1' } }]);
    expect(await loadCommand(db, 'c1')).toEqual({ command: command('c1'), release: 'r-a', state: 'accepted' });
    await expect(acceptCommand(db, { release: 'r-a', command: command('c1', { type: 'abort' }) })).rejects.toBeInstanceOf(IdReused);
  });

  test('the first outcome stands, and carries what was refused or what was made', async () => {
    const { db } = store;
    const refusal = { code: 'already-paused' as const, message: 'It is paused.', allowed: ['resume' as const] };
    await acceptCommand(db, { release: 'r-a', command: command('c2') });
    const refused = await settleCommand(db, { id: 'c2', state: 'refused', refusal });
    expect(refused).toMatchObject({ state: 'refused', refusal, reason: 'looks odd' });
    expect(await settleCommand(db, { id: 'c2', state: 'applied' })).toEqual(refused);
    await acceptCommand(db, { release: 'r-a', command: command('c3') });
    expect(await settleCommand(db, { id: 'c3', state: 'applied', release: 'r-new' })).toMatchObject({ state: 'applied', newRelease: 'r-new' });
    await acceptCommand(db, { release: 'r-a', command: command('c4') });
    expect(await settleCommand(db, { id: 'c4', state: 'refused', reason: 'The workflow is gone.' })).toMatchObject({ refusal: { message: 'The workflow is gone.', allowed: [] } });
    expect(await getReceipt(db, 'none')).toBe(null);
    expect(await settleCommand(db, { id: 'none', state: 'applied' })).toBe(null);
  });

  test('a command counts as applied with the decision that answers it, and never without it', async () => {
    const { db } = store;
    const { release } = await running(db);
    const pause = { release, actor: ACTOR, command: 'c5', events: [{ type: 'paused', data: { cause: 'operator', reason: 'look', deadline: null, then: 'stay' } }] } as const;
    await acceptCommand(db, { release, command: command('c5') });
    await expect(appendReleaseEvents(db, { ...pause, opId: 'd1', adoption: 3 })).rejects.toMatchObject({ name: 'Adopted' });
    expect(await getReceipt(db, 'c5')).toMatchObject({ state: 'accepted' });
    await appendReleaseEvents(db, { ...pause, opId: 'd1' });
    const receipt = await getReceipt(db, 'c5');
    expect(receipt).toMatchObject({ state: 'applied', settledAt: expect.any(String) });
    await acceptCommand(db, { release, command: command('c6') });
    await settleCommand(db, { id: 'c6', state: 'refused', reason: 'It was refused.' });
    await appendReleaseEvents(db, { ...pause, opId: 'd2', command: 'c6' });
    expect(await getReceipt(db, 'c6')).toMatchObject({ state: 'refused' });
    expect(await getReceipt(db, 'c5')).toEqual(receipt);
  });
});
