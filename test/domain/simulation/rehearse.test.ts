import { describe, expect, test } from 'vitest';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { rehearse } from '../../../domain/simulation/rehearse.ts';
import { failed, HOSTS, paused, PLAN, postRelease, preparing, release, rolling, rollingBack } from '../release/situations.ts';
import { hostsOf, planInput, strategy } from '../plan/fleets.ts';
import type { Leg } from '../../../domain/simulation/legs.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

function legsOf(state: ReleaseState, more: { readonly typicalMs?: (leg: Leg) => number } = {}): string[] {
  const { legs, endsAs } = rehearse({ state, plan: PLAN, inService: HOSTS, startMs: START_MS, ...more });
  return [...legs.map(told), String(endsAs)];
}

function told(leg: Leg): string {
  if (leg.do === 'roll') return `${leg.part} ${leg.hosts.join('+')}`;
  if (leg.do === 'restore') return `back ${leg.hosts.join('+')}`;
  return leg.do === 'wait' ? `${leg.for} ${leg.seconds ?? 'unknown'}` : leg.do;
}

describe('a rehearsed release', () => {
  test('goes the whole way from the request to its end', () => {
    expect(legsOf(release({ status: 'queued', behind: null }))).toEqual([
      'acquire', 'observe', 'plan', 'stage', 'install a', 'bake 10', 'join a', 'whole b+c', 'bake 2', 'whole d', 'bake 5', 'audit', 'succeeded',
    ]);
  });

  test('goes on from where it stands', () => {
    expect(legsOf(release(rolling({ batch: 1, stage: 'rolling', hosts: ['c'] })))).toEqual(['whole c', 'bake 2', 'whole d', 'bake 5', 'audit', 'succeeded']);
    expect(legsOf(release(postRelease()))).toEqual(['bake 5', 'audit', 'succeeded']);
  });

  test('goes the way back when it is rolling back', () => {
    expect(legsOf(release(rollingBack()))).toEqual(['back c', 'bake 2', 'back b', 'bake 2', 'back a', 'rolled-back']);
  });

  test('waits for the release that has the pool, nobody knows how long', () => {
    expect(legsOf(release({ status: 'queued', behind: 'r-0' })).slice(0, 3)).toEqual(['pool unknown', 'observe', 'plan']);
  });

  test('is resumed when it is paused, and its deadline is not waited for', () => {
    const state = release(rolling({ batch: 2 }), { paused: paused({ deadline: '2026-01-02T00:00:00.000Z', then: 'rollback' }) });
    expect(legsOf(state)).toEqual(['resume unknown', 'bake 5', 'audit', 'succeeded']);
  });

  test('has its failed hosts tried again when the brake holds it', () => {
    const state = release(rolling({ batch: 1, failed: [failed('b')], braked: true }), { paused: paused({ cause: 'brake' }) });
    expect(legsOf(state)).toEqual(['resume unknown', 'whole b', 'bake 2', 'whole d', 'bake 5', 'audit', 'succeeded']);
  });

  test('is promoted where the plan asks a person, and what a person takes is not known', () => {
    const manual = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: batch.index < 2 })) };
    const { legs } = rehearse({ state: release(preparing({ inService: HOSTS, plan: manual, staged: true })), plan: null, inService: HOSTS, startMs: START_MS });
    expect(legs.filter((leg) => leg.do === 'wait' && leg.seconds === null)).toMatchObject([{ for: 'promote', who: 'an operator with promote' }, { for: 'promote' }]);
  });

  test('stops where it has no plan and none is given', () => {
    expect(rehearse({ state: release(preparing({ inService: HOSTS })), plan: null, inService: HOSTS, startMs: START_MS })).toEqual({ legs: [], endsAs: null });
  });
});

test('a bake that ran while the clock was moved by work is waited for to its own end', () => {
  const { legs } = rehearse({ state: release(rolling({ batch: 1, stage: 'baking', bake: { index: 1, since: '2026-01-01T00:00:00.000Z', seconds: 60, remainingMs: null } })), plan: PLAN, inService: HOSTS, startMs: START_MS + 20_000 });
  expect(legs[0]).toMatchObject({ do: 'wait', for: 'bake', seconds: 40 });
});

test('a host that stays out is released and never counted in service', () => {
  const input = planInput('iiis', { strategy: strategy({ percent: [25] }) });
  const made = makePlan(input);
  if (!('plan' in made)) throw new Error('no plan');
  const hosts = hostsOf('iiis');
  const state = release({ status: 'queued', behind: null }, { request: { ...release(preparing()).request, hosts } });
  const { legs } = rehearse({ state, plan: made.plan, inService: ['web-01', 'web-02', 'web-03'], staysOut: ['web-04'], startMs: START_MS });
  expect(legs.at(-1)).toMatchObject({ do: 'audit', hosts: 4, inService: 3 });
});
