import { describe, expect, test } from 'vitest';
import { allowedCommands, decide } from '../../../domain/release/decide.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { initialTargets } from '../../../domain/release/fold.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { releaseView } from '../../../domain/release/view.ts';
import { detailsOf } from '../../../workflows/details.ts';
import { command } from './simulated-release.ts';
import { AT, ended, failed, LATER, paused, PLAN, postRelease, preparing, release, REQUEST, rolling, rollingBack, stored } from './situations.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { Progress, ReleaseState, Rolling, Situation } from '../../../domain/release/state.ts';

const NOW = { now: AT, inWork: [], begunNow: [] };
const LATER_MS = Date.parse(LATER);

/** A bastion and four batches of one host; batch 1 is at hand unless said. */
const batch = (index: number, host: string) => ({ index, kind: 'batch', hosts: [host], lanes: 1, bakeSeconds: 2, manual: false }) as const;
const FIVE: Plan = { ...PLAN, batches: [PLAN.batches[0]!, batch(1, 'b'), batch(2, 'c'), batch(3, 'd'), batch(4, 'e')], capacity: { hosts: 5, inService: 5, floor: 3, outageAllowed: false } };
const at = (more: Partial<Progress> = {}, plan: Plan = FIVE, status: Rolling['status'] = 'releasing') => rolling({ stage: 'rolling', hosts: ['b'], ...more }, plan, status);

function jump(state: ReleaseState, to: number) {
  return decide(state, command('jump', { to }), NOW);
}

function refusal(state: ReleaseState, to: number) {
  const decision = jump(state, to);
  return 'refusal' in decision ? decision.refusal : null;
}

function jumped(situation: Situation, ...to: readonly number[]): ReleaseState {
  return to.reduce((state, index) => {
    const decision = jump(state, index);
    if ('refusal' in decision) throw new Error(decision.refusal.message);
    return decision.events.reduce((before, event) => evolve(before, stored(event)), state);
  }, release(situation));
}

const progressOf = ({ situation }: ReleaseState) => (situation as Rolling).progress;
const startedBy = (state: ReleaseState) => nextStep(state, LATER_MS);

describe('a jump', () => {
  test('says what comes next, over which batches, and why', () => {
    expect(jump(release(at()), 4)).toEqual({ events: [{ type: 'batch-jumped', data: { index: 4, over: [2, 3], reason: 'because' } }] });
  });

  test('leaves the batch at hand as it is; then its batch begins, and those it passed over follow in their order', () => {
    const state = jumped(at(), 4);
    expect(progressOf(state)).toEqual({ ...at().progress, later: [4, 2, 3] });
    expect(nextStep(state, LATER_MS)).toMatchObject({ do: 'roll', index: 1, hosts: ['b'] });
    let now = state;
    for (const index of [4, 2, 3]) {
      now = { ...now, situation: { ...(now.situation as Rolling), progress: { ...progressOf(now), stage: 'baked', hosts: [] } } };
      expect(startedBy(now)).toMatchObject({ do: 'record', events: [{ type: 'batch-started', data: { index, part: 'whole', round: 0 } }] });
      now = evolve(now, stored({ type: 'batch-started', data: { index, part: 'whole', round: 0, hosts: FIVE.batches[index]!.hosts } }));
    }
    expect(startedBy({ ...now, situation: { ...(now.situation as Rolling), progress: { ...progressOf(now), stage: 'baked', hosts: [] } } })).toMatchObject({ events: [{ type: 'phase-entered', data: { phase: 'post-release' } }] });
  });

  test('after another one goes before it', () => {
    expect(progressOf(jumped(at(), 4, 3)).later).toEqual([3, 4, 2]);
    expect(progressOf(jumped(at(), 4, 3, 4)).later).toEqual([4, 3, 2]);
  });

  test('passes over nobody who was left out', () => {
    expect(jump(release(at({ excluded: ['c'] })), 4)).toMatchObject({ events: [{ data: { index: 4, over: [3] } }] });
    expect(refusal(release(at({ excluded: ['c'] })), 3)).toMatchObject({ code: 'already-done' });
  });

  test('is taken from the bastion on, paused or not, and ends no pause', () => {
    const bastion = at({ batch: 0, part: 'install', hosts: ['a'], begun: [] }, FIVE, 'pre-release');
    expect(progressOf(jumped(bastion, 3)).later).toEqual([3, 1, 2, 4]);
    const held = release(at(), { paused: paused() });
    expect(jump(held, 3)).toMatchObject({ events: [{ type: 'batch-jumped' }] });
    expect(allowedCommands(held)).toContain('jump');
    const after = evolve(held, stored({ type: 'batch-jumped', data: { index: 3, over: [2], reason: 'r' } }));
    expect(after.paused).toEqual(paused());
    expect(startedBy(after)).toMatchObject({ do: 'wait', for: 'resume' });
  });

  test.each([
    ['its lanes', at(), { do: 'roll', index: 1 }],
    ['hosts that were not begun', at({ stage: 'settled', hosts: ['b'] }), { events: [{ type: 'batch-started', data: { index: 1 } }] }],
    ['the brake', at({ stage: 'settled', hosts: [], failed: [failed('b')], begun: ['a', 'b'] }), { events: [{ type: 'brake-applied' }, { type: 'rollback-started' }] }],
    ['its bake', at({ stage: 'settled', hosts: [] }), { events: [{ type: 'bake-started', data: { index: 1 } }] }],
    ['its promotion', at({ stage: 'baked', hosts: [] }), { do: 'wait', for: 'promote' }, 'manual'],
    ['its rest', at({ stage: 'baked', hosts: [] }), { events: [{ type: 'rest-started', data: { index: 1, seconds: 60 } }] }, 'rest'],
    ['the sign-off of the bastion', at({ batch: 0, part: 'install', stage: 'baked', hosts: [] }, FIVE, 'pre-release'), { do: 'wait', for: 'sign-off' }, 'sign-off'],
    ['the join of the bastion', at({ batch: 0, part: 'install', stage: 'baked', hosts: [] }), { events: [{ type: 'batch-started', data: { index: 0, part: 'join' } }] }],
  ] as const)('passes nothing that the batch at hand still has before it: %s', (_what, situation: Rolling, step: object, ask?: string) => {
    const batches = { ...release(situation).request.strategy.batches, ...(ask === 'manual' ? { advance: 'manual' as const } : {}), ...(ask === 'rest' ? { pauseSeconds: 60 } : {}) };
    const state = release(situation, { strategy: { batches, ...(ask === 'sign-off' ? { signOff: 'after-bastion' } : {}) } });
    const after = evolve(state, stored({ type: 'batch-jumped', data: { index: 4, over: [2, 3], reason: 'r' } }));
    expect(progressOf(after).later?.[0]).toBe(4);
    expect(nextStep(after, LATER_MS)).toMatchObject(step);
  });
});

