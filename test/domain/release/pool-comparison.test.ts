/** A pool that changes while a release runs on it, and hosts the release passes: what is decided about either. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../../domain/release/decide.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { releaseView } from '../../../domain/release/view.ts';
import { HOSTS, LATER, PLAN, failed, paused, postRelease, preparing, release, rolling, rollback, rollingBack, stored } from './situations.ts';
import { Play, STRATEGY, fleet } from './simulated-release.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { PoolComparison } from '../../../domain/release/events.ts';
import type { PostRelease, ReleaseState } from '../../../domain/release/state.ts';

const COMPARING: Plan = { ...PLAN, comparesPool: true };
const SAME: PoolComparison = { left: [], joined: [], scaleOut: null, note: null };
const LEFT: PoolComparison = { ...SAME, left: ['b', 'd'] };

const next = (state: ReleaseState) => nextStep(state, Date.parse(LATER));

function watched(mismatches: PostRelease['mismatches'], more: Partial<ReleaseState> = {}, progress: Parameters<typeof postRelease>[0] = {}): ReleaseState {
  return release({ ...postRelease({ stage: 'baked', ...progress }, mismatches), plan: COMPARING }, more);
}

describe('the end of a release', () => {
  test('looks at its pool after the watch and before the audit', () => {
    expect(next(watched(null))).toEqual({ do: 'compare' });
    expect(next(watched(null, { compared: SAME }))).toEqual({ do: 'audit', hosts: [...HOSTS] });
  });

  test('has no such look where its plan was made by an earlier build', () => {
    expect(next(release(postRelease({ stage: 'baked' })))).toEqual({ do: 'audit', hosts: [...HOSTS] });
  });

  test('audits no host that left', () => {
    expect(next(watched(null, { compared: LEFT }))).toEqual({ do: 'audit', hosts: ['a', 'c'] });
  });

  test('writes down a host that left as debt, once', () => {
    const step = next(watched([], { compared: LEFT }, { failed: [failed('d')] }));
    expect(step).toMatchObject({ do: 'record', events: [{ type: 'release-succeeded', data: { debt: [{ host: 'd', cause: 'failed' }, { host: 'b', cause: 'left', reason: 'It was taken out of pool web-prod while the release ran.' }] } }] });
  });

  test('looks again when an operator resumes after a failed audit, for the host may have been taken out of the pool', () => {
    const mismatches = [{ host: 'b', expected: 'x', observed: 'nothing' }];
    const resumed = evolve(watched(mismatches, { compared: SAME, paused: paused({ cause: 'audit' }) }), stored({ type: 'resumed', data: { reason: 'b is gone' } }));
    expect(next(resumed)).toEqual({ do: 'compare' });
  });

  test('is told with who left, who joined and the release that brings them up', () => {
    const compared: PoolComparison = { left: ['b'], joined: ['e'], scaleOut: 'r-2', note: null };
    const core = evolve(watched(null), stored({ type: 'pool-compared', data: compared }));
    expect(releaseView({ core, targets: {}, version: 3 }).compared).toEqual(compared);
  });
});

describe('the end of a rollback', () => {
  const done = rollback({ index: 2, stage: 'settled', batches: [['c'], ['b'], ['a']] });

  test('looks at its pool, so that hosts that joined come to the version it went back to', () => {
    const state = release({ ...rollingBack(done), plan: COMPARING });
    expect(next(state)).toEqual({ do: 'compare' });
    expect(next({ ...state, compared: SAME })).toMatchObject({ do: 'record', events: [{ type: 'release-rolled-back' }] });
  });

  test('does not when hosts could not be restored, or it was an abort: then no version is the pool\'s', () => {
    expect(next(release({ ...rollingBack({ ...done, unrestored: [failed('a')] }), plan: COMPARING }))).toMatchObject({ events: [{ type: 'rollback-ended-incomplete' }] });
    expect(next(release({ ...rollingBack({ ...done, then: 'aborted' }), plan: COMPARING }))).toMatchObject({ events: [{ type: 'release-aborted' }] });
  });

  test('does not go by what was seen before it began', () => {
    const begun = stored({ type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'r', batches: [['a']], then: 'rolled-back', epoch: 9 } });
    expect(evolve(watched([], { compared: LEFT }), begun).compared).toBeNull();
  });
});

describe('a release of which every host is passed', () => {
  const NOTHING: Plan = { ...COMPARING, batches: [], skipped: HOSTS.map((host) => ({ host, why: 'runs web 2 already' })) };

  test('succeeds at once, without staging, bake or watch, and names every host', () => {
    const state = release(preparing({ inService: [...HOSTS], plan: NOTHING }));
    expect(next(state)).toEqual({ do: 'record', events: [{ type: 'release-succeeded', data: { debt: [] } }] });
    const view = releaseView({ core: evolve(state, stored({ type: 'release-succeeded', data: { debt: [] } })), targets: {}, version: 5 });
    expect(view).toMatchObject({ status: 'succeeded', batches: [], skipped: NOTHING.skipped, allowedCommands: [] });
  });
});

test('a host that is passed cannot be skipped: there is nothing to leave out', () => {
  const state = release({ ...rolling({ failed: [failed('c')] }), plan: { ...COMPARING, skipped: [{ host: 'd', why: 'runs it already' }] } });
  const sent = { id: 'c-1', by: { kind: 'token', name: 'op' }, reason: 'r', type: 'skip', targets: ['d'] } as const;
  expect(decide(state, sent, { now: LATER, inWork: [], begunNow: [] })).toMatchObject({ refusal: { code: 'unknown-target' } });
});

test('a release touches no host it passes, neither forward nor back, and every other one', () => {
  const script = fc.record({ passed: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), sick: fc.option(fc.nat(11), { nil: null }), percent: fc.constantFrom(10, 25, 33) });
  fc.assert(fc.property(script, ({ passed, sick, percent }) => {
    const hosts = fleet(passed.length).map((host, index) => (passed[index] ? { ...host, skip: 'runs it already' } : host));
    const play = new Play({ hosts, strategy: { ...STRATEGY, batches: { ...STRATEGY.batches, percent: [percent] } }, failsForward: (host) => sick !== null && host === hosts[sick]?.name });
    const { acts, state } = play.run();
    const touched = new Set(acts.map(({ host }) => host));
    for (const { name, skip } of hosts) if (skip !== undefined) expect(touched.has(name)).toBe(false);
    if (state.situation.status === 'succeeded') expect(touched.size).toBe(hosts.filter(({ skip }) => skip === undefined).length);
    else expect(state.situation.status).toBe('rolled-back');
  }), { numRuns: 200 });
});
