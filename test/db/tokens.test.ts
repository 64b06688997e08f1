import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IdReused } from '../../db/errors.ts';
import { createToken, findToken, listTokens, revokeToken } from '../../db/tokens.ts';
import { openStore, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

const hash = (text: string) => createHash('sha256').update(text).digest('hex');

test('a token is found by its hash until it is revoked, and stays listed', async () => {
  const { db } = store;
  await createToken(db, { name: 'ci', hash: hash('secret') });
  expect(await findToken(db, hash('secret'))).toMatchObject({ name: 'ci', revokedAt: null });
  expect(await findToken(db, hash('other'))).toBe(null);
  expect(await revokeToken(db, 'ci')).toBe(true);
  expect(await revokeToken(db, 'ci')).toBe(false);
  expect(await findToken(db, hash('secret'))).toBe(null);
  expect(await listTokens(db)).toMatchObject([{ name: 'ci', revokedAt: expect.any(String) }]);
  await expect(createToken(db, { name: 'ci', hash: hash('new') })).rejects.toBeInstanceOf(IdReused);
});

test('anything that is not a SHA-256 is refused by the table itself', async () => {
  await expect(createToken(store.db, { name: 'plain', hash: 'secret' })).rejects.toMatchObject({ code: '23514' });
});
