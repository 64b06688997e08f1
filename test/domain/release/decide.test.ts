import { describe, expect, test } from 'vitest';
import { allowedCommands, decide } from '../../../domain/release/decide.ts';
import { command } from './simulated-release.ts';
import { AT, ended, failed, paused, PLAN, postRelease, preparing, progress, release, rolling, rollingBack } from './situations.ts';
import type { Command } from '../../../domain/release/commands.ts';
import type { DecideContext } from '../../../domain/release/decide.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const NOW: DecideContext = { now: '2026-01-01T12:00:00.000Z', inWork: [], begunNow: [] };

function eventsOf(state: ReleaseState, sent: Command, context: Partial<DecideContext> = {}) {
  const decision = decide(state, sent, { ...NOW, ...context });
  if ('refusal' in decision) throw new Error(`refused: ${decision.refusal.message}`);
  return decision.events;
}

function refusalOf(state: ReleaseState, sent: Command, context: Partial<DecideContext> = {}) {
  const decision = decide(state, sent, { ...NOW, ...context });
  if (!('refusal' in decision)) throw new Error('it was not refused');
  return decision.refusal;
}

const braked = (more: Parameters<typeof rolling>[0] = {}) => rolling({ stage: 'settled', failed: [failed('b'), failed('c')], braked: true, begun: ['a', 'b', 'c'], ...more });

describe('pause', () => {
  test('pause stops a release until the deadline its strategy sets, counted from now', () => {
    const state = release(rolling(), { strategy: { pause: { deadlineHours: 3, then: 'rollback' } } });
    expect(eventsOf(state, command('pause'))).toEqual([{ type: 'paused', data: { cause: 'operator', reason: 'because', deadline: '2026-01-01T15:00:00.000Z', then: 'rollback' } }]);
  });

  test('pause of a paused release is refused with since when and why', () => {
    expect(refusalOf(release(rolling(), { paused: paused() }), command('pause'))).toEqual({
      code: 'already-paused',
      message: `The release is paused since ${AT}: lunch`,
      allowed: ['resume', 'rollback', 'abort'],
    });
  });

  test('pause of a release that is being aborted is refused', () => {
    expect(refusalOf(release(rolling(), { aborting: { reason: 'x' } }), command('pause'))).toMatchObject({ code: 'not-allowed', message: 'The release is being aborted and starts nothing new.' });
  });
});

describe('resume', () => {
  test('resume of a paused release goes on, with the reason', () => {
    expect(eventsOf(release(rolling(), { paused: paused() }), command('resume'))).toEqual([{ type: 'resumed', data: { reason: 'because' } }]);
  });

  test('resume of a release that is not paused is refused', () => {
    expect(refusalOf(release(rolling()), command('resume'))).toMatchObject({ code: 'not-paused', message: 'The release is not paused.' });
  });

  test('resume while the brake holds is refused and names the hosts and the ways out', () => {
    expect(refusalOf(release(braked(), { paused: paused({ cause: 'brake' }) }), command('resume'))).toEqual({
      code: 'not-allowed',
      message: 'The brake holds because of b, c: retry or skip them, or roll back.',
      allowed: ['rollback', 'abort', 'retry', 'skip', 'answer'],
    });
  });

  test('resume after a dependency was away retries every failed target', () => {
    expect(eventsOf(release(braked(), { paused: paused({ cause: 'dependency' }) }), command('resume'))).toEqual([{ type: 'targets-retried', data: { hosts: ['b', 'c'], round: 1, reason: 'because', epoch: 0 } }]);
  });

  test.each([
    ['failures the brake has not spoken about', braked({ braked: false })],
    ['a brake without failures left', braked({ failed: [] })],
    ['a release that prepares', preparing()],
  ])('resume is not held up by %s', (_what, situation) => {
    expect(eventsOf(release(situation, { paused: paused({ cause: 'dependency' }) }), command('resume'))).toEqual([{ type: 'resumed', data: { reason: 'because' } }]);
  });
});

