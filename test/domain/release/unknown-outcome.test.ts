/** A hook that may not run twice was cut off: nobody but a person says whether it took effect. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHOICES, choicesFor } from '../../../domain/release/answer.ts';
import { decide } from '../../../domain/release/decide.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { brakeEvents } from '../../../domain/release/failure-policy.ts';
import { nextStep, stepsOf } from '../../../domain/release/next-step.ts';
import { AT, failed, paused, release, rolling, stored } from './situations.ts';
import { command } from './simulated-release.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { Choice, CoreEvent } from '../../../domain/release/events.ts';
import type { Progress, ReleaseState } from '../../../domain/release/state.ts';
import type { FailedTarget } from '../../../domain/vocabulary.ts';

const CONTEXT = { now: AT, inWork: [], begunNow: [] };
const NOW_MS = Date.parse(AT);

const stopped = (host: string, unknown: boolean): FailedTarget => ({
  host,
  step: 'start',
  failure: { class: 'host', code: unknown ? 'unknown-outcome' : 'hook-failed', message: 'm', next: 'n', stoppedBy: { hook: 'web/1', at: { round: 0, done: ['web/0'] }, ...(unknown ? { unknown: true } : {}) } },
});
const cutOff = (host: string): FailedTarget => stopped(host, true);

function asking(more: Partial<Progress> = {}): ReleaseState {
  return release(rolling({ failed: [cutOff('b'), failed('c')], begun: ['a', 'b', 'c'], braked: true, ...more }), { paused: paused({ cause: 'ask', by: 'signalbox' }) });
}

const answer = (state: ReleaseState, choices: Readonly<Record<string, Choice>>) => decide(state, command('answer', { choices }), CONTEXT);

function after(state: ReleaseState, choices: Readonly<Record<string, Choice>>): ReleaseState {
  const decision = answer(state, choices);
  if ('refusal' in decision) throw new Error(decision.refusal.message);
  return decision.events.reduce((before, event: CoreEvent) => evolve(before, stored(event)), state);
}

const begun = (state: ReleaseState, hosts: readonly string[], round = 1): ReleaseState => evolve(state, stored({ type: 'batch-started', data: { index: 1, part: 'whole', round, hosts } }));

describe('a hook with an unknown outcome', () => {
  test('is a question without a deadline, whatever the strategy says, tolerates, or how late it is', () => {
    const strategies = fc.record({
      onFailure: fc.constantFrom<StrategySpec['onFailure']>('rollback', 'hold', 'ask'),
      tolerance: fc.record({ perBatch: fc.nat(9), total: fc.nat(9) }),
      pause: fc.record({ deadlineHours: fc.integer({ min: 1, max: 48 }), then: fc.constantFrom<StrategySpec['pause']['then']>('stay', 'rollback', 'abort') }),
      late: fc.constantFrom(null, { afterPercent: 1, failuresMax: 9 }),
    });
    fc.assert(fc.property(strategies, fc.boolean(), (strategy, withAnother) => {
      const situation = rolling({ failed: [cutOff('b'), ...(withAnother ? [failed('c')] : [])], begun: ['a', 'b', 'c'] });
      const events = brakeEvents(release(situation, { strategy }), situation, NOW_MS);
      expect(events).toMatchObject([{ type: 'brake-applied', data: { then: 'ask', hosts: ['b'] } }, { type: 'paused', data: { cause: 'ask', deadline: null, then: 'stay' } }]);
      const held = events.reduce((before, event) => evolve(before, stored(event)), release(situation, { strategy }));
      expect(nextStep(held, NOW_MS + 365 * 86_400_000)).toEqual({ do: 'wait', for: 'resume', untilMs: null });
    }));
  });

  test('is asked about with the words that answer it, beside failures with theirs', () => {
    const situation = rolling({ failed: [cutOff('b'), failed('c')], begun: ['a', 'b', 'c'] });
    expect(brakeEvents(release(situation), situation, NOW_MS)[1]).toMatchObject({
      data: { reason: 'Answer for each failed target: retry, ignore, exclude or fail. Failed: c (verify). Answer for each target with a hook that was cut off: done, not-done, retry, exclude or fail. Cut off: b (start)' },
    });
  });

  test('takes its own answers and no others: each refusal says which are allowed', () => {
    for (const choice of CHOICES) {
      const isFor = (target: FailedTarget) => choicesFor(target).includes(choice);
      expect('events' in answer(asking(), { b: choice }), `${choice} for b`).toBe(isFor(cutOff('b')));
      expect('events' in answer(asking(), { c: choice }), `${choice} for c`).toBe(isFor(failed('c')));
    }
    expect(answer(asking(), { b: 'ignore', c: 'done' })).toMatchObject({
      refusal: { code: 'not-allowed', message: 'ignore is no answer to a hook with an unknown outcome on b; allowed: done, not-done, retry, exclude, fail. done is no answer to a failed verify on c; allowed: retry, ignore, exclude, fail.' },
    });
  });

  test('done goes on at the step it stopped, with it and those before it as done, and leaves no debt', () => {
    const state = begun(after(asking(), { b: 'done', c: 'exclude' }), ['b']);
    expect(nextStep(state, NOW_MS)).toMatchObject({ do: 'roll', hosts: ['b'], round: 1, resumed: { b: { step: 'start', round: 0, done: ['web/0', 'web/1'] } } });
    expect(state.situation).toMatchObject({ progress: { failed: [], debt: [{ host: 'c', cause: 'skipped' }] } });
  });

  test('not-done runs it again, and it alone, under a round of its own', () => {
    const state = begun(after(asking(), { b: 'not-done', c: 'exclude' }), ['b']);
    expect(nextStep(state, NOW_MS)).toMatchObject({ resumed: { b: { step: 'start', round: 0, done: ['web/0'], rounds: { 'web/1': 1 } } } });
  });

  test('retry runs the target from its first step, fail takes the release back, and a person may roll back without an answer', () => {
    expect(nextStep(begun(after(asking(), { b: 'retry', c: 'retry' }), ['b', 'c']), NOW_MS)).not.toHaveProperty('resumed');
    expect(answer(asking({ failed: [cutOff('b')] }), { b: 'fail' })).toMatchObject({ events: [{ type: 'failures-answered' }, { type: 'rollback-started', data: { cause: 'answer' } }] });
    expect(decide(asking(), command('rollback'), CONTEXT)).toMatchObject({ events: [{ type: 'rollback-started' }] });
    expect(decide(asking(), command('resume'), CONTEXT)).toMatchObject({ refusal: { code: 'not-allowed' } });
  });
});

describe('a hook that failed', () => {
  test('and is ignored is stepped over: the work of its step is not left out, and the host is debt', () => {
    const state = begun(after(asking({ failed: [stopped('b', false)] }), { b: 'ignore' }), ['b']);
    expect(nextStep(state, NOW_MS)).toMatchObject({ resumed: { b: { step: 'start', round: 0, done: ['web/0', 'web/1'] } } });
    expect(state.situation).toMatchObject({ progress: { ignored: { b: 'start' }, debt: [{ host: 'b', cause: 'ignored', reason: 'The failed hook at start was ignored: because' }] } });
  });

  test('after admit, ignored, is no check that is overruled: the host goes on after the hook', () => {
    const target = stopped('b', false);
    const state = after(asking({ failed: [{ ...target, step: 'admit', failure: { ...target.failure, afterAdmit: true } }] }), { b: 'ignore' });
    expect(state.situation).toMatchObject({ progress: { resumed: { b: { step: 'admit' } } } });
    expect(state.situation).not.toMatchObject({ progress: { readmitted: ['b'] } });
  });
});

describe('what goes on at a hook', () => {
  const finished = (state: ReleaseState, untouched: readonly string[]): ReleaseState =>
    evolve(state, stored({ type: 'batch-finished', data: { index: 1, part: 'whole', round: 1, succeeded: 1, failed: [], untouched } }));

  test('does so once: what a host runs later begins with its first step, and a host that was not begun keeps its place', () => {
    const state = begun(after(asking({ failed: [cutOff('b'), cutOff('c')] }), { b: 'done', c: 'done' }), ['b', 'c']);
    expect(finished(state, ['c']).situation).toMatchObject({ progress: { resumed: { c: { step: 'start' } } } });
    expect(Object.keys((finished(state, ['c']).situation as { progress: Progress }).progress.resumed ?? {})).toEqual(['c']);
    expect(stepsOf('join')).not.toContain('start');
  });

  test('is forgotten where the host is retried as a whole', () => {
    const state = after(asking({ failed: [cutOff('b')] }), { b: 'done' });
    const again = evolve(state, stored({ type: 'targets-retried', data: { hosts: ['b'], round: 2, reason: 'r', epoch: 9 } }));
    expect(again.situation).toMatchObject({ progress: { resumed: {} } });
  });
});