const OTHERS = 'What can come next instead: batches 3, 4.';

describe('a jump is refused', () => {
  test.each<[string, Situation, number, string, string]>([
    ['to a batch the plan does not have', at(), 9, 'unknown-batch', `The plan has no batch 9. ${OTHERS}`],
    ['to the bastion', at(), 0, 'not-allowed', `Batch 0 is the bastion: it is first, and nothing jumps to it or over it. ${OTHERS}`],
    ['to the bastion that is at hand', at({ batch: 0, part: 'install' }, FIVE, 'pre-release'), 0, 'not-allowed', 'Batch 0 is the bastion: it is first, and nothing jumps to it or over it. What can come next instead: batches 2, 3, 4.'],
    ['to the batch at hand', at(), 1, 'not-allowed', `Batch 1 is at hand; only batches that have not begun can come next. ${OTHERS}`],
    ['to a batch that is done', at({ batch: 2 }), 1, 'not-allowed', 'Batch 1 is done; only batches that have not begun can come next. What can come next instead: batch 4.'],
    ['to a batch done before its turn', at({ batch: 4, later: [2, 3] }), 1, 'not-allowed', 'Batch 1 is done; only batches that have not begun can come next. What can come next instead: batch 3.'],
    ['to the batch that comes next anyway', at(), 2, 'already-done', `Batch 2 comes next anyway. ${OTHERS}`],
    ['to the batch that a jump has made the next', at({ later: [4, 2, 3] }), 4, 'already-done', 'Batch 4 comes next anyway. What can come next instead: batches 2, 3.'],
    ['to a batch of which everybody was left out', at({ excluded: ['d'] }), 3, 'nothing-to-do', 'Every host of batch 3 was left out. What can come next instead: batch 4.'],
    ['where no other batch is left', at({ batch: 3 }), 4, 'already-done', 'Batch 4 comes next anyway. No batch can be jumped to now.'],
    ['in the queue', { status: 'queued', behind: null }, 2, 'not-allowed', 'No batch is rolling yet; the order of batches can be changed from the bastion on.'],
    ['while it prepares', preparing({ plan: FIVE }), 2, 'not-allowed', 'No batch is rolling yet; the order of batches can be changed from the bastion on.'],
    ['on the way back', rollingBack(), 2, 'not-allowed', `The release is rolling back since ${AT}; no further batch is begun.`],
    ['after the last batch', postRelease(), 2, 'nothing-to-do', 'Every batch is done; there is none left to jump to.'],
    ['after the end', ended('succeeded'), 2, 'finished', 'The release ended as succeeded; its record does not change any more.'],
  ])('%s', (_when, situation, to, code, message) => {
    const state = release(situation);
    expect(refusal(state, to)).toEqual({ code, message, allowed: allowedCommands(state) });
  });

  test('by a release that is being aborted', () => {
    expect(refusal(release(at(), { aborting: { reason: 'x' } }), 3)).toMatchObject({ code: 'not-allowed', message: 'The release is being aborted and starts nothing new.' });
  });

  test('where the floor spares no host of the batch before others are back', () => {
    const plan = { ...FIVE, repairs: ['c', 'd'] };
    expect(refusal(release(at({}, plan)), 4)).toMatchObject({ code: 'not-allowed', message: 'The floor spares no host of batch 4 before others are back in service: c, d must go first. What can come next instead: batch 3.' });
    expect(refusal(release(at({ excluded: ['c', 'd'] }, plan)), 4)).toMatchObject({ code: 'already-done' });
    expect(refusal(release(at({ batch: 3, later: [2, 4] }, { ...FIVE, repairs: ['d'] })), 4)).toBeNull();
  });

  test('out of the first zone while that has to prove the build for the others', () => {
    const zones = ['a', 'a', 'a', 'a', 'b'];
    const plan: Plan = { ...FIVE, batches: FIVE.batches.map((one, index) => ({ ...one, zone: zones[index]! })) };
    const strategy = (bake: number | null) => ({ strategy: { batches: { ...release(at()).request.strategy.batches, by: 'zone' as const, firstZoneBakeSeconds: bake } } });
    expect(refusal(release(at({}, plan), strategy(600)), 4)).toMatchObject({ code: 'not-allowed', message: 'Batch 4 is not in zone a, which must be finished and bake for 600 s before another zone begins. What can come next instead: batch 3.' });
    expect(refusal(release(at({}, plan), strategy(null)), 4)).toBeNull();
    expect(refusal(release(at({}, plan), strategy(600)), 3)).toBeNull();
  });
});

