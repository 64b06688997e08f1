import { describe, expect, test } from 'vitest';
import { batchesBack, notJoined, outOfService, startRollback } from '../../../domain/release/start-rollback.ts';
import { failed, PLAN, preparing, progress, release, REQUEST, rolling, rollingBack } from './situations.ts';

const cause = { cause: 'tolerance', reason: 'two failed', mode: 'regular', inWork: [] } as const;

describe('the event that starts a rollback', () => {
  test('names mode, cause and reason, and ends rolled back unless asked otherwise', () => {
    expect(startRollback(release(rolling({ begun: ['a', 'b'] })), cause)).toEqual({
      type: 'rollback-started', data: { mode: 'regular', cause: 'tolerance', reason: 'two failed', batches: [['b'], ['a']], then: 'rolled-back', epoch: 0 },
    });
    expect(startRollback(release(rolling()), { ...cause, then: 'aborted' })).toMatchObject({ data: { then: 'aborted' } });
  });

  test('is the end itself when nothing was begun', () => {
    expect(startRollback(release(rolling({ begun: [] })), cause)).toEqual({ type: 'release-rolled-back', data: { restored: 0, untouched: 0 } });
    expect(startRollback(release(rolling({ begun: [] })), { ...cause, then: 'aborted' })).toEqual({ type: 'release-aborted', data: { reason: 'two failed' } });
  });

  test('is an abort of a release that was to take another one back and does not know its hosts yet: it has taken nothing back', () => {
    const request = { ...REQUEST, kind: 'rollback' as const };
    expect(startRollback(release(preparing(), { request }), cause)).toEqual({ type: 'release-aborted', data: { reason: 'two failed' } });
    const plan = { ...PLAN, batches: [], restore: [] };
    expect(startRollback(release(preparing({ plan }), { request }), cause).type).toBe('release-rolled-back');
  });

  test('is the end itself for a release that never had its pool', () => {
    expect(startRollback(release(rolling(), { epoch: null }), cause).type).toBe('release-rolled-back');
  });
});

describe('the hosts to take back', () => {
  test('are none before there is a plan', () => {
    expect(batchesBack(release(preparing()), { ...cause, inWork: ['a'] })).toEqual([]);
  });

  test('are those begun before, begun now and in work, each once', () => {
    expect(batchesBack(release(rolling({ begun: ['a', 'b'] })), { ...cause, begunNow: ['b', 'c'], inWork: ['d'] }).flat()).toEqual(['d', 'c', 'b', 'a']);
  });

  test('of the release of a rollback are those its plan restores', () => {
    expect(batchesBack(release(preparing({ plan: { ...PLAN, batches: [], restore: ['x', 'y'] } })), cause)).toEqual([['y'], ['x']]);
  });

  test('are only the given ones in an abort', () => {
    expect(batchesBack(release(rolling({ begun: ['a', 'b', 'c'] })), { ...cause, only: ['b'] })).toEqual([['b']]);
  });

  test('begin with those out of service: failed ones and those in work', () => {
    expect(batchesBack(release(rolling({ begun: ['a', 'b', 'c'], failed: [failed('a')] })), cause)).toEqual([['a'], ['c'], ['b']]);
    expect(batchesBack(release(rolling({ begun: ['a', 'b', 'c'] })), { ...cause, inWork: ['b'] })).toEqual([['b'], ['c'], ['a']]);
  });

  test('do not count a host as out that is not taken back', () => {
    const state = release(rolling({ begun: ['a', 'b', 'c', 'd'], failed: [failed('a')] }));
    expect(batchesBack(state, { ...cause, mode: 'emergency', only: ['b', 'c', 'd'] })).toEqual([['d', 'c'], ['b']]);
  });

  test('of an emergency leave room for the hosts that could not be restored before it, and are out', () => {
    const state = release(rollingBack({ unrestored: [failed('a')] }));
    expect(batchesBack(state, { ...cause, mode: 'emergency', only: ['b', 'c'] })).toEqual([['c'], ['b']]);
  });

  test('count a host of the batch at hand as out of service until its lane has run it again', () => {
    const state = release(rolling({ begun: ['a', 'b', 'c'], stage: 'rolling', round: 1, hosts: ['b'] }));
    expect(batchesBack(state, cause)[0]).toEqual(['b']);
    expect(batchesBack(state, { ...cause, begunNow: ['b'] })[0]).toEqual(['c']);
  });

  test('a plan without batches knows no bastion', () => {
    expect(batchesBack(release(rolling({ begun: ['a'], part: 'install' }, { ...PLAN, batches: [] })), cause)).toEqual([['a']]);
  });
});

describe('out of service by this release', () => {
  test('are failed hosts, skipped ones that were begun, and a bastion that waits', () => {
    expect(outOfService(progress({ begun: ['a', 'b', 'c'], failed: [failed('b')], excluded: ['c', 'd'], part: 'install' }), ['a'])).toEqual(['b', 'c', 'a']);
  });

  test('are hosts that are to be run again, or that no lane took up', () => {
    expect(outOfService(progress({ begun: ['a', 'b'], stage: 'ready', hosts: ['b', 'c'] }), ['a'])).toEqual(['b']);
    expect(outOfService(progress({ begun: ['a'], part: 'join', stage: 'settled', hosts: ['a'] }), ['a'])).toEqual(['a']);
  });

  test.each([
    ['while it is installed and baked', { part: 'install', stage: 'baking' }, ['a']],
    ['while it joins', { part: 'join', stage: 'rolling' }, ['a']],
    ['no more once it has joined', { part: 'join', stage: 'settled' }, []],
    ['no more in the batches after it', { part: 'whole', stage: 'rolling' }, []],
  ] as const)('is the bastion %s', (_when, more, hosts) => {
    expect(notJoined(progress({ begun: ['a'], ...more }), ['a'])).toEqual(hosts);
  });

  test('is no bastion host that was not begun', () => {
    expect(notJoined(progress({ begun: ['a'], part: 'install' }), ['a', 'z'])).toEqual(['a']);
  });
});
