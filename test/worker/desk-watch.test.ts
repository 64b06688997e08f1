/** One look for all calls that wait for agents: how often is asked, and who hears of it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDeskWatch } from '../../worker/desk-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A desk whose state the test sets; counts the questions and the times when somebody was told. */
function openWatch() {
  const seen = { open: true as boolean | Error, asked: 0, told: 0 };
  const watch = createDeskWatch({
    isOpen: async () => {
      seen.asked += 1;
      if (seen.open instanceof Error) throw seen.open;
      return seen.open;
    },
    onClosed: () => void (seen.told += 1),
  });
  return { seen, watch };
}

test('a thousand that ask at the same moment are one question', async () => {
  const { seen, watch } = openWatch();
  expect(new Set(await Promise.all(Array.from({ length: 1_000 }, () => watch.isOpen())))).toEqual(new Set([true]));
  expect(seen.asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  await watch.isOpen();
  expect(seen.asked).toBe(2);
});

test('while anybody waits it is looked every two seconds, and told as long as the desk is closed', async () => {
  const { seen, watch } = openWatch();
  const ends = Promise.withResolvers<string>();
  const waiting = [watch.watched(() => ends.promise), watch.watched(async () => 'done')];
  await vi.advanceTimersByTimeAsync(6_000);
  expect(seen).toMatchObject({ asked: 3, told: 0 });
  seen.open = false;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(seen).toMatchObject({ asked: 5, told: 2 });
  seen.open = new Error('the database is away');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(seen.told).toBe(3);
  ends.resolve('ended');
  expect(await Promise.all(waiting)).toEqual(['ended', 'done']);
});

test('nobody looks any more once nobody waits, also after one that failed, and the next one is watched again', async () => {
  const { seen, watch } = openWatch();
  await expect(watch.watched(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen.asked).toBe(0);
  seen.open = false;
  const ends = Promise.withResolvers<void>();
  const waiting = watch.watched(() => ends.promise);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(seen.told).toBe(1);
  ends.resolve();
  await waiting;
});
