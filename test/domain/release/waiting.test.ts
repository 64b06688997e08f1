import { describe, expect, test } from 'vitest';
import { initialTarget } from '../../../domain/release/target.ts';
import { waitingOf } from '../../../domain/release/waiting.ts';
import { AT, ended, paused, PLAN, postRelease, preparing, release, rolling, rollingBack } from './situations.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const LATER = '2026-01-01T08:00:00.000Z';
const bake = { index: 1, since: AT, seconds: 90, remainingMs: null };
const manual = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: true })) };
const why = (state: ReleaseState, version = 5) => waitingOf(state, {}, version);

describe('what a release waits for', () => {
  test('a paused release waits for an operator and says who paused it, why and until when', () => {
    expect(why(release(rolling(), { paused: paused({ deadline: LATER, then: 'rollback' }) }))).toEqual({
      for: 'resume', since: AT, until: LATER, who: 'an operator', sentence: `Paused by op: lunch. At ${LATER} the strategy says: rollback.`,
    });
  });

  test('a pause without deadline says that it stays', () => {
    expect(why(release(rolling(), { paused: paused() }))).toEqual({ for: 'resume', since: AT, until: null, who: 'an operator', sentence: 'Paused by op: lunch. It stays so until somebody decides.' });
  });

  test('a queued release waits for the one that has the pool', () => {
    expect(why(release({ status: 'queued', behind: 'r-0' }))).toEqual({
      for: 'pool', since: AT, until: null, who: 'release r-0', sentence: 'Queued: release r-0 has pool web-prod. This one starts when that one ends.',
    });
  });

  test('a release nobody has taken up waits for a worker, stored or open', () => {
    expect(why(release({ status: 'queued', behind: null }), 0)).toEqual({ for: 'worker', since: AT, until: null, who: 'a Signalbox worker', sentence: 'The release is stored and starts as soon as a worker takes it up.' });
    expect(why(release({ status: 'queued', behind: null }), 1)?.sentence).toBe('The release is open and starts as soon as a worker takes it up.');
  });

  test('a step that waits for a dependency is told with the host, before any bake', () => {
    const forward = { ...initialTarget('b', 'z').forward, waiting: { dependency: 'the balancer', message: 'no answer', since: LATER } };
    const targets = { a: initialTarget('a', 'z'), b: { ...initialTarget('b', 'z'), forward } };
    expect(waitingOf(release(rolling({ stage: 'baking', bake })), targets, 5)).toEqual({
      for: 'dependency', since: LATER, until: null, who: 'whoever runs the balancer',
      sentence: 'b waits for the balancer: no answer. Nothing is judged meanwhile; it goes on by itself when the balancer is back.',
    });
  });

  test('a wait for capacity works against the deadline, and says until when', () => {
    const forward = { ...initialTarget('b', 'z').forward, waiting: { dependency: 'capacity', message: 'too few would serve', since: LATER } };
    const clock = { from: AT, workedMs: 0, since: AT, awayMs: 0, batch: null };
    const targets = { b: { ...initialTarget('b', 'z'), forward } };
    expect(waitingOf(release(rolling({ stage: 'rolling' }), { clock }), targets, 5)).toMatchObject({
      for: 'dependency', until: '2026-01-01T04:00:00.000Z',
      sentence: 'b waits: too few would serve. It goes on by itself as soon as another host serves again. At 2026-01-01T04:00:00.000Z the release pauses.',
    });
    expect(waitingOf(release(rolling({ stage: 'rolling' })), targets, 5)).toMatchObject({ until: null, sentence: expect.stringMatching(/serves again\.$/) });
  });

  test('of a target that waits in both directions the way back is told', () => {
    const journey = (dependency: string) => ({ ...initialTarget('b', 'z').forward, waiting: { dependency, message: 'm', since: LATER } });
    const b = { ...initialTarget('b', 'z'), forward: journey('the store'), back: journey('the executor') };
    expect(waitingOf(release(rollingBack()), { b }, 5)?.who).toBe('whoever runs the executor');
  });

  test.each([
    ['a batch', rolling({ stage: 'baking', bake })],
    ['the watch at the end', postRelease({ stage: 'baking', bake })],
    ['a rollback', rollingBack({ stage: 'baking', bake })],
  ])('the bake of %s is waited for until its end, computed from its events alone', (_what, situation) => {
    expect(why(release(situation))).toEqual({
      for: 'bake', since: AT, until: '2026-01-01T00:01:30.000Z', who: 'the timer, or an operator with promote', sentence: 'Baking until 2026-01-01T00:01:30.000Z; then the release goes on by itself.',
    });
  });

  test('a rollback tells its own bake, never one of the way forward', () => {
    expect(why(release({ ...rollingBack(), progress: rolling({ bake }).progress }))).toBeNull();
  });

  test('a bake whose clock stands still is not waited for', () => {
    expect(why(release(rolling({ stage: 'baking', bake: { ...bake, remainingMs: 5 } })))).toBeNull();
  });

  test('a batch that asks for a person waits for promote from when it settled on', () => {
    expect(why(release(rolling({ stage: 'baked', since: LATER }, manual)))).toEqual({
      for: 'promote', since: LATER, until: null, who: 'an operator with promote', sentence: 'The strategy asks for a person after batch 1: promote to go on, or roll back.',
    });
  });

  test('the bastion is called by its name', () => {
    expect(why(release(rolling({ stage: 'baked', batch: 0, part: 'install' }, manual, 'pre-release')))?.sentence).toBe('The strategy asks for a person after the bastion: promote to go on, or roll back.');
  });

  test('a batch without a bake waits as soon as it has settled', () => {
    expect(why(release(rolling({ batch: 2 }, manual)))?.for).toBe('promote');
  });

  test.each<[string, ReleaseState['situation']]>([
    ['a batch that goes on by itself', rolling({ stage: 'baked' })],
    ['a promoted batch', rolling({ stage: 'baked', promoted: true }, manual)],
    ['a bastion that joins', rolling({ stage: 'baked', part: 'join' }, manual)],
    ['a batch that bakes next', rolling({}, manual)],
    ['a batch with hosts left', rolling({ batch: 2, hosts: ['d'] }, manual)],
    ['a batch in work', rolling({ batch: 2, stage: 'rolling' }, manual)],
    ['a batch beyond the plan', rolling({ batch: 9 }, manual)],
    ['a release that prepares', preparing()],
    ['the audit', { ...postRelease({ stage: 'baked' }), plan: manual }],
    ['a release that has ended', ended('succeeded')],
  ])('%s waits for nobody', (_what, situation) => {
    expect(why(release(situation))).toBeNull();
  });

  test('an ended release waits for nothing, even where a target still did', () => {
    const forward = { ...initialTarget('b', 'z').forward, waiting: { dependency: 'x', message: 'm', since: AT } };
    expect(waitingOf(release(ended('failed')), { b: { ...initialTarget('b', 'z'), forward } }, 9)).toBeNull();
  });
});
