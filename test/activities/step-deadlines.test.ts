/** The deadlines of a step and of a target, on hosts that are slow or hang. */
import { describe, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { readReleaseEvents } from '../../db/events.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { times, using } from './using.ts';
import type { Deadlines } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

const DEADLINES: Deadlines = { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3600 };
const tolerant = (deadlines: Partial<Deadlines>) => ({ strategy: { deadlines: { ...DEADLINES, ...deadlines }, tolerance: { perBatch: 1, total: 1 } } });
const failedSteps = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id })).flatMap((event) => (event.type === 'target-step-failed' ? [event.data] : []));

/** Every call to the hosts takes so long. */
function slow({ fleet: { executor } }: Bench, ms: number): void {
  const run = executor.run.bind(executor);
  executor.run = async (host, verb, input, limits) => {
    await delay(ms, undefined, { signal: limits.signal });
    return run(host, verb, input, limits);
  };
}

describe('the deadline of a step', () => {
  test('ends a step that hangs, and the target fails with a code of its own', async () => {
    await using(8, { health: [{ call: 'verify web-03', nth: 1, fault: 'hang' }] }, async (bench) => {
      const id = await bench.release(tolerant({ stepSeconds: 1 }));
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-03' }] });
      expect(await failedSteps(bench, id)).toMatchObject([{ host: 'web-03', step: 'verify', failure: { class: 'host', code: 'step-deadline', message: 'verify on web-03 took longer than 1 s, the deadline of a step.' } }]);
    });
  });
});

describe('the deadline of a target', () => {
  test('counts all its steps together, though none of them is slow for a step', async () => {
    await using(4, {}, async (bench) => {
      const id = await bench.release({ strategy: { deadlines: { ...DEADLINES, targetSeconds: 1 } } });
      await bench.until(id, ({ status }) => status === 'preparing', 'preparation');
      slow(bench, 400);
      const release = await bench.ended(id);
      // The way back has no such limit: it takes as long, and restores the bastion nevertheless.
      expect(release).toMatchObject({ status: 'rolled-back', rollback: { cause: 'bastion', restored: 1 } });
      const [failed] = await failedSteps(bench, id);
      expect(failed).toMatchObject({ direction: 'forward', failure: { class: 'host', code: 'target-deadline' } });
      expect(['switch', 'start', 'verify']).toContain(failed?.step);
      expect(failed?.failure.message).toMatch(/took longer than 1 s in all, the deadline of a target/);
      expect(failed?.durationMs).toBeLessThan(1000);
    });
  });

  test('does not count the time in which the balancer was away', async () => {
    await using(4, { traffic: times(5, 'drain', { fail: new BalancerDown('nobody answers') }) }, async (bench) => {
      const id = await bench.release({ strategy: { deadlines: { ...DEADLINES, targetSeconds: 2 } } });
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect(await failedSteps(bench, id)).toEqual([]);
    });
  });
});
