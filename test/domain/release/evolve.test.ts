import { describe, expect, test } from 'vitest';
import { evolve, initialRelease } from '../../../domain/release/evolve.ts';
import { AT, ended, failed, HOSTS, LATER, paused, PLAN, postRelease, preparing, progress, release, REQUEST, rolling, rollback, rollingBack, SICK, stored } from './situations.ts';
import type { CoreEvent } from '../../../domain/release/events.ts';
import type { ReleaseState, Situation } from '../../../domain/release/state.ts';

const after = (state: ReleaseState, event: CoreEvent): ReleaseState => evolve(state, stored(event));
const situationAfter = (situation: Situation, event: CoreEvent): Situation => after(release(situation), event).situation;
const bake = { index: 1, since: AT, seconds: 90, remainingMs: null };
const queued = { status: 'queued', behind: null } as const;

describe('a release in preparation', () => {
  test('begins queued behind nobody, as it was asked for', () => {
    expect(initialRelease(stored({ type: 'release-requested', data: REQUEST }))).toEqual({ request: REQUEST, createdAt: LATER, paused: null, aborting: null, epoch: null, situation: queued, decisions: 1 });
  });

  test('counts its decisions, also those that change nothing else', () => {
    expect(after(release(queued), { type: 'inventory-captured', data: { inventory: {} as never } })).toEqual(release(queued, { decisions: 10 }));
  });

  test('queues behind another one', () => {
    expect(situationAfter(queued, { type: 'release-queued', data: { behind: 'r-0' } })).toEqual({ status: 'queued', behind: 'r-0' });
  });

  test('prepares under the epoch it got with the pool', () => {
    expect(after(release(queued, { epoch: null }), { type: 'pool-acquired', data: { epoch: 12 } })).toMatchObject({ epoch: 12, situation: preparing() });
  });

  test('learns who is in service, which hosts failed, and its plan, one after the other', () => {
    expect(situationAfter(preparing(), { type: 'targets-observed', data: { inService: ['a'], failed: [failed('b')] } })).toEqual(preparing({ inService: ['a'], failed: [failed('b')] }));
    expect(situationAfter(preparing({ inService: ['a'] }), { type: 'plan-made', data: { plan: PLAN } })).toEqual(preparing({ inService: ['a'], plan: PLAN }));
  });

  test('is staged only if no host failed', () => {
    expect(situationAfter(preparing({ plan: PLAN }), { type: 'targets-staged', data: { failed: [] } })).toEqual(preparing({ plan: PLAN, staged: true }));
    expect(situationAfter(preparing({ plan: PLAN }), { type: 'targets-staged', data: { failed: [failed('b')] } })).toEqual(preparing({ plan: PLAN, failed: [failed('b')] }));
  });

  test('learns nothing of that in another situation', () => {
    expect(situationAfter(rolling(), { type: 'plan-made', data: { plan: { ...PLAN, batches: [] } } })).toEqual(rolling());
  });
});

describe('the phases', () => {
  const enter = (situation: Situation, phase: 'pre-release' | 'release' | 'post-release' | 'rollback') => situationAfter(situation, { type: 'phase-entered', data: { phase } });

  test('pre-release begins with the first batch of the plan', () => {
    expect(enter(preparing({ plan: PLAN }), 'pre-release')).toEqual({ status: 'pre-release', plan: PLAN, progress: progress({ batch: 0, part: 'install', stage: 'ready', hosts: ['a'], begun: [], since: LATER }) });
  });

  test('release goes on with the progress made', () => {
    expect(enter(rolling({ batch: 0 }, PLAN, 'pre-release'), 'release')).toEqual(rolling({ batch: 0 }));
  });

  test('post-release keeps what was begun and forgets the batch at hand', () => {
    expect(enter(rolling({ stage: 'baked', hosts: ['d'], bake, promoted: true, begun: [...HOSTS] }), 'post-release')).toEqual(postRelease({ batch: 1, since: LATER }));
  });

  test.each([
    ['without a plan', preparing(), 'pre-release'],
    ['release without progress', preparing({ plan: PLAN }), 'release'],
    ['post-release without progress', preparing({ plan: PLAN }), 'post-release'],
    ['a phase that has no situation of its own', rolling(), 'rollback'],
  ] as const)('%s changes nothing', (_what, situation, phase) => {
    expect(enter(situation, phase)).toEqual(situation);
  });
});

