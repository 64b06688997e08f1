/** A host whose drain is scheduled already when somebody stops its release, and which a busy worker takes up only behind the receipt. */
import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { using } from '../activities/using.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

const rolling = (maxParallel: number): Partial<StrategySpec> => ({ batches: { ...FAST.batches, percent: [50], mode: 'window', maxParallel } });

/** Drains from the `from`th on do not get to the log until `open` is called; `waiting` counts them. */
function gateBeforeBegun(bench: Bench, from: number): { readonly waiting: () => number; readonly open: () => void } {
  const { appends } = bench.db;
  const append = appends.append.bind(appends);
  const gate = Promise.withResolvers<void>();
  let [begun, waiting] = [0, 0];
  appends.append = async (release, row) => {
    if (row.type === 'target-step-begun' && row.id.includes('/forward/') && ++begun >= from) {
      waiting++;
      await gate.promise;
    }
    return append(release, row);
  };
  return { waiting: () => waiting, open: gate.resolve };
}

/** Hosts of which the log says that they were begun behind the first event of this type. */
async function begunBehind(bench: Bench, id: string, type: string): Promise<readonly string[]> {
  const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
  const stop = events.find((event) => event.type === type)?.version ?? Number.POSITIVE_INFINITY;
  const goesOn = events.find((event) => event.type === 'resumed')?.version ?? Number.POSITIVE_INFINITY;
  return events.flatMap((event) => (event.type === 'target-step-begun' && event.version > stop && event.version < goesOn ? [event.data.host] : []));
}

const onNew = (bench: Bench): number => [...bench.fleet.hosts.values()].filter(({ version }) => version === 'v2').length;
const drained = (bench: Bench): readonly string[] => [...bench.traffic.servers.entries()].filter(([, { inService }]) => !inService).map(([name]) => name);

describe.each([{ pool: 'in one history', hosts: 40, maxParallel: 3 }, { pool: 'in slices', hosts: 63, maxParallel: 6 }])('a drain that is taken up behind a stop, $pool', ({ hosts, maxParallel }) => {
  test('is not begun behind the receipt of a pause; the release gets quiet, and goes through when it is resumed', { timeout: 90_000 }, async () => {
    await using(hosts, {}, async (bench) => {
      const gate = gateBeforeBegun(bench, 4);
      const id = await bench.release({ strategy: rolling(maxParallel) });
      await until('drains that wait', async () => gate.waiting() === maxParallel, 40_000);
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
      gate.open();
      await until('quiet', async () => (await bench.view(id)).paused?.quiet, 30_000);
      expect(await begunBehind(bench, id, 'paused')).toEqual([]);
      expect([onNew(bench), drained(bench)]).toEqual([3, []]);
      expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect([...bench.fleet.hosts.values()].every(({ digest, starts }) => digest === digestOf('v2') && starts.length === 1)).toBe(true);
    });
  });

  test('is not begun behind the receipt of an abort: its host keeps what it runs', { timeout: 90_000 }, async () => {
    await using(hosts, {}, async (bench) => {
      const gate = gateBeforeBegun(bench, 4);
      const id = await bench.release({ strategy: rolling(maxParallel) });
      await until('drains that wait', async () => gate.waiting() === maxParallel, 40_000);
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      gate.open();
      expect((await bench.ended(id)).status).toBe('aborted');
      const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
      expect(events.filter(({ type }) => type === 'target-step-begun')).toHaveLength(3);
      expect([onNew(bench), drained(bench)]).toEqual([3, []]);
      expect(events.filter(({ type }) => type === 'target-step-failed')).toEqual([]);
    });
  });
});
