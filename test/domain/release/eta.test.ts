import { expect, test } from 'vitest';
import { etaOf } from '../../../domain/release/eta.ts';
import { ended, PLAN, postRelease, preparing, release, rolling, rollingBack } from './situations.ts';

test('a release without a plan has no estimate', () => {
  expect(etaOf(release(preparing()))).toBeNull();
});

test('an ended release has no estimate', () => {
  expect(etaOf(release(ended('succeeded')))).toBeNull();
});

test('before the first batch every batch counts: its hosts by its lanes, its bake, and the watch at the end', () => {
  // Three rounds of targets (bastion, b beside c, d), bakes of 10 + 2 + 0 s, 5 s of watching.
  expect(etaOf(release(preparing({ plan: PLAN })))).toEqual({ p50: 3 * 4 + 12 + 5, p90: 3 * 30 + 12 + 5 });
});

test('batches that are over no longer count', () => {
  expect(etaOf(release(rolling({ batch: 2 })))).toEqual({ p50: 4 + 5, p90: 30 + 5 });
});

test('after the last batch the watch is left', () => {
  expect(etaOf(release(postRelease({ batch: 3 })))).toEqual({ p50: 5, p90: 5 });
});

test('a batch wider than its lanes takes its rounds, and no lanes count as one', () => {
  const wide = (lanes: number) => ({ ...PLAN, batches: [{ index: 0, kind: 'batch' as const, hosts: ['a', 'b', 'c'], lanes, bakeSeconds: 0, manual: false }] });
  expect(etaOf(release(rolling({ batch: 0 }, wide(2))))).toEqual({ p50: 2 * 4 + 5, p90: 2 * 30 + 5 });
  expect(etaOf(release(rolling({ batch: 0 }, wide(0))))?.p50).toBe(3 * 4 + 5);
});

test('a rollback counts the batches it still has to restore, without bakes and without the watch', () => {
  expect(etaOf(release(rollingBack({ index: 1, batches: [['d'], ['c', 'b'], ['a']] })))).toEqual({ p50: 8, p90: 60 });
});
