/** The documented table of kinds, and what no kind may ever do to a strategy. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOTFIX_WAIT_SECONDS_MAX, KIND_POLICIES, RELEASE_KINDS, effectiveStrategy } from '../../domain/release-kind.ts';
import { STRATEGY } from './release/simulated-release.ts';
import type { BatchOverride, StrategySpec } from '../../domain/inventory.ts';
import type { ReleaseKind } from '../../domain/vocabulary.ts';

const SLOW: StrategySpec = {
  ...STRATEGY,
  signOff: 'after-bastion',
  late: { afterPercent: 75, failuresMax: 1 },
  bastion: { count: 2, hosts: ['a', 'b'], label: { role: 'bastion' }, skipIn: ['fat'], bakeSeconds: 600, promote: 'manual' },
  batches: {
    ...STRATEGY.batches, bakeSeconds: 300, firstZoneBakeSeconds: 900, pauseSeconds: 120, advance: 'manual', pauseOnce: { afterPercent: 50, seconds: 3600 },
    each: [{ index: 0, bakeSeconds: 700 }, { index: 1, count: 1, pauseSeconds: 500, advance: 'manual', tolerance: 1 }],
  },
  postRelease: { watchSeconds: 1800 },
};

describe('a rollout and a rollback', () => {
  test.each(['rollout', 'rollback'] as const)('of kind %s follows the strategy as it stands', (kind) => {
    expect(effectiveStrategy(kind, SLOW, 'prod')).toEqual(SLOW);
  });
});

describe('a hotfix', () => {
  test('waits at most 30 s wherever time is waited for, and leaves everything else as it is', () => {
    const { batches } = SLOW;
    expect(effectiveStrategy('hotfix', SLOW, 'prod')).toEqual({
      ...SLOW,
      bastion: { ...SLOW.bastion, bakeSeconds: 30 },
      batches: {
        ...batches, bakeSeconds: 30, firstZoneBakeSeconds: 30, pauseSeconds: 30, pauseOnce: { afterPercent: 50, seconds: 30 },
        each: [{ index: 0, bakeSeconds: 30 }, { index: 1, count: 1, pauseSeconds: 30, advance: 'manual', tolerance: 1 }],
      },
      postRelease: { watchSeconds: 30 },
    });
  });

  test('keeps waits that are shorter, and a rest that waits for a person', () => {
    const short = { ...SLOW, bastion: { ...SLOW.bastion, bakeSeconds: 5 }, batches: { ...SLOW.batches, pauseOnce: { afterPercent: 50, seconds: null } } };
    expect(effectiveStrategy('hotfix', short, 'prod')).toMatchObject({ bastion: { bakeSeconds: 5 }, batches: { pauseOnce: { seconds: null } } });
  });
});

describe('a scale-out', () => {
  test('has no bastion, no sign-off, no bake, no rest and no watch, and waits for nobody between batches or because a failure came late', () => {
    const strategy = effectiveStrategy('scale-out', SLOW, 'prod');
    expect(strategy).toMatchObject({ bastion: { count: 0, bakeSeconds: 0, promote: 'auto' }, batches: { bakeSeconds: 0, advance: 'auto', each: [{ index: 0, count: 1, tolerance: 1 }] }, postRelease: { watchSeconds: 0 } });
    for (const gone of ['signOff', 'late']) expect(strategy).not.toHaveProperty(gone);
    for (const gone of ['hosts', 'label']) expect(strategy.bastion).not.toHaveProperty(gone);
    for (const gone of ['pauseSeconds', 'pauseOnce', 'firstZoneBakeSeconds', 'each.0.pauseSeconds', 'each.0.advance']) expect(strategy.batches).not.toHaveProperty(gone);
  });
});

describe('a redeploy', () => {
  test('has no bastion and bakes as the strategy says', () => {
    const strategy = effectiveStrategy('redeploy', SLOW, 'prod');
    expect(strategy).toMatchObject({ bastion: { count: 0 }, batches: { bakeSeconds: 300, pauseSeconds: 120, advance: 'manual' }, postRelease: { watchSeconds: 1800 } });
    expect(strategy).not.toHaveProperty('signOff');
  });

  test('counts overrides from the batch that is the first one now, where there was a bastion before it', () => {
    const each = (strategy: StrategySpec, environment: string): readonly BatchOverride[] | undefined => effectiveStrategy('redeploy', strategy, environment).batches.each;
    expect(each(SLOW, 'prod')).toMatchObject([{ index: 0, count: 1 }]);
    expect(each(SLOW, 'fat')).toMatchObject([{ index: 0, bakeSeconds: 700 }, { index: 1, count: 1 }]);
    expect(each({ ...SLOW, bastion: { count: 0, bakeSeconds: 0, promote: 'auto' } }, 'prod')).toHaveLength(2);
  });
});

describe('the table', () => {
  test.each<[ReleaseKind, Omit<(typeof KIND_POLICIES)[ReleaseKind], 'strategy' | 'isProven'>]>([
    ['rollout', { queuePriority: 0, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any' }],
    ['hotfix', { queuePriority: 5, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any' }],
    ['scale-out', { queuePriority: 0, passesCurrentHosts: true, isLastGood: false, changesOptional: true, versions: 'succeeded' }],
    ['redeploy', { queuePriority: 0, passesCurrentHosts: false, isLastGood: true, changesOptional: true, versions: 'running' }],
    ['rollback', { queuePriority: 10, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any' }],
  ])('gives %s the place, the skips and the versions that README says', (kind, policy) => {
    expect(KIND_POLICIES[kind]).toMatchObject(policy);
  });
});

const seconds = fc.nat(10_000);
const drawn: fc.Arbitrary<StrategySpec> = fc
  .record({ bastions: fc.nat(3), bake: seconds, watch: seconds, pause: fc.option(seconds, { nil: undefined }), promote: fc.constantFrom('auto' as const, 'manual' as const), each: fc.array(fc.record({ index: fc.nat(4), bakeSeconds: seconds }), { maxLength: 4 }) })
  .map(({ bastions, bake, watch, pause, promote, each }) => ({
    ...STRATEGY,
    bastion: { count: bastions, bakeSeconds: bake, promote },
    batches: { ...STRATEGY.batches, bakeSeconds: bake, each, ...(pause === undefined ? {} : { pauseSeconds: pause }) },
    postRelease: { watchSeconds: watch },
  }));

describe('laws of every kind', () => {
  test('no kind loosens the floor, the tolerance, the brake, the way back or a deadline', () => {
    fc.assert(fc.property(drawn, fc.constantFrom(...RELEASE_KINDS), (strategy, kind) => {
      const { tolerance, onFailure, rollback, pause, deadlines, batches } = effectiveStrategy(kind, strategy, 'prod');
      expect({ tolerance, onFailure, rollback, pause, deadlines }).toEqual({ tolerance: strategy.tolerance, onFailure: strategy.onFailure, rollback: strategy.rollback, pause: strategy.pause, deadlines: strategy.deadlines });
      expect([batches.percent, batches.maxParallel, batches.mode]).toEqual([strategy.batches.percent, strategy.batches.maxParallel, strategy.batches.mode]);
    }));
  });

  test('a kind applied twice is the kind applied once', () => {
    fc.assert(fc.property(drawn, fc.constantFrom(...RELEASE_KINDS), (strategy, kind) => {
      const once = effectiveStrategy(kind, strategy, 'prod');
      expect(effectiveStrategy(kind, once, 'prod')).toEqual(once);
    }));
  });

  test('no wait of a hotfix is longer than 30 s or than the strategy has it, and its bastion stays', () => {
    fc.assert(fc.property(drawn, (strategy) => {
      const { bastion, batches, postRelease } = effectiveStrategy('hotfix', strategy, 'prod');
      expect(bastion.count).toBe(strategy.bastion.count);
      for (const [now, before] of [[bastion.bakeSeconds, strategy.bastion.bakeSeconds], [batches.bakeSeconds, strategy.batches.bakeSeconds], [postRelease.watchSeconds, strategy.postRelease.watchSeconds]] as const) {
        expect(now).toBe(Math.min(before, HOTFIX_WAIT_SECONDS_MAX));
      }
    }));
  });
});
