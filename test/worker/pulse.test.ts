import { Client } from '@temporalio/client';
import { sql } from 'kysely';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { listOutages } from '../../db/outages.ts';
import { startPulse } from '../../worker/pulse.ts';
import { lineToTemporal } from '../../worker/temporal-client.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { startTemporalLine } from './temporal-line.ts';

test('a worker gives a pulse while Temporal answers; the time in which it does not is an outage once it is back', async () => {
  const database = await createTestDatabase();
  const db = openDatabase({ url: database.ownerUrl, applicationName: 'test' });
  const { address, namespace } = devServer();
  const line = await startTemporalLine(address);
  const connection = lineToTemporal(line.address);
  const told: string[] = [];
  const log = pino({ level: 'debug' }, { write: (text: string) => void told.push(text) });
  const pulse = startPulse({ db, client: new Client({ connection, namespace }), taskQueue: 'pulse', log, everyMs: 20 });
  const lastPulse = async () => (await sql<{ ageMs: number }>`select (extract(epoch from now() - at) * 1000)::float8 as "ageMs" from service_pulse`.execute(db.kysely)).rows[0]?.ageMs;
  const misses = () => told.filter((text) => text.includes('No pulse was given')).length;
  try {
    await until('a pulse', async () => (await lastPulse()) !== undefined);
    await line.cut();
    await until('a pulse that is not given', () => misses() >= 1);
    await sql`update service_pulse set at = now() - interval '100 seconds'`.execute(db.kysely);
    const missed = misses();
    await until('more of them', () => misses() >= missed + 2, 20_000);
    expect(await lastPulse()).toBeGreaterThan(100_000);
    expect(told.join()).not.toContain('could not work for a while');
    await line.mend();
    await until('the pulse', async () => ((await lastPulse()) ?? Infinity) < 1_000, 20_000);
    const [outage] = await listOutages(db, { fromMs: 0, toMs: Date.now() + 60_000 });
    expect((outage?.toMs ?? 0) - (outage?.fromMs ?? 0)).toBeGreaterThan(100_000);
    expect(told.join()).toContain('could not work for a while');
  } finally {
    await pulse.stop();
    await connection.close();
    await line.cut();
    await db.close();
    await database.drop();
  }
});
