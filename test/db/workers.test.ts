import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { giveSign, listBuilds, signOut } from '../../db/workers.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { Database } from '../../db/client.ts';
import type { TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.serviceUrl, applicationName: 'test' });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(() => sql`delete from workers`.execute(db.kysely));

const living = async () => (await listBuilds(db)).filter(({ isLiving }) => isLiving).map(({ id }) => id);
const silentFor = (worker: string, seconds: number) => sql`update workers set seen_at = now() - ${seconds} * interval '1 second' where id = ${worker}`.execute(db.kysely);

test('a build lives as long as one of its workers gives signs', async () => {
  const [one, other] = [randomUUID(), randomUUID()];
  await giveSign(db, { id: one, build: 'a' });
  await giveSign(db, { id: other, build: 'a' });
  await silentFor(one, 11);
  expect(await living()).toEqual(['a']);
  await silentFor(other, 11);
  expect(await living()).toEqual([]);
  await giveSign(db, { id: other, build: 'a' });
  expect(await living()).toEqual(['a']);
});

test('one that signs out is not waited for', async () => {
  const worker = { id: randomUUID(), build: 'a' };
  await giveSign(db, worker);
  await signOut(db, worker);
  expect(await living()).toEqual([]);
});

test('a build keeps the moment of its first worker, also when later ones come and go', async () => {
  const first = { id: randomUUID(), build: 'old' };
  await giveSign(db, first);
  await sql`update workers set started_at = now() - interval '1 day' where id = ${first.id}`.execute(db.kysely);
  await signOut(db, first);
  await giveSign(db, { id: randomUUID(), build: 'new' });
  await giveSign(db, { id: randomUUID(), build: 'old' });
  const builds = await listBuilds(db);
  expect(builds.toSorted((one, other) => one.firstSeenAtMs - other.firstSeenAtMs).map(({ id }) => id)).toEqual(['old', 'new']);
});
