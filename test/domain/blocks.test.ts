import { describe, expect, test } from 'vitest';
import { badPackages, blockedFailure, heldApplications, mayBeBlocked } from '../../domain/blocks.ts';
import { failed, progress, release, rollingBack, SICK } from './release/situations.ts';
import type { Choice, CoreEventData } from '../../domain/release/events.ts';
import type { ReleaseState } from '../../domain/release/state.ts';
import type { Observation } from '../../domain/release/target.ts';
import type { Failure } from '../../domain/vocabulary.ts';

const BEFORE: Observation = {
  applications: [{ application: 'web', digest: '1'.repeat(64), config: 'c', version: '1', process: null, unmanaged: false }],
  traffic: { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true },
  freeBytes: 1,
};
const sick = release(rollingBack({ cause: 'bastion' }, progress({ begun: ['a'], failed: [failed('a')] })));

describe('a rollback that began by itself', () => {
  test('because of the build quarantines what the release brought', () => {
    expect(badPackages(sick, 'bastion', [BEFORE])).toEqual(['web@2']);
    expect(badPackages(sick, 'pause-deadline', [BEFORE])).toEqual(['web@2']);
  });

  test('because of a host or a dependency quarantines nothing', () => {
    for (const cause of ['host', 'dependency'] as const) {
      const other = release(rollingBack({ cause: 'tolerance' }, progress({ begun: ['a'], failed: [failed('a', { ...SICK, class: cause })] })));
      expect(badPackages(other, 'tolerance', [BEFORE])).toEqual([]);
    }
  });

  test('never quarantines a package that a host ran before', () => {
    const again: Observation = { ...BEFORE, applications: BEFORE.applications.map((seen) => ({ ...seen, digest: 'f'.repeat(64) })) };
    expect(badPackages(sick, 'bastion', [BEFORE, again])).toEqual([]);
  });
});

type Cause = CoreEventData['rollback-started']['cause'];

describe('what a rollback leaves behind', () => {
  /** Every cause there is: a new one must say here whom it holds for. */
  const HOLDS: Readonly<Record<Cause, boolean>> = {
    operator: true, answer: true, rejected: true, bastion: false, tolerance: false, 'pause-deadline': false, abort: false, release: false,
  };

  test.each(Object.entries(HOLDS) as [Cause, boolean][])('begun by %s holds the applications: %s', (cause, holds) => {
    expect(heldApplications(sick, cause)).toEqual(holds ? ['web'] : []);
  });

  test('is a quarantine only where the strategy began it or a bad build was answered with fail', () => {
    const quarantining = (Object.keys(HOLDS) as Cause[]).filter((cause) => badPackages(sick, cause, [BEFORE]).length > 0);
    expect(quarantining).toEqual(['bastion', 'tolerance', 'pause-deadline']);
    expect(badPackages(answeredWith({ a: 'fail' }), 'answer', [BEFORE])).toEqual(['web@2']);
  });

  test('after answers is about the targets answered fail alone, not about what else had failed', () => {
    const host: Failure = { ...SICK, class: 'host' };
    expect(badPackages(answeredWith({ a: 'ignore', b: 'fail' }, host), 'answer', [BEFORE])).toEqual([]);
    expect(badPackages(answeredWith({ a: 'fail', b: 'exclude' }, host), 'answer', [BEFORE])).toEqual(['web@2']);
  });
});

/** Target a failed because of the build, b because of `other`; both were answered for, and the release goes back. */
function answeredWith(answers: Readonly<Record<string, Choice>>, other: Failure = SICK): ReleaseState {
  return release(rollingBack({ cause: 'answer' }, progress({ begun: ['a', 'b'], failed: [failed('a'), failed('b', other)], answers })));
}

describe('a release', () => {
  test('that goes back or spreads what runs passes, every other one may be stopped', () => {
    expect(['rollout', 'hotfix', 'redeploy', 'rollback', 'scale-out'].filter(mayBeBlocked)).toEqual(['rollout', 'hotfix', 'redeploy']);
  });

  test('that waited is told who blocks it, since when, why, and how it is lifted', () => {
    const block = { kind: 'hold', name: 'web', pool: 'web-prod', reason: 'latency', release: 'r-9', by: { name: 'ann' }, since: '2026-01-01T00:00:00.000Z' } as const;
    expect(blockedFailure([])).toBeNull();
    expect(blockedFailure([block])).toMatchObject({ code: 'held', message: expect.stringMatching(/web of pool web-prod is held after release r-9 by ann since 2026-01-01T00:00:00.000Z: latency.*signalbox lift web --pool web-prod/) });
    expect(blockedFailure([{ ...block, kind: 'quarantine', name: 'web@2', pool: '' }])).toMatchObject({ code: 'quarantined', message: expect.stringContaining('signalbox package lift web@2') });
  });
});