describe('abort', () => {
  test('abort is accepted in every situation that has not ended, paused or not', () => {
    for (const situation of [{ status: 'queued' as const, behind: null }, preparing(), rolling(), postRelease(), rollingBack()]) {
      expect(eventsOf(release(situation, { paused: paused() }), command('abort'))).toEqual([{ type: 'abort-started', data: { reason: 'because' } }]);
    }
  });

  test('a second abort is refused', () => {
    expect(refusalOf(release(rolling(), { aborting: { reason: 'x' } }), command('abort'))).toMatchObject({ code: 'already-done', message: 'The release is being aborted already.' });
  });
});

describe('rollback', () => {
  test('rollback without a mode is a regular one of what was begun and of what is in work, those first', () => {
    const events = eventsOf(release(rolling({ begun: ['a', 'b'] })), command('rollback'), { inWork: ['c'], begunNow: ['c'] });
    expect(events).toEqual([{ type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'because', batches: [['c'], ['b'], ['a']], then: 'rolled-back', epoch: 0 } }]);
  });

  test('emergency takes as many hosts at once as the floor can spare', () => {
    const events = eventsOf(release(rolling({ begun: ['a', 'b', 'c', 'd'], batch: 2 })), command('rollback', { mode: 'emergency' }));
    expect(events).toMatchObject([{ data: { mode: 'emergency', batches: [['d', 'c'], ['b', 'a']] } }]);
  });

  test('a second regular rollback is refused and says since when one runs', () => {
    expect(refusalOf(release(rollingBack()), command('rollback'))).toMatchObject({ code: 'already-done', message: `The release is rolling back since ${AT}.` });
  });

  test('an emergency cannot be escalated further', () => {
    expect(refusalOf(release(rollingBack({ mode: 'emergency' })), command('rollback', { mode: 'emergency' }))).toMatchObject({ code: 'already-done' });
  });

  test('escalation plans only the batches from the one at hand on', () => {
    expect(eventsOf(release(rollingBack({ index: 1, stage: 'baking' })), command('rollback', { mode: 'emergency' }))).toEqual([{ type: 'rollback-escalated', data: { batches: [['a', 'b']], reason: 'because' } }]);
  });
});

describe('retry', () => {
  test('retry without targets runs all failed ones in the next round, under an epoch the store gives', () => {
    expect(eventsOf(release(braked({ round: 2 }), { paused: paused() }), command('retry'))).toEqual([{ type: 'targets-retried', data: { hosts: ['b', 'c'], round: 3, reason: 'because', epoch: 0 } }]);
  });

  test('retry of one named failed target leaves the others', () => {
    expect(eventsOf(release(braked()), command('retry', { targets: ['c'] }))).toMatchObject([{ data: { hosts: ['c'] } }]);
  });

  test('retry of targets that did not fail is refused and names both', () => {
    expect(refusalOf(release(braked()), command('retry', { targets: ['a', 'x', 'b'] }))).toMatchObject({ code: 'unknown-target', message: 'a, x did not fail; failed are b, c.' });
  });

  test.each([['a release without failures', rolling()], ['a release that prepares', preparing()], ['the post-release phase', postRelease({ failed: [failed('b')] })]])('retry in %s is refused', (_what, situation) => {
    expect(refusalOf(release(situation), command('retry'))).toMatchObject({ code: 'nothing-to-do', message: 'No target has failed.' });
  });

  test('retry waits until the batch has settled', () => {
    expect(refusalOf(release(braked({ stage: 'rolling' })), command('retry'))).toMatchObject({ code: 'not-allowed', message: 'The batch is still in work; pause first, or wait until it has settled.' });
  });
});

