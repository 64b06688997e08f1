import { describe, expect, test } from 'vitest';
import { decide } from '../../../domain/release/decide.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { AT, failed, paused, release, rolling, SICK, stored } from './situations.ts';
import { command } from './simulated-release.ts';
import type { Choice, CoreEvent } from '../../../domain/release/events.ts';
import type { Progress, ReleaseState } from '../../../domain/release/state.ts';

const CONTEXT = { now: AT, inWork: [], begunNow: [] };

/** Batch 1 (b, c) failed whole, and the release asks. */
function asking(more: Partial<Progress> = {}): ReleaseState {
  return release(rolling({ failed: [failed('b'), failed('c')], begun: ['a', 'b', 'c'], braked: true, ...more }), { paused: paused({ cause: 'ask', by: 'signalbox' }) });
}

function answer(state: ReleaseState, choices: Readonly<Record<string, Choice>>) {
  return decide(state, command('answer', { choices }), CONTEXT);
}

function after(state: ReleaseState, choices: Readonly<Record<string, Choice>>): ReleaseState {
  const decision = answer(state, choices);
  if ('refusal' in decision) throw new Error(decision.refusal.message);
  return decision.events.reduce((before, event: CoreEvent) => evolve(before, stored(event)), state);
}

describe('an answer', () => {
  test('is kept until every failed target has one', () => {
    const one = after(asking(), { b: 'retry' });
    expect(one.paused).toMatchObject({ cause: 'ask' });
    expect(nextStep(one, Date.parse(AT))).toMatchObject({ do: 'wait', for: 'resume' });
    const both = after(one, { c: 'exclude' });
    expect(both.paused).toBeNull();
    expect(both.situation).toMatchObject({ progress: { stage: 'ready', hosts: ['b'], round: 1, failed: [], excluded: ['c'], debt: [{ host: 'c', cause: 'skipped' }] } });
  });

  test('for host a is refused for host b: a target that did not fail, a stranger, or one that was answered for', () => {
    for (const host of ['a', 'd', 'nobody']) expect(answer(asking(), { [host]: 'retry' })).toMatchObject({ refusal: { code: 'unknown-target', message: expect.stringContaining(`${host} waits for no answer; asked for: b, c`) } });
    expect(answer(after(asking(), { b: 'exclude' }), { b: 'retry' })).toMatchObject({ refusal: { code: 'unknown-target' } });
    expect(answer(asking(), {})).toMatchObject({ refusal: { code: 'unknown-target' } });
  });

  test('is refused when nothing is asked', () => {
    expect(answer(release(rolling({ stage: 'rolling' })), { b: 'retry' })).toMatchObject({ refusal: { code: 'nothing-to-do' } });
    expect(answer({ ...asking(), aborting: { reason: 'r' }, paused: null }, { b: 'retry' })).toMatchObject({ refusal: { code: 'not-allowed' } });
  });

  test('ignore runs the steps after the failed one, above all admit, and leaves debt', () => {
    const state = after(asking(), { b: 'ignore', c: 'retry' });
    expect(state.situation).toMatchObject({ progress: { ignored: { b: 'verify' }, debt: [{ host: 'b', cause: 'ignored', reason: 'The failed verify was ignored: because' }], hosts: ['b', 'c'] } });
    const started = evolve(state, stored({ type: 'batch-started', data: { index: 1, part: 'whole', round: 1, hosts: ['b', 'c'] } }));
    expect(nextStep(started, Date.parse(AT))).toMatchObject({ do: 'roll', hosts: ['b', 'c'], ignored: { b: 'verify' } });
  });

  test('ignore of a check that was asked after admit admits the host again, for good and without debt', () => {
    const sick = { ...failed('b'), step: 'admit', failure: { ...SICK, afterAdmit: true } } as const;
    const unseen = { ...failed('c'), step: 'admit' } as const;
    const state = after(asking({ failed: [sick, unseen] }), { b: 'ignore', c: 'ignore' });
    expect(state.situation).toMatchObject({ progress: { readmitted: ['b'], ignored: { c: 'admit' }, failed: [], debt: [{ host: 'c', cause: 'ignored' }], hosts: ['b', 'c'] } });
    const started = evolve(state, stored({ type: 'batch-started', data: { index: 1, part: 'whole', round: 1, hosts: ['b', 'c'] } }));
    expect(nextStep(started, Date.parse(AT))).toMatchObject({ do: 'roll', readmitted: ['b'], ignored: { c: 'admit' } });
    const later = evolve(started, stored({ type: 'batch-started', data: { index: 2, part: 'whole', round: 0, hosts: ['d'] } }));
    expect(nextStep(later, Date.parse(AT))).not.toHaveProperty('readmitted');
  });

  test('retry of a host that was admitted again runs all of it, with its checks', () => {
    const admitted = after(asking({ failed: [{ ...failed('b'), step: 'admit', failure: { ...SICK, afterAdmit: true } }] }), { b: 'ignore' });
    const again = evolve(admitted, stored({ type: 'targets-retried', data: { hosts: ['b'], round: 2, reason: 'r', epoch: 9 } }));
    expect(again.situation).toMatchObject({ progress: { readmitted: [], debt: [] } });
  });

  test('retry of an ignored host makes it an ordinary host again', () => {
    const ignored = after(asking(), { b: 'ignore', c: 'exclude' });
    const again = evolve(ignored, stored({ type: 'targets-retried', data: { hosts: ['b'], round: 2, reason: 'r', epoch: 9 } }));
    expect(again.situation).toMatchObject({ progress: { ignored: {}, debt: [{ host: 'c', cause: 'skipped' }] } });
  });

  test('exclude of all goes on with the next batch', () => {
    const state = after(asking(), { b: 'exclude', c: 'exclude' });
    expect(state.paused).toBeNull();
    expect(nextStep(state, Date.parse(AT))).toMatchObject({ do: 'record', events: [{ type: 'bake-started' }] });
  });

  test('fail takes the release back, whatever is said of the others', () => {
    expect(answer(asking(), { b: 'ignore', c: 'fail' })).toMatchObject({ events: [{ type: 'failures-answered' }, { type: 'rollback-started', data: { cause: 'answer', reason: 'c failed for good: because' } }] });
  });

  test('a skip of the last target without an answer does what was answered for the others', () => {
    const one = after(asking(), { b: 'retry' });
    expect(decide(one, command('skip', { targets: ['c'] }), CONTEXT)).toMatchObject({ events: [{ type: 'targets-skipped' }, { type: 'targets-retried', data: { hosts: ['b'], round: 1 } }] });
  });

  test('resume is refused and says that answers are wanted', () => {
    expect(decide(asking(), command('resume'), CONTEXT)).toMatchObject({ refusal: { message: expect.stringContaining('answer for each of them') } });
  });
});
