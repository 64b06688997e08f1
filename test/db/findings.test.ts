import { afterAll, beforeAll, expect, test } from 'vitest';
import { clearFinding, listFindings, openFinding } from '../../db/findings.ts';
import { openStore, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

const finding = { id: 'drift/web-01', kind: 'drift', subject: 'web-01', sentence: 'web-01 runs 1, the log says 2.', repair: 'signalbox release web-prod web=2' };

test('a finding is open once, keeps the newest words, and is open anew after it was cleared', async () => {
  const { db } = store;
  expect(await openFinding(db, finding)).toBe(true);
  expect(await openFinding(db, { ...finding, sentence: 'web-01 runs 3, the log says 2.' })).toBe(false);
  expect(await listFindings(db)).toMatchObject([{ id: 'drift/web-01', sentence: 'web-01 runs 3, the log says 2.', repair: finding.repair }]);
  expect(await clearFinding(db, finding.id)).toBe(true);
  expect(await clearFinding(db, finding.id)).toBe(false);
  expect(await listFindings(db)).toEqual([]);
  expect(await openFinding(db, finding)).toBe(true);
});
