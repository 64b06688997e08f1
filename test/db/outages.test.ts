import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sql } from 'kysely';
import { openDatabase } from '../../db/client.ts';
import { givePulse, listOutages } from '../../db/outages.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { Database } from '../../db/client.ts';
import type { TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Database;
let owner: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.serviceUrl, applicationName: 'test' });
  owner = openDatabase({ url: database.ownerUrl, applicationName: 'test-owner' });
});
afterAll(async () => {
  await Promise.all([db.close(), owner.close()]);
  await database.drop();
});
beforeEach(() => sql`truncate service_pulse, outages`.execute(owner.kysely));

const ALWAYS = { fromMs: 0, toMs: Date.now() + 86_400_000 };
/** As if the last pulse had been given so long ago. */
const silentFor = (seconds: number) => sql`update service_pulse set at = now() - ${seconds} * interval '1 second'`.execute(owner.kysely);

test('the first pulse of all tells no outage, and neither do pulses that follow one another', async () => {
  expect(await givePulse(db)).toBeNull();
  await silentFor(14);
  expect(await givePulse(db)).toBeNull();
  expect(await listOutages(db, ALWAYS)).toEqual([]);
});

test('a silence becomes an outage when the pulse is back, told by the first of several workers only', async () => {
  await givePulse(db);
  await silentFor(100);
  const told = (await Promise.all([givePulse(db), givePulse(db), givePulse(db)])).filter((gap) => gap !== null);
  expect(told).toHaveLength(1);
  const [{ fromMs, toMs } = { fromMs: 0, toMs: 0 }] = told;
  expect((toMs - fromMs) / 1000).toBeCloseTo(100, 0);
  expect(Math.abs(Date.now() - toMs)).toBeLessThan(10_000);
  expect(await listOutages(db, ALWAYS)).toEqual([{ fromMs, toMs, what: 'Signalbox itself (worker, Temporal or database)' }]);
});

test('a silence that has not ended is an outage already, up to now', async () => {
  await givePulse(db);
  await silentFor(60);
  const [outage] = await listOutages(db, ALWAYS);
  expect(((outage?.toMs ?? 0) - (outage?.fromMs ?? 0)) / 1000).toBeCloseTo(60, 0);
});

test('only outages that touch the asked time are listed, oldest first', async () => {
  await sql`insert into outages (from_at, to_at) values (to_timestamp(30), to_timestamp(40)), (to_timestamp(10), to_timestamp(20)), (to_timestamp(50), to_timestamp(60))`.execute(owner.kysely);
  const seconds = async (fromS: number, toS: number) => (await listOutages(db, { fromMs: fromS * 1000, toMs: toS * 1000 })).map(({ fromMs }) => fromMs / 1000);
  expect(await seconds(0, 100)).toEqual([10, 30, 50]);
  expect(await seconds(20, 50)).toEqual([30]);
  expect(await seconds(15, 31)).toEqual([10, 30]);
});
