import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NOTICE_EVERY_MS, NoticePace } from '../../db/notice-pace.ts';

const told: string[] = [];
beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => {
  vi.useRealTimers();
  told.length = 0;
});

const pace = () => new NoticePace(async (release) => void told.push(release));

test('the first append of a release tells of it at once, and so does one after a quiet while', async () => {
  const notices = pace();
  expect(notices.isDue('r-a')).toBe(true);
  expect(notices.isDue('r-b')).toBe(true);
  await vi.advanceTimersByTimeAsync(NOTICE_EVERY_MS + 1);
  expect(told).toEqual([]);
  expect(notices.isDue('r-a')).toBe(true);
});

test('however many follow, listeners are told once per interval, and once more after the last of them', async () => {
  const notices = pace();
  notices.isDue('r-a');
  for (let append = 0; append < 30; append += 1) {
    await vi.advanceTimersByTimeAsync(10);
    expect(notices.isDue('r-a')).toBe(false);
  }
  expect(told.length).toBeGreaterThanOrEqual(2);
  expect(told.length).toBeLessThanOrEqual(3);
  await vi.advanceTimersByTimeAsync(NOTICE_EVERY_MS);
  const all = told.length;
  await vi.advanceTimersByTimeAsync(10 * NOTICE_EVERY_MS);
  expect(told.length).toBe(all);
  expect(notices.isDue('r-a')).toBe(true);
});

test('a notice that fails harms nobody', async () => {
  const notices = new NoticePace(async () => Promise.reject(new Error('away')));
  notices.isDue('r-a');
  notices.isDue('r-a');
  await vi.advanceTimersByTimeAsync(NOTICE_EVERY_MS);
  expect(notices.isDue('r-a')).toBe(false);
});