describe('the batches', () => {
  const start: CoreEvent = { type: 'batch-started', data: { index: 1, part: 'whole', round: 0, hosts: ['b', 'c'] } };

  test('starting, finishing, baking, promoting and braking move the progress and its time', () => {
    expect(situationAfter(rolling({ stage: 'ready' }), start)).toEqual(rolling({ stage: 'rolling', hosts: ['b', 'c'], since: LATER }));
    expect(situationAfter(rolling({ stage: 'rolling', hosts: ['b', 'c'] }), { type: 'batch-finished', data: { index: 1, part: 'whole', round: 0, succeeded: 1, failed: [failed('c')], untouched: [] } })).toEqual(rolling({ begun: ['a', 'b', 'c'], failed: [failed('c')], since: LATER }));
    expect(situationAfter(rolling(), { type: 'bake-started', data: { index: 1, seconds: 90 } })).toEqual(rolling({ stage: 'baking', bake: { ...bake, since: LATER }, since: LATER }));
    expect(situationAfter(rolling({ stage: 'baking', bake }), { type: 'bake-finished', data: { index: 1, cause: 'time', reason: null } })).toEqual(rolling({ stage: 'baked', since: LATER }));
    expect(situationAfter(rolling(), { type: 'batch-promoted', data: { index: 1, reason: 'r' } })).toEqual(rolling({ promoted: true, since: LATER }));
    expect(situationAfter(rolling(), { type: 'brake-applied', data: { index: 1, hosts: ['b'], sentence: 's', then: 'hold' } })).toEqual(rolling({ braked: true, since: LATER }));
  });

  test.each([['the bastion', rolling({}, PLAN, 'pre-release')], ['the watch at the end', postRelease()]])('a bake of %s counts as well', (_what, situation) => {
    expect(situationAfter(situation, { type: 'bake-started', data: { index: 1, seconds: 5 } })).toMatchObject({ progress: { stage: 'baking' } });
  });

  test.each([['preparation', preparing()], ['an ended release', ended('succeeded')]])('batches mean nothing to %s', (_what, situation) => {
    expect(situationAfter(situation, start)).toEqual(situation);
  });

  test('a bake on the way back belongs to the rollback, and its end to the next batch', () => {
    expect(situationAfter(rollingBack({ stage: 'settled' }), { type: 'bake-started', data: { index: 0, seconds: 90 } })).toEqual(rollingBack({ stage: 'baking', bake: { ...bake, index: 0, since: LATER } }));
    expect(situationAfter(rollingBack({ stage: 'baking', bake }), { type: 'bake-finished', data: { index: 0, cause: 'time', reason: null } })).toEqual(rollingBack({ index: 1 }));
    expect(situationAfter(rollingBack(), start)).toEqual(rollingBack());
  });

  test('retried targets act under a new epoch and end the pause', () => {
    const state = after(release(rolling({ failed: [failed('b')] }), { paused: paused() }), { type: 'targets-retried', data: { hosts: ['b'], round: 1, reason: 'r', epoch: 9 } });
    expect(state).toMatchObject({ epoch: 9, paused: null, situation: { progress: { failed: [], hosts: ['b'], round: 1, stage: 'ready' } } });
  });

  test('skipped targets are debt; the pause stays until it is resumed', () => {
    const state = after(release(rolling({ failed: [failed('b')] }), { paused: paused() }), { type: 'targets-skipped', data: { hosts: ['b'], reason: 'r' } });
    expect(state).toMatchObject({ paused: paused(), situation: { progress: { failed: [], debt: [{ host: 'b', cause: 'skipped', reason: 'r' }] } } });
  });

  test('the audit counts only after the last batch', () => {
    const audit: CoreEvent = { type: 'audit-finished', data: { mismatches: [] } };
    expect(situationAfter(postRelease(), audit)).toEqual(postRelease({}, []));
    expect(situationAfter(rolling(), audit)).toEqual(rolling());
  });
});

