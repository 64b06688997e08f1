import { describe, expect, test } from 'vitest';
import { isInSamePlace, runsExactly, wantedBefore, whySkipped } from '../../../domain/plan/skip.ts';
import type { SkipQuestion } from '../../../domain/plan/skip.ts';
import type { Observation, ObservedApplication } from '../../../domain/release/target.ts';

const WEB: ObservedApplication = { application: 'web', digest: 'd2', config: 'c2', version: '2', process: { pid: 1, startTicks: 2, bootId: 'b' }, unmanaged: false };
const WANTED = [{ application: 'web', digest: 'd2', config: 'c2' }];

function seen(application: Partial<ObservedApplication> = {}, traffic: Partial<Observation['traffic']> = {}, more: Partial<Observation> = {}): Observation {
  return { applications: [{ ...WEB, ...application }], traffic: { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true, ...traffic }, freeBytes: 1, ...more };
}

describe('a host runs exactly what is wanted', () => {
  test('when package and configuration are the wanted ones, the process lives and the host serves', () => {
    expect(runsExactly(seen(), WANTED)).toBe(true);
  });

  test.each<[string, Observation]>([
    ['another package', seen({ digest: 'd1' })],
    ['another configuration', seen({ config: 'c1' })],
    ['no process', seen({ process: null })],
    ['an installation that is not ours', seen({ unmanaged: true })],
    ['no place in traffic', seen({}, { inService: false })],
    ['nothing at all', seen({ application: 'other' })],
  ])('not with %s', (_what, observation) => {
    expect(runsExactly(observation, WANTED)).toBe(false);
  });

  test('not when one of several applications differs, nor when nothing is wanted', () => {
    expect(runsExactly(seen(), [...WANTED, { application: 'worker', digest: 'd', config: 'c' }])).toBe(false);
    expect(runsExactly(seen(), [])).toBe(false);
  });
});

describe('what a restored host would be', () => {
  test('is its pre-image, where that served', () => {
    expect(wantedBefore(seen())).toEqual(WANTED);
  });

  test('is left to the rollback, where the host ran nothing, had nothing installed or did not serve', () => {
    for (const preImage of [seen({ process: null }), seen({ digest: null, config: null }), seen({}, { inService: false })]) expect(wantedBefore(preImage)).toBeNull();
  });

  test('stands in the same place in traffic only with the same wish and weight', () => {
    expect(isInSamePlace(seen(), seen({}, { connections: 9 }))).toBe(true);
    expect(isInSamePlace(seen(), seen({}, { weight: 2 }))).toBe(false);
    expect(isInSamePlace(seen(), seen({}, { admin: 'drain' }))).toBe(false);
  });
});

describe('a host is passed', () => {
  const ask = (more: Partial<SkipQuestion>): string | null => whySkipped({ kind: 'rollout', host: 'a', observation: seen(), joined: null, outdated: null, ...more });
  const current = seen({}, {}, { current: true });

  test.each(['rollout', 'hotfix', 'scale-out', 'rollback'] as const)('by a %s when it is there already', (kind) => {
    expect(ask({ kind, observation: current })).toBe('runs web 2 already, in service and healthy');
  });

  test('never by a redeploy', () => {
    expect(ask({ kind: 'redeploy', observation: current })).toBeNull();
  });

  test('by no rollout for what it runs alone: somebody must have seen it healthy', () => {
    expect(ask({})).toBeNull();
  });

  test('by a scale-out when it serves anything, and not when it is out of service or runs nothing', () => {
    expect(ask({ kind: 'scale-out' })).toContain('a scale-out restarts no host that serves');
    expect(ask({ kind: 'scale-out', observation: seen({}, { inService: false }) })).toBeNull();
    expect(ask({ kind: 'scale-out', observation: seen({ process: null }) })).toBeNull();
  });

  test('by the scale-out of hosts that joined unless it is one of them, whatever it serves', () => {
    expect(ask({ kind: 'scale-out', joined: ['b'] })).toBe('is none of the hosts that joined');
    expect(ask({ kind: 'scale-out', joined: ['a', 'b'] })).toBeNull();
    expect(ask({ kind: 'scale-out', joined: ['a'], observation: current })).toContain('already');
  });

  test('by an outdated scale-out always, with the reason', () => {
    expect(ask({ kind: 'scale-out', joined: ['a'], outdated: 'the pool runs web 3' })).toBe('the pool runs web 3');
  });
});
