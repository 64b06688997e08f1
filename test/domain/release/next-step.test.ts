import { describe, expect, test } from 'vitest';
import { nextStep, stepsOf } from '../../../domain/release/next-step.ts';
import { AT, ended, failed, HOSTS, paused, PLAN, postRelease, preparing, release, REQUEST, rolling, rollingBack, SICK } from './situations.ts';
import { STRATEGY } from './simulated-release.ts';
import type { ReleaseState, Situation } from '../../../domain/release/state.ts';
import type { NextStep } from '../../../domain/release/next-step.ts';

const START_MS = Date.parse(AT);
const next = (situation: Situation, more: Parameters<typeof release>[1] = {}, nowMs = START_MS): NextStep => nextStep(release(situation, more), nowMs);
const record = (type: string, data: object): object => ({ do: 'record', events: [{ type, data }] });
const bake = { index: 1, since: AT, seconds: 2, remainingMs: null };
const manual = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: true })) };

describe('preparation, step by step', () => {
  test('a queued release takes its pool, or waits for the one before it', () => {
    expect(next({ status: 'queued', behind: null })).toEqual({ do: 'acquire' });
    expect(next({ status: 'queued', behind: 'r-0' })).toEqual({ do: 'wait', for: 'pool', untilMs: null });
  });

  test('then every host is observed, the plan made, and every host of the plan staged', () => {
    expect(next(preparing())).toEqual({ do: 'observe', hosts: [...HOSTS] });
    expect(next(preparing({ inService: ['a'] }))).toEqual({ do: 'plan' });
    expect(next(preparing({ inService: ['a'], plan: PLAN }))).toEqual({ do: 'stage', hosts: ['a', 'b', 'c', 'd'] });
    expect(next(preparing({ inService: ['a'], plan: PLAN, staged: true }))).toEqual(record('phase-entered', { phase: 'pre-release' }));
  });

  test('a host that could not be prepared fails the release before any traffic moves, and every such host is named', () => {
    expect(next(preparing({ inService: ['a'], plan: PLAN, failed: [failed('b'), failed('c', { ...SICK, code: 'other' })] }))).toEqual(record('release-failed', {
      failure: { class: 'bad-build', code: 'health-timeout', message: 'Preparation failed on b, c; no traffic was moved. b: it answers 500', next: 'Read the log.' },
    }));
  });

  test('the release of a rollback begins to restore as soon as it has a plan, without staging', () => {
    const plan = { ...PLAN, batches: [], restore: ['a', 'b'] };
    const asked = { ...REQUEST, kind: 'rollback' as const, mode: 'emergency' as const };
    const data = { mode: 'emergency', cause: 'release', reason: 'weekly', batches: [['b', 'a']], then: 'rolled-back', epoch: 0 };
    expect(next(preparing({ inService: [...HOSTS], plan }), { request: asked })).toEqual(record('rollback-started', data));
    expect(next(preparing({ inService: [...HOSTS], plan }), { request: { ...asked, mode: null, reason: null, rollbackOf: 'r-0' } })).toEqual(record('rollback-started', { ...data, mode: 'regular', reason: 'rollback of r-0', batches: [['b'], ['a']] }));
    expect(next(preparing({ inService: [...HOSTS], plan }), { request: { ...asked, reason: null } })).toMatchObject({ events: [{ data: { reason: 'rollback of an earlier release' } }] });
  });
});

