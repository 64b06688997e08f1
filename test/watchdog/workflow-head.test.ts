/** What the history of a release tells of how far its workflow knows the log, in every kind of run. */
import '../support/quiet-runtime.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { getRelease } from '../../db/queries.ts';
import { isTargetEvent } from '../../domain/release/events.ts';
import { openEyes, type TemporalEyes } from '../../watchdog/temporal-eyes.ts';
import { headIn, headOf, NOTHING_MET } from '../../watchdog/workflow-head.ts';
import { FAST, openBench, type Bench } from '../support/release-bench.ts';
import { devServer } from '../support/temporal.ts';

const signal = new AbortController().signal;
const HISTORIES = fileURLToPath(new URL('../replay/histories/', import.meta.url));
const LONG_BAKE = { ...FAST, bastion: { count: 1, bakeSeconds: 3600, promote: 'auto' } } as const;

let bench: Bench;
let eyes: TemporalEyes;
beforeAll(async () => {
  bench = await openBench(3);
  const { address, namespace } = devServer();
  eyes = openEyes({ temporalAddress: address, namespace, taskQueue: bench.taskQueue });
});
afterAll(async () => {
  await eyes?.close();
  await bench?.close();
});

/** What the log itself says. */
async function logged(id: string): Promise<{ readonly version: number; readonly epoch: number | null }> {
  const core = (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).filter((event) => !isTargetEvent(event));
  return { version: Math.max(...core.map(({ version }) => version)), epoch: (await getRelease(bench.db, id))?.core.epoch ?? null };
}

const seen = async (id: string) => {
  const sight = await eyes.look(id, true, signal);
  return sight.seen === 'running' ? sight.head : sight;
};

test('a release that bakes, one that was paused and one that waits for its pool are known as far as the log goes', async () => {
  const id = await bench.release({ strategy: LONG_BAKE });
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  await expect.poll(async () => (await seen(id)), { timeout: 10_000 }).toEqual(await logged(id));
  expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
  await bench.until(id, ({ paused }) => paused?.quiet === true, 'the quiet');
  await expect.poll(async () => (await seen(id)), { timeout: 10_000 }).toEqual(await logged(id));
  const next = await bench.release({ strategy: LONG_BAKE });
  await bench.until(next, ({ waiting }) => waiting?.for === 'pool', 'the queue');
  await expect.poll(async () => (await seen(next)), { timeout: 10_000 }).toEqual({ ...(await logged(next)), epoch: null });
});

test('every recorded history tells both, those that go on in a further run too', () => {
  const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.json') && !name.includes('-slice-'));
  expect(files.length).toBeGreaterThan(8);
  for (const name of files) {
    const events = (historyFromJSON(JSON.parse(readFileSync(join(HISTORIES, name), 'utf8'))).events ?? []).toReversed();
    const whole = headOf(headIn(events));
    expect(whole, name).toEqual({ version: expect.any(Number), epoch: expect.any(Number) });
    // Page by page it is the same.
    const paged = Array.from({ length: Math.ceil(events.length / 7) }, (_, page) => events.slice(page * 7, page * 7 + 7)).reduce((met, page) => headIn(page, met), NOTHING_MET);
    expect(headOf(paged), name).toEqual(whole);
  }
});