describe('a pause', () => {
  const pause: CoreEvent = { type: 'paused', data: { cause: 'drift', reason: 'hm', deadline: AT, then: 'abort' } };

  test('says who paused, since when and until when, and stops the clock of a bake', () => {
    const state = after(release(rolling({ stage: 'baking', bake })), pause);
    expect(state.paused).toEqual({ cause: 'drift', reason: 'hm', deadline: AT, then: 'abort', by: 'op', since: LATER, quiet: false });
    expect(state.situation).toEqual(rolling({ stage: 'baking', bake: { ...bake, remainingMs: 30_000 } }));
  });

  test('stops the clock of a rollback\'s bake too, and resuming lets it go on', () => {
    const state = after(release(rollingBack({ stage: 'baking', bake })), pause);
    expect(state.situation).toEqual(rollingBack({ stage: 'baking', bake: { ...bake, remainingMs: 30_000 } }));
    expect(after(state, { type: 'resumed', data: { reason: 'r' } })).toMatchObject({ paused: null, situation: { rollback: { bake: { since: LATER, seconds: 30, remainingMs: null } } } });
  });

  test('becomes quiet once no target is in work, and loses its deadline once it has passed', () => {
    const held = release(rolling(), { paused: paused({ deadline: AT }) });
    expect(after(held, { type: 'quiet-reached', data: {} }).paused).toEqual(paused({ deadline: AT, quiet: true }));
    expect(after(held, { type: 'pause-expired', data: { then: 'stay' } }).paused).toEqual(paused());
  });

  test('that is over cannot become quiet or expire', () => {
    expect(after(release(rolling()), { type: 'quiet-reached', data: {} }).paused).toBeNull();
    expect(after(release(rolling()), { type: 'pause-expired', data: { then: 'stay' } }).paused).toBeNull();
  });

  test('after a failed audit ends with another audit, and a good audit is kept', () => {
    const mismatch = { host: 'a', expected: '2', observed: '1' };
    expect(situationAfter(postRelease({}, [mismatch]), { type: 'resumed', data: { reason: 'r' } })).toEqual(postRelease({}, null));
    expect(situationAfter(postRelease({}, []), { type: 'resumed', data: { reason: 'r' } })).toEqual(postRelease({}, []));
    expect(situationAfter(rolling(), { type: 'resumed', data: { reason: 'r' } })).toEqual(rolling());
  });

  test('ends when the release is aborted', () => {
    expect(after(release(rolling(), { paused: paused() }), { type: 'abort-started', data: { reason: 'enough' } })).toMatchObject({ paused: null, aborting: { reason: 'enough' } });
  });
});