describe('a batch, step by step', () => {
  test('one that is ready starts with its hosts', () => {
    expect(next(rolling({ stage: 'ready', hosts: ['b', 'c'], round: 2 }))).toEqual(record('batch-started', { index: 1, part: 'whole', round: 2, hosts: ['b', 'c'] }));
  });

  test('one that has started is rolled in the lanes of its plan', () => {
    expect(next(rolling({ stage: 'rolling', hosts: ['b', 'c'], round: 1 }))).toEqual({ do: 'roll', index: 1, part: 'whole', round: 1, hosts: ['b', 'c'], lanes: 2, steps: ['drain', 'stop', 'switch', 'start', 'verify', 'admit'] });
  });

  test('a bastion is installed without being admitted, and only admitted when it joins', () => {
    expect(stepsOf('install')).toEqual(['drain', 'stop', 'switch', 'start', 'verify']);
    expect(stepsOf('join')).toEqual(['admit']);
    expect(stepsOf('whole')).toEqual(['drain', 'stop', 'switch', 'start', 'verify', 'admit']);
  });

  test('one that has settled with hosts left to do starts again with those', () => {
    expect(next(rolling({ hosts: ['c'], begun: ['a', 'b'] }))).toEqual(record('batch-started', { index: 1, part: 'whole', round: 0, hosts: ['c'] }));
  });

  test('one that has settled bakes, then the next one starts in its first round', () => {
    expect(next(rolling())).toEqual(record('bake-started', { index: 1, seconds: 2 }));
    expect(next(rolling({ stage: 'baked', round: 3 }))).toEqual(record('batch-started', { index: 2, part: 'whole', round: 0, hosts: ['d'] }));
  });

  test('a bake is waited for until its end and not a millisecond longer', () => {
    expect(next(rolling({ stage: 'baking', bake }), {}, START_MS + 1_999)).toEqual({ do: 'wait', for: 'bake', untilMs: START_MS + 2_000 });
    expect(next(rolling({ stage: 'baking', bake }), {}, START_MS + 2_000)).toEqual(record('bake-finished', { index: 1, cause: 'time', reason: null }));
    expect(next(rolling({ stage: 'baking' }))).toEqual(record('bake-finished', { index: 1, cause: 'time', reason: null }));
  });

  test('one that waits for a person waits without end, and no more once it is promoted', () => {
    expect(next(rolling({ stage: 'baked' }, manual))).toEqual({ do: 'wait', for: 'promote', untilMs: null });
    expect(next(rolling({ stage: 'baked', promoted: true }, manual))).toEqual(record('batch-started', { index: 2, part: 'whole', round: 0, hosts: ['d'] }));
  });

  test('the bastion done, the release phase is entered, where it joins and does not bake or wait again', () => {
    expect(next(rolling({ batch: 0, part: 'install', stage: 'baked' }, PLAN, 'pre-release'))).toEqual(record('phase-entered', { phase: 'release' }));
    expect(next(rolling({ batch: 0, part: 'install', stage: 'baked' }))).toEqual(record('batch-started', { index: 0, part: 'join', round: 0, hosts: ['a'] }));
    expect(next(rolling({ batch: 0, part: 'join' }, manual))).toEqual(record('batch-started', { index: 1, part: 'whole', round: 0, hosts: ['b', 'c'] }));
  });

  test('a plan without bastion enters the release phase at once', () => {
    expect(next(rolling({ batch: 0, part: 'whole', stage: 'ready', hosts: ['b'] }, PLAN, 'pre-release'))).toEqual(record('phase-entered', { phase: 'release' }));
  });

  test('a bastion that failed or was skipped does not join', () => {
    const skipped = { batch: 0, part: 'install', stage: 'baked', excluded: ['a'] } as const;
    expect(next(rolling(skipped))).toEqual(record('batch-started', { index: 1, part: 'whole', round: 0, hosts: ['b', 'c'] }));
    expect(next(rolling({ ...skipped, excluded: [], failed: [failed('a')] }))).toMatchObject({ events: [{ data: { index: 1, part: 'whole' } }] });
  });

  test('skipped hosts are left out of later batches, and a batch of nothing else is left out whole', () => {
    expect(next(rolling({ batch: 0, part: 'join', excluded: ['b'] }))).toMatchObject({ events: [{ data: { index: 1, hosts: ['c'] } }] });
    expect(next(rolling({ batch: 0, part: 'join', excluded: ['b', 'c'] }))).toMatchObject({ events: [{ data: { index: 2, hosts: ['d'] } }] });
    expect(next(rolling({ stage: 'baked', excluded: ['d'] }))).toEqual(record('phase-entered', { phase: 'post-release' }));
  });

  test('after the last batch, baked or not, the post-release phase is entered', () => {
    expect(next(rolling({ batch: 2 }))).toEqual(record('phase-entered', { phase: 'post-release' }));
    expect(next(rolling({ batch: 7, stage: 'rolling' }))).toEqual(record('phase-entered', { phase: 'post-release' }));
  });
});

