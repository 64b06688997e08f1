import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteRefusal } from '../../db/refusals.ts';
import { openStore, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

const late = (round: number) => ({ release: 'r-late', host: 'web-01', epoch: 3, direction: 'forward', round, step: 'start', sentence: 'Epoch 3 on host web-01 is void.' }) as const;

test('ten refusals of one host at once are ten events, each as it was told, and the chain of the log holds', async () => {
  await Promise.all(Array.from({ length: 10 }, (_, round) => noteRefusal(store.db, late(round))));
  const { rows } = await store.db.pool.query<{ version: number; data: { round: number } }>(`select version, data from events where stream = 'refusal/web-01' order by version`);
  expect(rows.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(rows.map(({ data }) => data.round).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(rows.map(({ data }) => data)).toContainEqual(late(4));
});