describe('a rollback', () => {
  const start: CoreEvent = { type: 'rollback-started', data: { mode: 'emergency', cause: 'bastion', reason: 'sick', batches: [['a']], then: 'aborted', epoch: 9 } };

  test('keeps plan and progress, acts under a new epoch, and ends pause and abort', () => {
    expect(after(release(rolling(), { paused: paused(), aborting: { reason: 'x' } }), start)).toEqual(
      release(
        { status: 'rolling-back', plan: PLAN, progress: progress(), rollback: rollback({ mode: 'emergency', cause: 'bastion', reason: 'sick', batches: [['a']], then: 'aborted', by: 'op', since: LATER }) },
        { epoch: 9, decisions: 10, clock: { from: LATER, workedMs: 0, since: LATER, awayMs: 0, batch: null } },
      ),
    );
  });

  test('of a release that did not roll has no progress', () => {
    expect(situationAfter(preparing({ plan: PLAN }), start)).toMatchObject({ status: 'rolling-back', plan: PLAN, progress: null });
    expect(situationAfter(queued, start)).toMatchObject({ plan: null, progress: null });
  });

  test('counts restored, untouched and unrestored hosts over its batches', () => {
    const begun = situationAfter(rollingBack({ restored: 1, untouched: 2, unrestored: [failed('x')] }), { type: 'rollback-batch-started', data: { index: 1, hosts: ['b'] } });
    expect(begun).toEqual(rollingBack({ restored: 1, untouched: 2, unrestored: [failed('x')], index: 1, stage: 'rolling' }));
    expect(situationAfter(begun, { type: 'rollback-batch-finished', data: { index: 1, restored: 3, untouched: 4, failed: [failed('b')] } })).toEqual(rollingBack({ restored: 4, untouched: 6, unrestored: [failed('x'), failed('b')], index: 1, stage: 'settled' }));
  });

  test('past its deadline and escalated, begins hosts again and has the whole time again', () => {
    const clock = { from: AT, workedMs: 0, since: AT, awayMs: 5_000, batch: null };
    const state = after(release(rollingBack({ expiredSeconds: 3600 }), { clock }), { type: 'rollback-escalated', data: { batches: [['a', 'b']], reason: 'fire' } });
    expect(state.situation).toEqual(rollingBack({ mode: 'emergency', reason: 'fire', batches: [['a', 'b']] }));
    expect(state.clock).toEqual({ ...clock, from: LATER, since: LATER, awayMs: 0 });
  });

  test('that escalates begins its new batches, without the old bake', () => {
    expect(situationAfter(rollingBack({ index: 1, stage: 'baking', bake, restored: 1 }), { type: 'rollback-escalated', data: { batches: [['a', 'b']], reason: 'fire' } })).toEqual(
      rollingBack({ mode: 'emergency', reason: 'fire', batches: [['a', 'b']], restored: 1 }),
    );
  });

  test('has no batches in a release that does not roll back', () => {
    expect(situationAfter(rolling(), { type: 'rollback-batch-started', data: { index: 1, hosts: ['b'] } })).toEqual(rolling());
  });
});

describe('the end', () => {
  const debt = [{ host: 'c', cause: 'failed', reason: 'r' }] as const;

  test.each<[CoreEvent, Partial<ReturnType<typeof ended>>]>([
    [{ type: 'release-succeeded', data: { debt } }, { status: 'succeeded', debt }],
    [{ type: 'release-failed', data: { failure: SICK } }, { status: 'failed', failure: SICK }],
    [{ type: 'release-rolled-back', data: { restored: 1, untouched: 0 } }, { status: 'rolled-back' }],
    [{ type: 'rollback-ended-incomplete', data: { unrestored: [failed('c')] } }, { status: 'rollback-incomplete', unrestored: [failed('c')] }],
    [{ type: 'release-aborted', data: { reason: 'r' } }, { status: 'aborted' }],
    [
      { type: 'release-rejected', data: { code: 'pool-busy', reason: 'r-0 has it' } },
      { status: 'rejected', failure: { class: 'refused', code: 'pool-busy', message: 'r-0 has it', next: 'Start it again when the pool is free, or with busy: queue.' } },
    ],
  ])('$type keeps plan and progress, ends the pause and says when', (event, more) => {
    expect(after(release(rolling(), { paused: paused() }), event)).toEqual(release({ ...ended('succeeded', { progress: progress() }), ...more }, { decisions: 10 }));
  });

  test('of a rollback keeps how it went', () => {
    expect(situationAfter(rollingBack({ restored: 3 }), { type: 'release-rolled-back', data: { restored: 3, untouched: 0 } })).toMatchObject({ rollback: rollback({ restored: 3 }) });
  });

  test('of a release that never had a plan has none', () => {
    expect(situationAfter(queued, { type: 'release-aborted', data: { reason: 'r' } })).toMatchObject({ plan: null, progress: null, rollback: null });
  });

  test('an event nobody knows is an error of the program', () => {
    expect(() => evolve(release(queued), { type: 'release-danced' } as never)).toThrow('evolve does not know the event {"type":"release-danced"}');
  });
});