describe('skip', () => {
  test('skip of every failed target of a braked release resumes it', () => {
    expect(eventsOf(release(braked(), { paused: paused({ cause: 'brake' }) }), command('skip'))).toEqual([
      { type: 'targets-skipped', data: { hosts: ['b', 'c'], reason: 'because' } },
      { type: 'resumed', data: { reason: 'because' } },
    ]);
  });

  test.each([
    ['some failed targets', braked(), ['b'], paused({ cause: 'brake' })],
    ['targets while nothing is paused', braked(), ['b', 'c'], null],
    ['failed targets the brake let pass', braked({ braked: false }), ['b', 'c'], paused()],
  ])('skip of %s resumes nothing', (_what, situation, targets, pause) => {
    expect(eventsOf(release(situation, { paused: pause }), command('skip', { targets }))).toEqual([{ type: 'targets-skipped', data: { hosts: targets, reason: 'because' } }]);
  });

  test('a target that was not begun can be skipped ahead of its turn', () => {
    expect(eventsOf(release(rolling({ stage: 'rolling', hosts: ['b', 'c'] })), command('skip', { targets: ['c'] }), { begunNow: ['b'] })).toEqual([{ type: 'targets-skipped', data: { hosts: ['c'], reason: 'because' } }]);
  });

  test('skip is refused where no batch is rolling', () => {
    expect(refusalOf(release(preparing()), command('skip'))).toMatchObject({ code: 'not-allowed', message: 'Targets can be skipped while batches are rolling.' });
  });

  test('skip without targets and without failures is refused', () => {
    expect(refusalOf(release(rolling()), command('skip'))).toMatchObject({ code: 'nothing-to-do', message: 'No target has failed; name the targets to skip.' });
  });

  test('skip of foreign hosts and of hosts skipped before is refused and names them', () => {
    expect(refusalOf(release(rolling({ excluded: ['c'] })), command('skip', { targets: ['x', 'c', 'd'] }))).toMatchObject({ code: 'unknown-target', message: 'x, c is not a target of this release that is still to do.' });
  });

  test('skip of a target that is done is refused', () => {
    expect(refusalOf(release(rolling({ begun: ['a', 'b'] })), command('skip', { targets: ['a', 'b', 'd'] }))).toMatchObject({ code: 'not-allowed', message: 'a, b is in work or done; only failed targets and those not begun can be skipped.' });
  });

  test('skip of a target whose lane has just begun is refused', () => {
    expect(refusalOf(release(rolling({ stage: 'rolling' })), command('skip', { targets: ['c'] }), { begunNow: ['c'] })).toMatchObject({ code: 'not-allowed', message: 'c is in work or done; only failed targets and those not begun can be skipped.' });
  });

  test('a failed target can be skipped while its neighbours are in work', () => {
    expect(eventsOf(release(rolling({ stage: 'rolling', failed: [failed('b')], begun: ['a', 'b'] })), command('skip'), { begunNow: ['b', 'c'] })).toHaveLength(1);
  });
});

