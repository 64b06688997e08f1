import { describe, expect, test } from 'vitest';
import { nextRollbackStep, notBegun } from '../../../domain/release/next-rollback-step.ts';
import { AT, failed, release, rollingBack } from './situations.ts';
import { STRATEGY } from './simulated-release.ts';
import type { RollbackProgress } from '../../../domain/release/state.ts';

const START_MS = Date.parse(AT);
const BATCHES = [['c'], ['b'], ['a']];
const bake = { index: 0, since: AT, seconds: 2, remainingMs: null };
const strategy = (bakeSeconds: number, maxParallel = 10) => ({ batches: { ...STRATEGY.batches, bakeSeconds, maxParallel } });

function next(more: Partial<RollbackProgress>, { bakeSeconds = 2, maxParallel = 10, aborting = false, nowMs = START_MS } = {}) {
  const situation = rollingBack(more);
  return nextRollbackStep(release(situation, { strategy: strategy(bakeSeconds, maxParallel), aborting: aborting ? { reason: 'enough' } : null }), situation, nowMs);
}

describe('the way back, batch by batch', () => {
  test('a batch that is ready starts', () => {
    expect(next({ index: 1 })).toEqual({ do: 'record', events: [{ type: 'rollback-batch-started', data: { index: 1, hosts: ['b'] } }] });
  });

  test('a batch that has started is restored, as many at a time as the strategy allows', () => {
    expect(next({ stage: 'rolling', batches: [['c', 'b', 'a']] }, { maxParallel: 2 })).toEqual({ do: 'restore', index: 0, hosts: ['c', 'b', 'a'], lanes: 2 });
    expect(next({ stage: 'rolling' })).toMatchObject({ lanes: 1 });
  });

  test('an emergency restores the whole batch at once', () => {
    expect(next({ mode: 'emergency', stage: 'rolling', batches: [['c', 'b', 'a']] }, { maxParallel: 2 })).toMatchObject({ lanes: 3 });
  });

  test('a settled batch bakes before the next', () => {
    expect(next({ stage: 'settled' })).toEqual({ do: 'record', events: [{ type: 'bake-started', data: { index: 0, seconds: 2 } }] });
  });

  test.each([
    ['in an emergency', { mode: 'emergency' as const, stage: 'settled' as const }, 2],
    ['where the strategy bakes no batch', { stage: 'settled' as const }, 0],
  ])('the next batch starts at once %s', (_when, more, bakeSeconds) => {
    expect(next(more, { bakeSeconds })).toEqual({ do: 'record', events: [{ type: 'rollback-batch-started', data: { index: 1, hosts: ['b'] } }] });
  });

  test('a bake is waited for until its end and not a millisecond longer', () => {
    expect(next({ stage: 'baking', bake }, { nowMs: START_MS + 1_999 })).toEqual({ do: 'wait', for: 'bake', untilMs: START_MS + 2_000 });
    expect(next({ stage: 'baking', bake }, { nowMs: START_MS + 2_000 })).toEqual({ do: 'record', events: [{ type: 'bake-finished', data: { index: 0, cause: 'time', reason: null } }] });
  });

  test('a bake that was lost is over', () => {
    expect(next({ stage: 'baking', index: 1 })).toMatchObject({ events: [{ type: 'bake-finished', data: { index: 1 } }] });
  });
});

describe('a way back past its deadline', () => {
  const expired = { expiredSeconds: 3600 };
  const left = (hosts: readonly string[]) => hosts.map((host) => expect.objectContaining({ host, step: 'fence', failure: expect.objectContaining({ class: 'refused', code: 'rollback-deadline', next: expect.stringContaining('retry') }) }));

  test('lets the batch in work come to its end, and begins no other', () => {
    expect(next({ ...expired, stage: 'rolling' })).toMatchObject({ do: 'restore', hosts: ['c'] });
    expect(next({ ...expired, stage: 'settled' })).toEqual({ do: 'record', events: [{ type: 'rollback-ended-incomplete', data: { unrestored: left(['b', 'a']) } }] });
    expect(next({ ...expired, stage: 'baking', bake })).toMatchObject({ events: [{ type: 'rollback-ended-incomplete' }] });
    expect(next({ ...expired, stage: 'ready', index: 1 })).toEqual({ do: 'record', events: [{ type: 'rollback-ended-incomplete', data: { unrestored: left(['b', 'a']) } }] });
  });

  test('is rolled back after all when the batch in work was the last', () => {
    expect(next({ ...expired, index: 2, stage: 'settled', restored: 3 })).toMatchObject({ events: [{ type: 'release-rolled-back' }] });
  });

  test('names a host of its batch that was not begun any more, and what to do', () => {
    expect(notBegun(rollingBack(expired), 'b')).toMatchObject({ code: 'rollback-deadline', message: 'The rollback reached its deadline of 3600 s before b was begun; b is as the release left it.' });
    expect(notBegun(rollingBack(), 'b')).toMatchObject({ code: 'rollback-aborted' });
  });
});

describe('the end of the way back', () => {
  const last = { index: 2, stage: 'settled', restored: 2, untouched: 1 } as const;

  test('after the last batch no bake is needed: the release is rolled back', () => {
    expect(next(last)).toEqual({ do: 'record', events: [{ type: 'release-rolled-back', data: { restored: 2, untouched: 1 } }] });
  });

  test('the way back of an abort ends aborted, with its reason', () => {
    expect(next({ ...last, then: 'aborted' })).toEqual({ do: 'record', events: [{ type: 'release-aborted', data: { reason: 'it smells' } }] });
  });

  test('a host that could not be restored makes the end incomplete, whatever was asked', () => {
    expect(next({ ...last, then: 'aborted', unrestored: [failed('c')] })).toEqual({ do: 'record', events: [{ type: 'rollback-ended-incomplete', data: { unrestored: [failed('c')] } }] });
  });

  test('a batch that is not in the plan of the way back ends it', () => {
    expect(next({ index: 3, stage: 'rolling', restored: 3 })).toEqual({ do: 'record', events: [{ type: 'release-rolled-back', data: { restored: 3, untouched: 0 } }] });
  });
});

describe('a way back that is aborted', () => {
  const left = (host: string) => ({
    host, step: 'fence',
    failure: { class: 'refused', code: 'rollback-aborted', message: `The rollback was aborted before ${host} was reached: enough`, next: 'Send `retry` to this release to finish the rollback.' },
  });

  test('lets the batch in work come to its end', () => {
    expect(next({ stage: 'rolling' }, { aborting: true })).toMatchObject({ do: 'restore' });
  });

  test('names every host it did not reach, and those that failed before', () => {
    expect(next({ index: 1, stage: 'settled', unrestored: [failed('c')] }, { aborting: true })).toEqual({ do: 'record', events: [{ type: 'rollback-ended-incomplete', data: { unrestored: [failed('c'), left('a')] } }] });
    expect(next({ index: 0, stage: 'baking', bake }, { aborting: true })).toMatchObject({ events: [{ data: { unrestored: [left('b'), left('a')] } }] });
  });

  test('counts the batch at hand among those not reached while it is only ready', () => {
    expect(next({ index: 1, stage: 'ready', batches: BATCHES }, { aborting: true })).toMatchObject({ events: [{ data: { unrestored: [left('b'), left('a')] } }] });
  });

  test('after the last batch is complete all the same', () => {
    expect(next({ index: 2, stage: 'settled', restored: 3 }, { aborting: true })).toMatchObject({ events: [{ type: 'release-rolled-back' }] });
  });
});
