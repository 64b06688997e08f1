import { describe, expect, test } from 'vitest';
import type { BatchPolicy } from '../../../domain/inventory.ts';
import { batchCap, capNeeded } from '../../../domain/plan/batch-cap.ts';
import { WIDE, planInput, planned, refused, strategy } from './fleets.ts';

const input = (batches: Partial<BatchPolicy>, more = {}) => planInput('i'.repeat(10), { percentInService: 0, ...more, strategy: strategy({ bastions: 0, batches }) });

describe('cap', () => {
  test.each([[33, 10, 3], [33, 100, 33], [33, 3, 1], [33, 2, 1], [33, 1, 1], [50, 7, 3], [34, 3, 1], [33, 300, 99]])('%i %% of %i hosts is %i', (percent, hosts, cap) => {
    expect(batchCap(percent, hosts)).toBe(cap);
  });

  test('the lowest raised cap that is enough is found, and none above 50 %', () => {
    expect(capNeeded(4, 10)).toBe(40);
    expect(capNeeded(5, 10)).toBe(50);
    expect(capNeeded(6, 10)).toBeNull();
    expect(capNeeded(34, 100)).toBe(34);
  });
});

describe('a batch above the cap', () => {
  test.each([
    ['by percentage', { percent: [40] }],
    ['by count', { percent: [], count: [4] }],
    ['by list', { percent: [], hosts: [['web-01', 'web-02', 'web-03', 'web-04']] }],
    ['by override', { each: [{ index: 0, count: 4 }] }],
    ['by percentage zone by zone', { percent: [40], by: 'zone' }],
  ] as const)('%s is refused with its number, its size, the cap and what to do', (_how, batches) => {
    const [refusal] = refused(input(batches as Partial<BatchPolicy>));
    expect(refusal).toMatchObject({ code: 'batch-above-cap', next: 'Make batches of at most 3 hosts, or release with batchCapPercent: 40 and a reason.' });
    expect(refusal?.message).toMatch(/^Strategy standard puts 4 hosts into batch 0.*; no batch of pool web-prod may take more than 3 of its 10 hosts \(33 %\)\.$/);
    expect(planned(input(batches as Partial<BatchPolicy>, WIDE)).batches[0]?.hosts).toHaveLength(4);
  });

  test('that no cap could allow is refused without the advice to raise it', () => {
    expect(refused(input({ percent: [60, 40] }, WIDE))).toMatchObject([{ code: 'batch-above-cap', next: 'Make batches of at most 5 hosts.' }]);
  });

  test('in a pool of three is one of two hosts', () => {
    expect(planned(planInput('iii', { strategy: strategy({ percent: [33] }) })).batches.map(({ hosts }) => hosts.length)).toEqual([1, 1, 1]);
    expect(refused(planInput('iii', { strategy: strategy({ batches: { percent: [], count: [2] } }) })).map(({ code }) => code)).toEqual(['batch-above-cap']);
  });
});

describe('a raised cap', () => {
  test.each([
    [{ batchCapPercent: 50, reason: null }, 'The cap per batch is to be raised to 50 % of the pool, but nobody says why.'],
    [{ batchCapPercent: 50, reason: '  ' }, 'The cap per batch is to be raised to 50 % of the pool, but nobody says why.'],
    [{ batchCapPercent: 51, reason: 'why' }, 'The cap per batch can be raised to 34 to 50 % of the pool, not to 51 %.'],
    [{ batchCapPercent: 33, reason: 'why' }, 'The cap per batch can be raised to 34 to 50 % of the pool, not to 33 %.'],
  ])('%j is refused', (wish, message) => {
    expect(refused(input({}, wish))).toEqual([{ code: 'batch-cap-not-allowed', message, next: 'Release with batchCapPercent from 34 to 50 and a reason, or without it.' }]);
  });

  test('is in the plan with its reason', () => {
    const plan = planned(input({}, { batchCapPercent: 34, reason: 'too slow by night' }));
    expect(plan.batchCap).toEqual({ percent: 34, hosts: 3 });
    expect(plan.warnings).toEqual(['The strategy has no bastion: the first batch takes an unproven build into traffic.', 'The cap per batch is raised from 33 to 34 % of the pool: too slow by night']);
  });
});

describe('lists that do not fit the pool', () => {
  test('name what the pool does not have', () => {
    expect(refused(input({ percent: [], hosts: [['web-01', 'web-77'], ['web-78']] }))).toEqual([
      { code: 'hosts-not-in-pool', message: 'Strategy standard lists web-77, web-78 in batches.hosts; pool web-prod has no such hosts.', next: 'List hosts of the pool only, or use another strategy for this pool.' },
    ]);
  });

  test('cannot begin with hosts that the floor keeps until others are repaired', () => {
    const lists = (...hosts: string[][]) => planInput('iiiiiiioo', { percentInService: 77, strategy: strategy({ bastions: 0, batches: { percent: [], hosts } }) });
    expect(refused(lists(['web-01'], ['web-08']))).toEqual([
      {
        code: 'floor-order',
        message: 'Strategy standard takes web-01 out of service in batch 0; 7 of 9 hosts of pool web-prod are in service and the floor is 7: others must come back first.',
        next: 'List hosts that are out of service (web-08, web-09) before it, or lower capacity.minInServicePercent of the pool.',
      },
    ]);
    expect(planned(lists(['web-08'], ['web-01'])).batches.slice(0, 2).map(({ hosts }) => hosts)).toEqual([['web-08'], ['web-01']]);
  });

  test('are repaired enough by a bastion that comes back', () => {
    const input1 = planInput('iiiiiiioo', { percentInService: 77, strategy: strategy({ bastions: 1, batches: { percent: [], hosts: [['web-01']] } }) });
    expect(planned(input1).batches.slice(0, 2).map(({ hosts }) => hosts)).toEqual([['web-08'], ['web-01']]);
  });
});
