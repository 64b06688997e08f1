/** Seven thousand hosts in one release: what it sends to and keeps in Temporal stays within what Temporal takes. */
import { expect, test } from 'vitest';
import { sql } from 'kysely';
import { using } from '../activities/using.ts';
import { until } from '../support/until.ts';
import type { Bench } from '../support/release-bench.ts';

const HOSTS = 7000;
/** From here on Temporal warns; it refuses at four times that. */
const PAYLOAD_BYTES_MAX = 512 * 1024;
const HISTORY_EVENTS_MAX = 4000;
const PLANNED_MS_MAX = 240_000;

/** Looks without folding seven thousand targets each time. */
async function planned(bench: Bench, release: string): Promise<void> {
  await until('the plan', async () => {
    const { rows } = await sql<{ type: string; data: unknown }>`select type, data from events where stream = ${`release/${release}`} and type in ('plan-made', 'release-failed')`.execute(bench.db.kysely);
    expect(rows.filter(({ type }) => type === 'release-failed')).toEqual([]);
    return rows.length > 0;
  }, PLANNED_MS_MAX);
}

test('a release of seven thousand hosts gets its pool, looks at every host and makes its plan and its way back, within the limits of Temporal', { timeout: 300_000 }, async () => {
  await using(HOSTS, {}, async (bench) => {
    const startedMs = performance.now();
    const release = await bench.release();
    await planned(bench, release);
    const tookMs = performance.now() - startedMs;
    await bench.send(release, 'abort');
    const history = await bench.client.workflow.getHandle(`release/${release}`).fetchHistory();
    const { rows } = await sql<{ type: string; bytes: number }>`select type, length(data::text) as bytes from events where stream = ${`release/${release}`} order by 2 desc limit 4`.execute(bench.db.kysely);
    process.stdout.write(`planned after ${Math.round(tookMs)} ms, ${history.events?.length} events of history, the largest payload ${largestPayload(history.events)} bytes; stored: ${rows.map(({ type, bytes }) => `${type} ${bytes}`).join(', ')}\n`);
    expect(history.events?.length).toBeLessThan(HISTORY_EVENTS_MAX);
    expect(await inServiceOf(bench, release)).toBe(HOSTS);
    expect(largestPayload(history.events)).toBeLessThan(PAYLOAD_BYTES_MAX);
  });
});

async function inServiceOf(bench: Bench, release: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select json_array_length(data -> 'inService') as count from events where stream = ${`release/${release}`} and type = 'targets-observed'`.execute(bench.db.kysely);
  return rows[0]?.count ?? 0;
}

/** In bytes, wherever in the history it stands. */
function largestPayload(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((most: number, member) => Math.max(most, largestPayload(member)), 0);
}