describe('the brake', () => {
  const sick = (more: Parameters<typeof rolling>[0] = {}) => rolling({ begun: ['a', 'b', 'c'], failed: [failed('b'), failed('c')], ...more });
  const SENTENCE = '2 targets failed in this batch; the strategy tolerates none per batch.';

  test('takes the release back from all that was begun, failed ones first, and names them', () => {
    expect(next(sick())).toEqual({
      do: 'record',
      events: [
        { type: 'brake-applied', data: { index: 1, hosts: ['b', 'c'], sentence: SENTENCE, then: 'rollback' } },
        { type: 'rollback-started', data: { mode: 'regular', cause: 'tolerance', reason: `${SENTENCE} Failed: b, c.`, batches: [['c'], ['b'], ['a']], then: 'rolled-back', epoch: 0 } },
      ],
    });
  });

  test.each([
    ['holds', { onFailure: 'hold' as const }],
    ['does not roll back for tolerance', { rollback: { ...STRATEGY.rollback, on: ['bastion' as const] } }],
  ])('pauses without deadline where the strategy %s', (_what, strategy) => {
    expect(next(sick(), { strategy })).toEqual({
      do: 'record',
      events: [
        { type: 'brake-applied', data: { index: 1, hosts: ['b', 'c'], sentence: SENTENCE, then: 'hold' } },
        { type: 'paused', data: { cause: 'brake', reason: SENTENCE, deadline: null, then: 'stay' } },
      ],
    });
  });

  test('holds whatever the strategy says when only a dependency of ours was away, or somebody changed the hosts by hand', () => {
    const away = { ...SICK, class: 'dependency' as const };
    const drift = { ...SICK, class: 'refused' as const, code: 'drift' };
    const cause = (...failures: readonly (typeof SICK)[]) => next(sick({ failed: [failed('b', failures[0]), failed('c', failures[1])] }));
    expect(cause(away, away)).toMatchObject({ events: [{ data: { then: 'hold' } }, { type: 'paused', data: { cause: 'dependency' } }] });
    expect(cause(drift, drift)).toMatchObject({ events: [{ data: { then: 'hold' } }, { type: 'paused', data: { cause: 'drift' } }] });
    expect(cause(away, SICK)).toMatchObject({ events: [{ data: { then: 'rollback' } }, { type: 'rollback-started' }] });
    expect(cause(drift, SICK)).toMatchObject({ events: [{ data: { then: 'rollback' } }, { type: 'rollback-started' }] });
  });

  test('counts failures of earlier batches in total, and names every host that was counted', () => {
    const strategy = { tolerance: { perBatch: 1, total: 1 } };
    const state = rolling({ batch: 2, begun: [...HOSTS], failed: [failed('b'), failed('d')] });
    expect(next(state, { strategy })).toMatchObject({ events: [{ data: { hosts: ['b', 'd'], sentence: '2 targets failed in this release; the strategy tolerates 1 in total.' } }, { type: 'rollback-started' }] });
  });

  test('counts a retried host of an earlier batch that fails again in its own batch, and names it', () => {
    const strategy = { tolerance: { perBatch: 1, total: 9 } };
    const state = rolling({ batch: 2, round: 1, begun: [...HOSTS], failed: [failed('b'), failed('c')] });
    expect(next(state, { strategy })).toMatchObject({ events: [{ data: { hosts: ['b', 'c'], sentence: '2 targets failed in batch 1; the strategy tolerates 1 per batch.' } }, { type: 'rollback-started' }] });
  });

  test('holds when the tolerance is exceeded only by what says nothing about the build', () => {
    const away = { ...SICK, class: 'dependency' as const };
    const drift = { ...SICK, class: 'refused' as const, code: 'drift' };
    const strategy = { tolerance: { perBatch: 1, total: 1 } };
    expect(next(sick({ failed: [failed('b'), failed('c', away)] }), { strategy })).toMatchObject({ events: [{ data: { then: 'hold' } }, { type: 'paused', data: { cause: 'dependency' } }] });
    expect(next(sick({ failed: [failed('b', drift), failed('c', away)] }))).toMatchObject({ events: [{ data: { then: 'hold' } }, { type: 'paused', data: { cause: 'dependency' } }] });
  });

  test('lets failures within tolerance pass', () => {
    expect(next(sick(), { strategy: { tolerance: { perBatch: 2, total: 2 } } })).toEqual(record('bake-started', { index: 1, seconds: 2 }));
  });

  test('does not speak twice about the same failures', () => {
    expect(next(sick({ braked: true }))).toEqual(record('bake-started', { index: 1, seconds: 2 }));
    expect(next(sick({ braked: true, hosts: ['d'] }))).toEqual(record('bake-started', { index: 1, seconds: 2 }));
  });

  test.each(['install', 'join'] as const)('stops for one bastion host that fails to %s, whatever is tolerated', (part) => {
    const state = rolling({ batch: 0, part, begun: ['a'], failed: [failed('a')] }, PLAN, part === 'install' ? 'pre-release' : 'releasing');
    expect(next(state, { strategy: { tolerance: { perBatch: 9, total: 9 } } })).toMatchObject({
      events: [{ type: 'brake-applied', data: { index: 0, hosts: ['a'], then: 'rollback' } }, { type: 'rollback-started', data: { cause: 'bastion', batches: [['a']] } }],
    });
  });
});

