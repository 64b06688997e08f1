import { describe, expect, test } from 'vitest';
import { targetView } from '../../../domain/release/target-view.ts';
import { initialTarget } from '../../../domain/release/target.ts';
import { ended, failed, release, rolling, rollingBack, rollback, SICK } from './situations.ts';
import type { TargetStatus } from '../../../domain/release/target-view.ts';
import type { Journey, TargetState } from '../../../domain/release/target.ts';

const journey = (more: Partial<Journey> = {}): Journey => ({ round: 0, begun: null, done: [], failure: null, waiting: null, ...more });
const target = (more: Partial<TargetState> = {}): TargetState => ({ ...initialTarget('b', 'z1'), ...more });
const SEEN = { applications: [], traffic: { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true }, freeBytes: 1 } as const;
const FAILURE = { step: 'verify', failure: SICK } as const;

describe('a target on the way forward', () => {
  test.each<[TargetStatus, TargetState]>([
    ['pending', target()],
    ['observed', target({ preImage: SEEN })],
    ['staged', target({ preImage: SEEN, staged: true })],
    ['in-work', target({ staged: true, forward: journey({ begun: 'drain' }) })],
    ['installed', target({ forward: journey({ begun: 'verify', done: ['drain', 'verify'] }) })],
    ['succeeded', target({ forward: journey({ begun: 'admit', done: ['verify', 'admit'] }) })],
    ['failed', target({ forward: journey({ begun: 'verify', done: ['verify', 'admit'], failure: FAILURE }) })],
  ])('is %s as far as its events tell', (status, state) => {
    expect(targetView(release(rolling()), 'b', state).status).toBe(status);
  });

  test('is skipped once somebody said so, whatever happened to it before', () => {
    expect(targetView(release(rolling({ excluded: ['b'] })), 'b', target({ forward: journey({ failure: FAILURE }) })).status).toBe('skipped');
    expect(targetView(release(rolling({ excluded: ['c'] })), 'b', target()).status).toBe('pending');
  });

  test('shows its zone, the step begun last, how often it was tried, its versions, and the error with its step', () => {
    const state = target({ observedVersion: { web: '1' }, forward: journey({ round: 2, begun: 'verify', failure: FAILURE }) });
    expect(targetView(release(rolling()), 'b', state)).toEqual({ host: 'b', zone: 'z1', status: 'failed', step: 'verify', attempts: 3, observedVersion: { web: '1' }, error: { ...SICK, step: 'verify' } });
  });

  test('that was never begun has no attempts, no step and no error', () => {
    expect(targetView(release(rolling()), 'b', target())).toMatchObject({ step: null, attempts: 0, error: null });
  });

  test('nobody has heard of is pending', () => {
    expect(targetView(release(rolling()), 'x', undefined)).toEqual({ host: 'x', zone: '', status: 'pending', step: null, attempts: 0, observedVersion: {}, error: null });
  });
});

describe('a target on the way back', () => {
  const forward = journey({ begun: 'admit', done: ['admit'] });
  const fenced = { untouched: false };

  test.each<[TargetStatus, string, Parameters<typeof rollback>[0], TargetState['fenced']]>([
    ['succeeded', 'before its batch has come and it is fenced', { index: 0 }, null],
    ['restoring', 'once it is fenced', { index: 1, stage: 'rolling' }, fenced],
    ['restored', 'when its batch is over', { index: 2 }, fenced],
    ['restored', 'when its batch has settled', { index: 1, stage: 'settled' }, fenced],
    ['untouched', 'when nothing of the release had reached it', { index: 2 }, { untouched: true }],
    ['unrestored', 'when it could not be brought back', { index: 1, stage: 'rolling', unrestored: [failed('b')] }, fenced],
    ['succeeded', 'when it has no part in the rollback', { batches: [['a']], index: 0, stage: 'rolling' }, null],
  ])('is %s %s', (status, _when, more, fence) => {
    expect(targetView(release(rollingBack(more)), 'b', target({ forward, fenced: fence })).status).toBe(status);
  });

  test('of a rollback that has ended is restored, or unrestored where the end says so', () => {
    const end = (unrestored: readonly ReturnType<typeof failed>[]) => release(ended('rollback-incomplete', { rollback: rollback({ index: 0 }), unrestored }));
    expect(targetView(end([failed('c')]), 'b', target({ fenced })).status).toBe('restored');
    expect(targetView(end([failed('c'), failed('b')]), 'b', target({ fenced })).status).toBe('unrestored');
  });

  test('shows the step of the way back from the fence on, and the error of the way back before the older one', () => {
    const back = journey({ begun: 'start', failure: { step: 'start', failure: { ...SICK, message: 'old one gone' } } });
    const moved = target({ forward: journey({ begun: 'verify', failure: FAILURE }), back });
    expect(targetView(release(rollingBack()), 'b', moved)).toMatchObject({ step: 'start', error: { message: 'old one gone', step: 'start' } });
    expect(targetView(release(rollingBack()), 'b', target({ forward: journey({ begun: 'verify' }), fenced })).step).toBeNull();
    expect(targetView(release(rollingBack()), 'b', target({ forward: journey({ begun: 'verify' }) })).step).toBe('verify');
  });
});
