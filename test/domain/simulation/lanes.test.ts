import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSlices, SLICE_MAX } from '../../../domain/plan/slices.ts';
import { laneTimes } from '../../../domain/simulation/lanes.ts';
import { runLanes } from '../../../workflows/lanes.ts';
import { VirtualClock } from './virtual-clock.ts';

const someDurations = (most: number) => fc.array(fc.integer({ min: 0, max: 30 }).map((tenths) => tenths * 100), { minLength: 1, maxLength: most });

/** Begin and end of every host by the lanes that the workflow itself runs. */
async function byWorkflow(clock: VirtualClock, durationsMs: readonly number[], { from, to, lanes }: { readonly from: number; readonly to: number; readonly lanes: number }): Promise<Map<number, readonly [number, number]>> {
  const seen = new Map<number, readonly [number, number]>();
  await runLanes({
    hosts: Array.from({ length: to - from }, (_, index) => String(from + index)),
    lanes,
    mayBegin: async () => true,
    work: async (host) => {
      const beginMs = clock.nowMs;
      await clock.sleep(durationsMs[Number(host)] ?? 0);
      seen.set(Number(host), [beginMs, clock.nowMs]);
      return 'succeeded';
    },
  });
  return seen;
}

test('hosts begin and end exactly when the lanes of the workflow begin and end them', async () => {
  await fc.assert(
    fc.asyncProperty(someDurations(SLICE_MAX), fc.integer({ min: 1, max: 12 }), async (durationsMs, lanes) => {
      const clock = new VirtualClock();
      const real = await clock.until(byWorkflow(clock, durationsMs, { from: 0, to: durationsMs.length, lanes }));
      const times = laneTimes({ durationsMs, lanes });
      expect(durationsMs.map((_, place) => [times.beginsMs[place], times.endsMs[place]])).toEqual(durationsMs.map((_, place) => real.get(place)));
      expect(times.endMs).toBe(clock.nowMs);
    }),
    { numRuns: 60 },
  );
});

test('a batch in slices keeps to the slots and lanes that the workflow cuts it into', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: SLICE_MAX + 1, maxLength: 260 }), fc.integer({ min: 1, max: 12 }), async (durationsMs, lanes) => {
      const clock = new VirtualClock();
      const { slices, slots } = planSlices({ hosts: durationsMs.map(String), lanes, hostsMax: SLICE_MAX });
      const edges = slices.reduce<number[]>((before, slice) => [...before, (before.at(-1) ?? 0) + slice.length], [0]);
      let next = slots.length;
      const ends: number[] = [];
      const slot = async (own: number, first: number): Promise<void> => {
        for (let part = first; part < slices.length; part = next++) {
          const seen = await byWorkflow(clock, durationsMs, { from: edges[part] ?? 0, to: edges[part + 1] ?? 0, lanes: own });
          for (const [place, [, end]] of seen) ends[place] = end;
        }
      };
      await clock.until(Promise.all(slots.map(slot)));
      expect([...laneTimes({ durationsMs, lanes }).endsMs]).toEqual(ends);
    }),
    { numRuns: 15 },
  );
});

test('a host that would take the pool below its floor waits until another one serves again', () => {
  const times = laneTimes({ durationsMs: [10, 20, 30], lanes: 3, capacity: { inService: 3, floor: 2, leaves: () => true, returns: () => true } });
  expect([...times.beginsMs]).toEqual([0, 10, 30]);
  expect(times.stuck).toEqual([]);
});

test('hosts out of service are begun at once and make room for those that wait', () => {
  const times = laneTimes({ durationsMs: [10, 20], lanes: 2, capacity: { inService: 2, floor: 2, leaves: (place) => place === 0, returns: () => true } });
  expect([...times.beginsMs]).toEqual([20, 0]);
});

test('hosts for which nobody makes room are named and not begun', () => {
  const times = laneTimes({ durationsMs: [10, 20, 30], lanes: 2, capacity: { inService: 2, floor: 2, leaves: (place) => place > 0, returns: () => false } });
  expect(times.stuck).toEqual([1, 2]);
  expect(times.endMs).toBe(10);
});

test('never more hosts at work than lanes, whatever the floor does', () => {
  fc.assert(
    fc.property(someDurations(200), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 5 }), fc.array(fc.boolean(), { minLength: 200, maxLength: 200 }), (durationsMs, lanes, spare, live) => {
      const floor = 3;
      const times = laneTimes({ durationsMs, lanes, capacity: { inService: floor + spare, floor, leaves: (place) => live[place] === true, returns: () => true } });
      const begun = durationsMs.map((_, place) => place).filter((place) => !times.stuck.includes(place));
      for (const place of begun) {
        const beginMs = times.beginsMs[place] ?? 0;
        const beside = begun.filter((other) => (times.beginsMs[other] ?? 0) <= beginMs && (times.endsMs[other] ?? 0) > beginMs);
        expect(beside.length).toBeLessThanOrEqual(lanes);
        expect(beside.filter((other) => live[other]).length).toBeLessThanOrEqual(spare + begun.filter((other) => !live[other] && (times.endsMs[other] ?? 0) <= beginMs).length);
      }
    }),
  );
});