describe('after the last batch', () => {
  test('the release is watched, then audited, then succeeds', () => {
    expect(next(postRelease())).toEqual(record('bake-started', { index: 3, seconds: 5 }));
    expect(next(postRelease({ stage: 'baking', bake: { ...bake, index: 3 } }))).toEqual({ do: 'wait', for: 'bake', untilMs: START_MS + 2_000 });
    expect(next(postRelease({ stage: 'baked' }))).toEqual({ do: 'audit', hosts: [...HOSTS] });
    expect(next(postRelease({ stage: 'baked' }, []))).toEqual(record('release-succeeded', { debt: [] }));
  });

  test('a strategy that does not watch goes to the audit at once', () => {
    expect(next(postRelease(), { strategy: { postRelease: { watchSeconds: 0 } } })).toEqual({ do: 'audit', hosts: [...HOSTS] });
  });

  test('hosts that failed or were skipped are owed, not audited', () => {
    const owed = postRelease({ stage: 'baked', failed: [failed('b')], excluded: ['c'], debt: [{ host: 'c', cause: 'skipped', reason: 'disk' }] });
    expect(next(owed)).toEqual({ do: 'audit', hosts: ['a', 'd'] });
    expect(next({ ...owed, mismatches: [] })).toEqual(record('release-succeeded', { debt: [{ host: 'c', cause: 'skipped', reason: 'disk' }, { host: 'b', cause: 'failed', reason: 'it answers 500' }] }));
  });

  test('a difference between log and hosts pauses and names them', () => {
    const mismatch = (host: string) => ({ host, expected: '2', observed: '1' });
    expect(next(postRelease({ stage: 'baked' }, [mismatch('a'), mismatch('d')]))).toEqual(record('paused', { cause: 'audit', reason: 'What was observed differs from the log on a, d', deadline: null, then: 'stay' }));
  });
});

