import { describe, expect, test } from 'vitest';
import { initialTargets } from '../../../domain/release/fold.ts';
import { etaOf } from '../../../domain/release/eta.ts';
import { pacesFrom } from '../../../domain/simulation/paces.ts';
import { STEPS } from '../../../domain/vocabulary.ts';
import { ended, failed, paused, PLAN, postRelease, preparing, release, REQUEST, rolling, rollingBack } from './situations.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';
import type { Step } from '../../../domain/vocabulary.ts';

/** A second for each kind of survey, 6 s for a target, and nothing besides. */
const PACES = pacesFrom([{ day: { acquire: [0], observe: [1000], plan: [0], stage: [1000], install: [5000], join: [1000], whole: [6000], back: [6000], turn: [0], bake: [0], audit: [1000] }, targets: 9 }]);
const WITH_PACES = { request: { ...REQUEST, paces: PACES } };
const TARGETS = initialTargets(REQUEST.hosts);

function secondsLeft(state: ReleaseState, targets = TARGETS): number | undefined {
  return etaOf(state, targets)?.p50;
}

/** Target `host` after these steps, all others untouched. */
function after(host: string, done: readonly Step[], direction: 'forward' | 'back' = 'forward') {
  const target = TARGETS[host]!;
  return { ...TARGETS, [host]: { ...target, [direction]: { ...target[direction], done } } };
}

describe('the estimate of a release', () => {
  test('is missing without a plan and after the end', () => {
    expect(etaOf(release(preparing()), TARGETS)).toBeNull();
    expect(etaOf(release(ended('succeeded')), TARGETS)).toBeNull();
  });

  test('before the first batch counts staging, every batch by its lanes, every bake, the watch and the audit', () => {
    // Staging 1, bastion 5 + 10 + 1, batches 6 + 2 and 6, watch 5, audit 1.
    expect(etaOf(release(preparing({ inService: ['a'], plan: PLAN }), WITH_PACES), TARGETS)).toEqual({ p50: 37, p90: 37 });
  });

  test('no longer counts batches that are over', () => {
    expect(secondsLeft(release(rolling({ batch: 1, stage: 'baked' }), WITH_PACES))).toBe(6 + 5 + 1);
    expect(secondsLeft(release(postRelease({ batch: 3 }), WITH_PACES))).toBe(5 + 1);
  });

  test('of the batch at hand counts what its targets have left', () => {
    const state = release(rolling({ batch: 2, stage: 'rolling', hosts: ['d'] }), WITH_PACES);
    expect(secondsLeft(state)).toBe(6 + 6);
    expect(secondsLeft(state, after('d', STEPS.slice(0, 3)))).toBe(3 + 6);
    expect(secondsLeft(state, after('d', STEPS))).toBe(0 + 6);
  });

  test('takes a failed target for done and a later batch for untouched', () => {
    const state = release(rolling({ batch: 1, stage: 'rolling', hosts: ['b', 'c'] }), WITH_PACES);
    const done = { ...after('b', STEPS), c: { ...TARGETS['c']!, forward: { ...TARGETS['c']!.forward, failure: failed('c') } } };
    expect(secondsLeft(state, { ...done, d: after('d', STEPS)['d']! })).toBe(2 + 6 + 6);
  });

  test('counts a target that is tried again from its beginning', () => {
    expect(secondsLeft(release(rolling({ batch: 2, stage: 'rolling', hosts: ['d'], round: 1 }), WITH_PACES), after('d', STEPS))).toBe(6 + 6);
  });

  test('of a bake at hand counts it whole, for the estimate has no clock', () => {
    expect(secondsLeft(release(rolling({ batch: 2, stage: 'baking', bake: { index: 2, since: '2026-01-01T00:00:30.000Z', seconds: 40, remainingMs: null } }), WITH_PACES))).toBe(40 + 6);
  });

  test('counts the work behind a pause and behind a person, and nothing for the person', () => {
    expect(secondsLeft(release(rolling({ batch: 1, stage: 'baked' }), { ...WITH_PACES, paused: paused() }))).toBe(12);
    const manual = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: batch.index === 1 })) };
    expect(secondsLeft(release(rolling({ batch: 1, stage: 'baked' }, manual), WITH_PACES))).toBe(12);
  });

  test('of a rollback counts the batches it still has to restore and the bakes between them', () => {
    const state = release(rollingBack({ index: 1, batches: [['d'], ['c', 'b'], ['a']] }), WITH_PACES);
    expect(secondsLeft(state)).toBe(6 + 2 + 6);
    const atWork = release(rollingBack({ index: 1, stage: 'rolling', batches: [['d'], ['b'], ['a']] }), WITH_PACES);
    expect(secondsLeft(atWork, after('b', STEPS.slice(0, 3), 'back'))).toBe(3 + 2 + 6);
    expect(secondsLeft(atWork, { ...TARGETS, b: { ...TARGETS['b']!, fenced: { untouched: true } } })).toBe(0 + 2 + 6);
  });

  test('without past releases says 4 s for a target, and 30 s on a bad day', () => {
    const eta = etaOf(release(rolling({ batch: 1, stage: 'baked' })), TARGETS);
    // A target and its turn, the watch and what it takes longer, the audit.
    expect(eta).toEqual({ p50: 4.2 + 5.5 + 1, p90: 30.2 + 5.5 + 5 });
  });
});