describe('promote', () => {
  const manual = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: true })) };
  const bake = { index: 1, since: AT, seconds: 2, remainingMs: null };

  test('promote ends a bake before its time', () => {
    expect(eventsOf(release(rolling({ stage: 'baking', bake })), command('promote'))).toEqual([{ type: 'bake-finished', data: { index: 1, cause: 'promoted', reason: 'because' } }]);
  });

  test('promote during the bake of a batch that waits for a person does both at once', () => {
    expect(eventsOf(release(rolling({ stage: 'baking', bake }, manual)), command('promote'))).toEqual([
      { type: 'bake-finished', data: { index: 1, cause: 'promoted', reason: 'because' } },
      { type: 'batch-promoted', data: { index: 1, reason: 'because' } },
    ]);
  });

  test('promote after the bake lets the next batch begin', () => {
    expect(eventsOf(release(rolling({ stage: 'baked' }, manual)), command('promote'))).toEqual([{ type: 'batch-promoted', data: { index: 1, reason: 'because' } }]);
  });

  test('promote of a batch that does not bake works as soon as it has settled', () => {
    expect(eventsOf(release(rolling({ batch: 2 }, manual)), command('promote'))).toEqual([{ type: 'batch-promoted', data: { index: 2, reason: 'because' } }]);
  });

  test('promote ends the watch after the last batch', () => {
    expect(eventsOf(release(postRelease({ stage: 'baking', bake: { ...bake, index: 3 } })), command('promote'))).toEqual([{ type: 'bake-finished', data: { index: 3, cause: 'promoted', reason: 'because' } }]);
  });

  test.each([
    ['batches that go on by themselves', rolling({ stage: 'baked' })],
    ['a batch that was promoted before', rolling({ stage: 'baked', promoted: true }, manual)],
    ['a bastion that joins', rolling({ stage: 'baked', part: 'join', batch: 0 }, manual)],
    ['a batch that will bake first', rolling({ stage: 'settled' }, manual)],
    ['a batch with hosts left to do', rolling({ stage: 'settled', batch: 2, hosts: ['d'] }, manual)],
    ['a batch in work', rolling({ stage: 'rolling', batch: 2 }, manual)],
    ['the post-release phase', { ...postRelease({ stage: 'baked' }), plan: manual }],
    ['a batch the plan does not hold', rolling({ stage: 'settled', batch: 9 }, manual)],
  ])('promote has nothing to do for %s', (_what, situation) => {
    expect(refusalOf(release(situation), command('promote'))).toMatchObject({ code: 'nothing-to-do', message: 'No bake or rest is running and no batch waits for promotion.' });
  });

  test.each([['while a release prepares', preparing()], ['on the way back', rollingBack({ stage: 'baking' })]])('promote is refused %s', (_what, situation) => {
    expect(refusalOf(release(situation), command('promote'))).toMatchObject({ code: 'nothing-to-do', message: 'No bake is running and no batch waits.' });
  });

  test('promote of a paused release asks to resume it first', () => {
    expect(refusalOf(release(rolling({ stage: 'baking', bake }), { paused: paused() }), command('promote'))).toMatchObject({ code: 'not-allowed', message: 'The release is paused; resume it first.' });
  });
});

describe('what is allowed', () => {
  test.each<[string, ReleaseState, readonly string[]]>([
    ['queued', release({ status: 'queued', behind: 'r-0' }), ['pause', 'rollback', 'abort']],
    ['rolling', release(rolling({ stage: 'rolling' })), ['pause', 'rollback', 'abort']],
    ['baking', release(rolling({ stage: 'baking' })), ['pause', 'rollback', 'abort', 'promote']],
    ['braked', release(braked(), { paused: paused({ cause: 'brake' }) }), ['rollback', 'abort', 'retry', 'skip', 'answer']],
    ['waiting for a sign-off', release(rolling({ part: 'install', stage: 'baked', batch: 0 }, undefined, 'pre-release'), { strategy: { signOff: 'after-bastion' } }), ['pause', 'rollback', 'abort', 'approve', 'reject', 'jump']],
    ['rolling back', release(rollingBack()), ['pause', 'rollback', 'abort']],
    ['rolling back in an emergency', release(rollingBack({ mode: 'emergency' })), ['pause', 'abort']],
    ['succeeded', release(ended('succeeded')), ['rollback']],
    ['aborted after hosts were touched', release(ended('aborted')), ['rollback']],
    ['aborted before anything was touched', release(ended('aborted', { progress: progress({ begun: [] }) })), []],
    ['aborted before the first batch', release(ended('aborted', { progress: null })), []],
    ['rolled back', release(ended('rolled-back')), []],
    ['failed in preparation', release(ended('failed', { progress: null })), []],
    ['left incomplete by its rollback', release(ended('rollback-incomplete')), ['retry']],
  ])('a release that is %s says which commands it takes', (_what, state, allowed) => {
    expect(allowedCommands(state)).toEqual(allowed);
  });

  test('an ended release refuses every command, says how it ended and what a new release could do', () => {
    expect(refusalOf(release(ended('succeeded')), command('pause'))).toEqual({ code: 'finished', message: 'The release ended as succeeded; its record does not change any more.', allowed: ['rollback'] });
  });

  test('a command nobody knows is an error of the program, not a refusal', () => {
    expect(() => decide(release(rolling()), { type: 'dance' } as never, NOW)).toThrow('decide does not know the command {"type":"dance"}');
  });
});
