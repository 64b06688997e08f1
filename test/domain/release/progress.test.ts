import { describe, expect, test } from 'vitest';
import { afterBatchFinished, afterBatchStarted, afterRetry, afterSkip, bakeEndMs, bakeStarted, freezeBake, startProgress, thawBake } from '../../../domain/release/progress.ts';
import { AT, failed, LATER, PLAN, progress } from './situations.ts';

const finished = { index: 1, part: 'whole', round: 0, succeeded: 1, failed: [failed('c')], untouched: ['d'] } as const;
const bake = { index: 1, since: AT, seconds: 90, remainingMs: null };

describe('the beginning', () => {
  test('is the installation of the bastion, nothing begun, failed or owed', () => {
    expect(startProgress(PLAN, AT)).toEqual({
      batch: 0, part: 'install', stage: 'ready', round: 0, hosts: ['a'], begun: [], failed: [], braked: false, excluded: [], debt: [], bake: null, promoted: false, since: AT,
    });
  });

  test('is the whole first batch in a plan without bastion', () => {
    expect(startProgress({ ...PLAN, batches: PLAN.batches.slice(1) }, AT)).toMatchObject({ part: 'whole', hosts: ['b', 'c'] });
  });

  test('of a plan without batches has no hosts', () => {
    expect(startProgress({ ...PLAN, batches: [] }, AT)).toMatchObject({ part: 'whole', hosts: [] });
  });
});

describe('a batch', () => {
  test('that starts forgets what was said about the one before', () => {
    expect(afterBatchStarted(progress({ promoted: true, braked: true, failed: [failed('a')] }), { index: 2, part: 'whole', round: 1, hosts: ['d'] })).toEqual(progress({ batch: 2, part: 'whole', round: 1, hosts: ['d'], stage: 'rolling', failed: [failed('a')] }));
  });

  test('that finishes does not keep an untouched host that was left out while it was in work', () => {
    expect(afterBatchFinished(progress({ stage: 'rolling', hosts: ['b', 'c'], excluded: ['d'] }), finished).hosts).toEqual([]);
  });

  test('that finishes leaves its untouched hosts to do and adds the others to those begun', () => {
    expect(afterBatchFinished(progress({ stage: 'rolling', hosts: ['b', 'c', 'd'], failed: [failed('a')] }), finished)).toEqual(progress({ stage: 'settled', hosts: ['d'], begun: ['a', 'b', 'c'], failed: [failed('a'), failed('c')] }));
  });

  test('that joins begins no host a second time', () => {
    expect(afterBatchFinished(progress({ stage: 'rolling', hosts: ['a'], begun: ['a'] }), { ...finished, failed: [], untouched: [] }).begun).toEqual(['a']);
  });
});

describe('a retry', () => {
  test('runs its hosts and those not begun, in that order, and lifts the brake', () => {
    const before = progress({ hosts: ['d', 'b'], failed: [failed('b'), failed('c')], braked: true });
    expect(afterRetry(before, { hosts: ['b'], round: 3, reason: 'r', epoch: 8 })).toEqual(progress({ hosts: ['b', 'd'], failed: [failed('c')], round: 3, stage: 'ready' }));
  });
});

describe('a skip', () => {
  const skip = (hosts: readonly string[]) => ({ hosts, reason: 'broken disk' });
  const braked = progress({ hosts: ['d'], failed: [failed('b'), failed('c')], braked: true, excluded: ['x'], debt: [{ host: 'x', cause: 'skipped', reason: 'old' }] });

  test('makes a host debt and keeps it out of everything that follows', () => {
    expect(afterSkip(braked, skip(['b']))).toEqual({
      ...braked, failed: [failed('c')], stage: 'ready', excluded: ['x', 'b'], debt: [{ host: 'x', cause: 'skipped', reason: 'old' }, { host: 'b', cause: 'skipped', reason: 'broken disk' }],
    });
  });

  test('of the last failure lifts the brake', () => {
    expect(afterSkip(braked, skip(['b', 'c']))).toMatchObject({ failed: [], braked: false, stage: 'ready' });
  });

  test('of hosts not begun takes them out of the batch', () => {
    expect(afterSkip(progress({ stage: 'rolling', hosts: ['b', 'c'] }), skip(['c']))).toMatchObject({ hosts: ['b'], stage: 'rolling', braked: false });
  });

  test.each([
    ['no hosts are left to do', { ...braked, hosts: ['b'] }, 'settled'],
    ['the brake has not spoken', { ...braked, braked: false }, 'settled'],
    ['the batch is still in work', { ...braked, stage: 'rolling' as const }, 'rolling'],
  ])('lets the batch stand as it is where %s', (_what, before, stage) => {
    expect(afterSkip(before, skip(['b'])).stage).toBe(stage);
  });

  test('never makes a release braked that was not', () => {
    expect(afterSkip({ ...braked, braked: false }, skip(['b'])).braked).toBe(false);
  });
});

describe('the clock of a bake', () => {
  test('runs from its event for its seconds', () => {
    expect(bakeStarted({ index: 1, seconds: 90 }, AT)).toEqual(bake);
    expect(bakeEndMs(bake)).toBe(Date.parse(AT) + 90_000);
  });

  test('stands still in a pause, with what was left', () => {
    expect(freezeBake(bake, LATER)).toEqual({ ...bake, remainingMs: 30_000 });
    expect(freezeBake({ ...bake, seconds: 5 }, LATER)?.remainingMs).toBe(0);
  });

  test('that stands still is not frozen again, and no bake stays none', () => {
    expect(freezeBake({ ...bake, remainingMs: 5 }, LATER)).toEqual({ ...bake, remainingMs: 5 });
    expect(freezeBake(null, LATER)).toBeNull();
  });

  test('goes on with what was left', () => {
    expect(thawBake({ ...bake, remainingMs: 30_000 }, LATER)).toEqual({ index: 1, since: LATER, seconds: 30, remainingMs: null });
  });

  test('that runs is not thawed, and no bake stays none', () => {
    expect(thawBake(bake, LATER)).toBe(bake);
    expect(thawBake(null, LATER)).toBeNull();
  });
});
