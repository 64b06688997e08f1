/** The schedule of fleet checks at a real Temporal, with a real worker that carries them out. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sql } from 'kysely';
import { pino } from 'pino';
import { applyInventory } from '../../db/inventory.ts';
import { startFleetSchedule } from '../../worker/fleet-schedule.ts';
import { fleetScheduleId } from '../../workflows/messages.ts';
import { ACTOR, hostSpec } from '../db/samples.ts';
import { openBench, type Bench } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { Loop } from '../../worker/dispatcher.ts';

const log = pino({ level: 'silent' });
let bench: Bench;
const loops: Loop[] = [];
const scheduleOf = () => bench.client.schedule.getHandle(fleetScheduleId(bench.taskQueue));
const everyMs = async (): Promise<number | null> => scheduleOf().describe().then(({ spec }) => spec.intervals?.[0]?.every ?? null, () => null);
const keep = (intervalSeconds: number): Loop => {
  const loop = startFleetSchedule({ client: bench.client, taskQueue: bench.taskQueue, intervalSeconds, log, everyMs: 50 });
  loops.push(loop);
  return loop;
};
const checks = async () => (await sql<{ id: string; finished: boolean }>`select id, finished_at is not null as finished from fleet_checks order by at`.execute(bench.db.kysely)).rows;

beforeEach(async () => {
  bench = await openBench(2, { executor: [{ call: 'observe web-01', nth: 2, fault: 'hang' }] });
  await applyInventory(bench.db, { documents: bench.names.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })), actor: ACTOR, dryRun: false });
});
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop.stop();
  await scheduleOf().delete().catch(() => undefined);
  await bench.close();
});

test('a check begins by itself at every interval, and none while the one before is not finished', async () => {
  keep(1);
  await until('a first check', async () => (await checks()).some(({ finished }) => finished), 20_000);
  await until('one that hangs', async () => bench.fleet.executor.calls.filter((call) => call === 'observe web-01').length === 2, 20_000);
  const begun = (await checks()).length;
  const skipped = async (): Promise<number> => (await scheduleOf().describe()).info.numActionsSkippedOverlap;
  const before = await skipped();
  await until('two intervals pass', async () => (await skipped()) >= before + 2, 20_000);
  expect((await checks()).length).toBe(begun);
  expect(bench.fleet.executor.calls.filter((call) => call === 'observe web-01').length).toBe(2);
});

test('a schedule that somebody deleted comes back, another interval replaces the old one, and 0 ends it', async () => {
  const old = keep(500);
  await until('the schedule', async () => (await everyMs()) === 500_000);
  await scheduleOf().delete();
  await until('it is back', async () => (await everyMs()) === 500_000);
  await old.stop();
  const newer = keep(600);
  await until('the new interval', async () => (await everyMs()) === 600_000);
  await newer.stop();
  keep(0);
  await until('no schedule', async () => (await everyMs()) === null);
});