describe('a pause', () => {
  const deadline = '2026-01-01T00:00:10.000Z';
  const step = (then: 'stay' | 'rollback' | 'abort', nowMs: number, situation: Situation = rolling()) => next(situation, { paused: paused({ deadline, then }) }, nowMs);
  const reason = `The pause "lunch" reached its deadline ${deadline}`;
  const expired = (then: string) => ({ type: 'pause-expired', data: { then } });

  test('takes back at its deadline also what the batch at hand has begun and the log does not know yet', () => {
    const situation = rolling({ stage: 'rolling', hosts: ['b', 'c'] });
    const { events } = nextStep(release(situation, { paused: paused({ deadline, then: 'rollback' }) }), START_MS + 10_000, { inWork: ['c'], begunNow: ['b', 'c'] }) as Extract<NextStep, { do: 'record' }>;
    expect(events).toMatchObject([{ type: 'pause-expired' }, { type: 'rollback-started', data: { batches: [['c'], ['b'], ['a']] } }]);
  });

  test('waits for resume, until its deadline if it has one', () => {
    expect(next(rolling(), { paused: paused() })).toEqual({ do: 'wait', for: 'resume', untilMs: null });
    expect(step('stay', START_MS + 9_999)).toEqual({ do: 'wait', for: 'resume', untilMs: START_MS + 10_000 });
  });

  test('does at its deadline what the strategy says', () => {
    expect(step('stay', START_MS + 10_000)).toEqual({ do: 'record', events: [expired('stay')] });
    expect(step('abort', START_MS + 10_000)).toEqual({ do: 'record', events: [expired('abort'), { type: 'abort-started', data: { reason } }] });
    expect(step('rollback', START_MS + 10_000)).toEqual({
      do: 'record', events: [expired('rollback'), { type: 'rollback-started', data: { mode: 'regular', cause: 'pause-deadline', reason, batches: [['a']], then: 'rolled-back', epoch: 0 } }],
    });
  });

  test('of a rollback never starts another one', () => {
    expect(step('rollback', START_MS + 10_000, rollingBack())).toEqual({ do: 'record', events: [expired('rollback')] });
  });

  test('comes before an abort and before the way back', () => {
    expect(next(rollingBack(), { paused: paused(), aborting: { reason: 'x' } })).toEqual({ do: 'wait', for: 'resume', untilMs: null });
  });
});

describe('an abort', () => {
  const aborting = { reason: 'enough' };

  test('lets the batch at hand come to its end before it says what is left out of service', () => {
    expect(next(rolling({ stage: 'rolling', hosts: ['b', 'c'] }), { aborting })).toMatchObject({ do: 'roll', index: 1, hosts: ['b', 'c'] });
  });

  test.each<[string, Situation]>([['queued', { status: 'queued', behind: 'r-0' }], ['preparing', preparing()], ['after the last batch', postRelease()]])('ends a release at once that is %s', (_what, situation) => {
    expect(next(situation, { aborting })).toEqual(record('release-aborted', { reason: 'enough' }));
  });

  test('ends a release at once whose hosts are all in service', () => {
    expect(next(rolling({ begun: ['a', 'b'] }), { aborting })).toEqual(record('release-aborted', { reason: 'enough' }));
  });

  test('first restores the hosts this release took out, and those only', () => {
    const data = { mode: 'regular', cause: 'abort', reason: 'enough', then: 'aborted', epoch: 0 };
    expect(next(rolling({ begun: ['a', 'b', 'c'], failed: [failed('c')] }), { aborting })).toEqual(record('rollback-started', { ...data, batches: [['c']] }));
    expect(next(rolling({ batch: 0, part: 'install', stage: 'baking', begun: ['a'] }, PLAN, 'pre-release'), { aborting })).toEqual(record('rollback-started', { ...data, batches: [['a']] }));
  });

  test('on the way back is the way back\'s to answer', () => {
    expect(next(rollingBack(), { aborting })).toMatchObject({ events: [{ type: 'rollback-ended-incomplete' }] });
  });

  test('restores hosts that are out of service wherever it comes: before their retry, before their join, behind the last batch', () => {
    const data = { mode: 'regular', cause: 'abort', reason: 'enough', then: 'aborted', epoch: 0 };
    const restores = (...hosts: readonly string[]) => record('rollback-started', { ...data, batches: [hosts] });
    expect(next(rolling({ begun: ['a', 'b', 'c'], stage: 'ready', round: 1, hosts: ['c'] }), { aborting })).toEqual(restores('c'));
    expect(next(rolling({ batch: 0, part: 'join', stage: 'settled', hosts: ['a'] }), { aborting })).toEqual(restores('a'));
    expect(next(postRelease({ failed: [failed('b')] }), { aborting })).toEqual(restores('b'));
    expect(next(postRelease(), { aborting })).toEqual(record('release-aborted', { reason: 'enough' }));
  });
});

test.each(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected'] as const)('a release that ended as %s is done, paused or aborting though it be', (status) => {
  const state: ReleaseState = release(ended(status), { paused: paused(), aborting: { reason: 'x' } });
  expect(nextStep(state, START_MS)).toEqual({ do: 'done' });
});
