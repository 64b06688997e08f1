import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterJump, batchesLeft, inOrder, laterAfterStart, standingOf, toCome, waitsInOrder } from '../../../domain/release/batch-order.ts';
import { somePlan } from '../plan/drawn.ts';
import { progress } from './situations.ts';
import type { Progress } from '../../../domain/release/state.ts';
import type { Plan } from '../../../domain/plan/plan.ts';

const RUNS = { numRuns: 400 };
const pristine = (plan: Plan): Progress => progress({ batch: 0, begun: [], hosts: plan.batches[0]?.hosts ?? [] });

/** As the fold does when the next batch begins. */
function begin(now: Progress, index: number): Progress {
  return { ...now, batch: index, ...laterAfterStart(now, index) };
}

test('as long as batches keep the order of the plan, what is waited for after each is what was planned', () => {
  fc.assert(fc.property(somePlan, fc.nat(20), ({ input, plan }, at) => {
    // The batch of a pool of one proves itself as a bastion would, and nothing can be jumped to there.
    if (plan.capacity.hosts === 1) return;
    const now = progress({ batch: at % plan.batches.length });
    for (const [index, waits] of waitsInOrder(input.strategy, { plan, progress: now })) {
      const { bakeSeconds, manual, pauseSeconds } = plan.batches[index]!;
      expect(waits, `batch ${index}`).toEqual({ bakeSeconds, manual, pauseSeconds });
    }
  }), RUNS);
});

test('whatever is jumped to, each batch has its turn once, and done, at hand and to come are all there is', () => {
  fc.assert(fc.property(somePlan, fc.array(fc.option(fc.nat(40))), ({ plan }, jumps) => {
    let now = pristine(plan);
    const turns = [now.batch];
    for (const jump of [...jumps, ...plan.batches.map(() => null)]) {
      const left = toCome(plan, now);
      if (left.length === 0) break;
      const to = jump === null ? undefined : left[jump % left.length];
      if (to === undefined) {
        now = begin(now, left[0]!);
        turns.push(now.batch);
      } else {
        now = afterJump(plan, now, to);
        expect(toCome(plan, now)).toEqual([to, ...left.filter((index) => index !== to)]);
      }
      expect(inOrder(plan, now).map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(plan.batches.map(({ index }) => index));
      expect(plan.batches.filter(({ index }) => standingOf(now, index) === 'to-come').map(({ index }) => index)).toEqual(toCome(plan, now).toSorted((a, b) => a - b));
      expect(turns.every((index) => standingOf(now, index) !== 'to-come')).toBe(true);
    }
    while (toCome(plan, now).length > 0) turns.push((now = begin(now, toCome(plan, now)[0]!)).batch);
    expect(turns.toSorted((a, b) => a - b)).toEqual(plan.batches.map(({ index }) => index));
  }), RUNS);
});

test('a batch of which everybody was left out is passed, in every order', () => {
  fc.assert(fc.property(somePlan, fc.nat(40), fc.nat(40), ({ plan }, out, to) => {
    const excluded = plan.batches[out % plan.batches.length]!.hosts;
    const now = { ...afterJump(plan, pristine(plan), to % plan.batches.length), excluded };
    expect(batchesLeft(plan, now).map(({ index }) => index)).toEqual(toCome(plan, now).filter((index) => index !== out % plan.batches.length));
    const [first] = batchesLeft(plan, now);
    if (first !== undefined) expect(batchesLeft(plan, begin(now, first.index))).toEqual(batchesLeft(plan, now).slice(1));
  }), RUNS);
});
