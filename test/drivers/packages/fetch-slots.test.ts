import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFetchSlots } from '../../../drivers/packages/fetch-slots.ts';

const { signal } = new AbortController();

/** Lets everything run that can run without outside help. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('at most max run at the same time, all run, and they begin in the order they came', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 30 }), fc.infiniteStream(fc.boolean()), async (max, count, coin) => {
      const slots = createFetchSlots(max);
      const begun: number[] = [];
      const open: (() => void)[] = [];
      const all = Array.from({ length: count }, (_, index) => slots.run(signal, () => new Promise<void>((end) => {
        begun.push(index);
        open.push(end);
      })));
      while (open.length > 0) {
        expect(open.length).toBeLessThanOrEqual(max);
        expect(slots.active).toBe(open.length);
        expect(slots.waiting).toBe(count - begun.length);
        (coin.next().value === true ? open.pop() : open.shift())?.();
        await settle();
      }
      await Promise.all(all);
      expect(begun).toEqual(Array.from({ length: count }, (_, index) => index));
      expect([slots.active, slots.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 50 },
  );
});

test('work that throws frees its slot and passes its error on', async () => {
  const slots = createFetchSlots(1);
  const failed = slots.run(signal, () => Promise.reject(new Error('disk full')));
  const next = slots.run(signal, async () => 'done');
  await expect(failed).rejects.toThrow('disk full');
  expect(await next).toBe('done');
  expect(slots.active).toBe(0);
});

test('one who is aborted in the line leaves it with the reason, and those behind keep their turn', async () => {
  const slots = createFetchSlots(1);
  const gate = Promise.withResolvers<string>();
  const first = slots.run(signal, () => gate.promise);
  const controller = new AbortController();
  const second = slots.run(controller.signal, async () => 'second');
  const third = slots.run(signal, async () => 'third');
  controller.abort(new Error('rolled back'));
  await expect(second).rejects.toThrow('rolled back');
  expect(slots.waiting).toBe(1);
  gate.resolve('first');
  expect(await Promise.all([first, third])).toEqual(['first', 'third']);
  expect([slots.active, slots.waiting]).toEqual([0, 0]);
});

test('an abort after the turn came does not give the slot away twice', async () => {
  const slots = createFetchSlots(1);
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const running = slots.run(controller.signal, () => gate.promise);
  controller.abort();
  const waiting = slots.run(signal, async () => 'next');
  await settle();
  expect(slots.waiting).toBe(1);
  gate.resolve();
  await running;
  expect(await waiting).toBe('next');
  expect(slots.active).toBe(0);
});

test('a signal that fired before asking takes no slot', async () => {
  const slots = createFetchSlots(1);
  await expect(slots.run(AbortSignal.abort(new Error('late')), async () => 'never')).rejects.toThrow('late');
  expect(slots.active).toBe(0);
});

test('fewer than one slot is refused', () => {
  for (const max of [0, -1, 1.5, Number.NaN]) expect(() => createFetchSlots(max)).toThrow(RangeError);
});