describe('after a jump', () => {
  const view = (core: ReleaseState) => releaseView({ core, targets: initialTargets(REQUEST.hosts), version: 20 });

  test('the release tells which batches are done, at hand and to come, and in which order', () => {
    const state = release(at({ batch: 4, stage: 'rolling', hosts: ['e'], later: [2, 3], begun: ['a', 'b'] }));
    expect(view(state).batches.map(({ status }) => status)).toEqual(['done', 'done', 'pending', 'pending', 'rolling']);
    expect(view(state).toCome).toEqual([2, 3]);
    expect(view(jumped(at(), 4)).toCome).toEqual([4, 2, 3]);
    expect(view(release(postRelease())).toCome).toEqual([]);
    const lines = detailsOf(state, []).split('\n\n').filter((line) => /bastion|batch/.test(line));
    expect(lines.map((line) => line.replace(/:.*/, ''))).toEqual(['✔ bastion', '✔ batch 1', '⟳ rolling batch 4', '◌ batch 2', '◌ batch 3']);
  });

  test('the batch that is the last now waits for nobody, and the one that was the last does', () => {
    const strategy = { batches: { ...release(at()).request.strategy.batches, advance: 'manual' as const } };
    const plan = { ...FIVE, batches: FIVE.batches.map((one, index) => ({ ...one, manual: index > 0 && index < 4 })) };
    const core = release(at({ later: [4, 2, 3] }, plan), { strategy });
    expect(view(core).batches.map(({ manual }) => manual)).toEqual([false, true, true, false, true]);
    const last = release(at({ batch: 4, stage: 'baked', hosts: [], later: [2, 3] }, plan), { strategy });
    expect(nextStep(last, LATER_MS)).toEqual({ do: 'wait', for: 'promote', untilMs: null });
    expect(view(last).waiting).toMatchObject({ for: 'promote', sentence: expect.stringContaining('batch 4') });
    expect(decide(last, command('promote'), NOW)).toMatchObject({ events: [{ type: 'batch-promoted', data: { index: 4 } }] });
    expect(nextStep(release(at({ batch: 3, stage: 'baked', hosts: [], later: [] }, plan), { strategy }), LATER_MS)).toMatchObject({ events: [{ data: { phase: 'post-release' } }] });
  });
});

test('a state of before a jump was known goes on in the order of the plan', () => {
  const old = JSON.parse(JSON.stringify(release(at({ stage: 'baked', hosts: [] })))) as ReleaseState;
  expect('later' in progressOf(old)).toBe(false);
  const next = evolve(old, stored({ type: 'batch-started', data: { index: 2, part: 'whole', round: 0, hosts: ['c'] } }));
  expect('later' in progressOf(next)).toBe(false);
  expect(startedBy(old)).toMatchObject({ events: [{ type: 'batch-started', data: { index: 2 } }] });
});
