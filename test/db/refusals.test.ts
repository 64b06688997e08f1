import { afterAll, beforeAll, expect, test } from 'vitest';
import { noteRefusal, readRefusals } from '../../db/refusals.ts';
import { openStore, running, type Store } from './samples.ts';

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

test('what was refused of a release is read in order, page by page, and nothing of others', async () => {
  const { release } = await running(store.db, { hosts: ['ref-1', 'ref-2', 'ref-3'] });
  for (const [round, host] of ['ref-1', 'ref-2', 'ref-1', 'ref-3'].entries()) await noteRefusal(store.db, { ...late(round), release, host });
  await noteRefusal(store.db, { ...late(9), host: 'ref-1' });
  const first = await readRefusals(store.db, { release, after: 0, limit: 3 });
  expect(first.map(({ host, round }) => [host, round])).toEqual([['ref-1', 0], ['ref-2', 1], ['ref-1', 2]]);
  const rest = await readRefusals(store.db, { release, after: first.at(-1)?.position ?? 0, limit: 3 });
  expect(rest).toEqual([expect.objectContaining({ ...late(3), release, host: 'ref-3', at: expect.stringMatching(/^\d{4}-.*Z$/), position: expect.any(Number) })]);
});
