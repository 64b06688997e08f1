/** The arithmetic of tars that is worth keeping, line by line: pattern, sizes, small groups. Pools have no bastion here, so sizes read as they are written there. */
import { describe, expect, test } from 'vitest';
import { planInput, planned, refused, strategy, WIDE } from './fleets.ts';

const sizes = (hosts: number, percent: readonly number[], more = {}) =>
  planned(planInput('i'.repeat(hosts), { percentInService: 0, ...more, strategy: strategy({ percent, bastions: 0 }) })).batches.map((batch) => batch.hosts.length);

describe('batch pattern', () => {
  test('N% repeats and ends with the remainder: 30 % becomes 30+30+30+10', () => {
    expect(sizes(100, [30])).toEqual([30, 30, 30, 10]);
  });

  test('a%+b%+… are taken as they stand when they add up to 100', () => {
    expect(sizes(100, [10, 30, 30, 30])).toEqual([10, 30, 30, 30]);
  });

  test.each([[[30, 30]], [[50, 40]], [[0]], [[-5, 105]]])('%j is refused: parts are above 0 and several add up to 100', (percent) => {
    expect(refused(planInput('iiiiiiiiii', { strategy: strategy({ percent }) })).map(({ code }) => code)).toEqual(['percentages']);
  });

  test('a part above the maximum is refused, and up to 50 % it may be asked for', () => {
    expect(refused(planInput('i'.repeat(10), { strategy: strategy({ percent: [50], bastions: 0 }) })).map(({ code }) => code)).toEqual(['batch-above-cap']);
    expect(sizes(10, [50], WIDE)).toEqual([5, 5]);
    expect(refused(planInput('i'.repeat(10), { ...WIDE, strategy: strategy({ percent: [60, 40], bastions: 0 }) })).map(({ code }) => code)).toEqual(['batch-above-cap']);
  });

  test('one host per batch, where tars writes 0 %, is a count of 1', () => {
    const plan = planned(planInput('iiii', { strategy: strategy({ bastions: 0, batches: { percent: [], count: [1] } }) }));
    expect(plan.batches.map(({ hosts }) => hosts.length)).toEqual([1, 1, 1, 1]);
  });
});

describe('batch arithmetic', () => {
  test.each([
    { hosts: 10, percent: [25], expected: [2, 2, 2, 2, 2], more: {} },
    { hosts: 7, percent: [50], expected: [3, 3, 1], more: WIDE },
    { hosts: 9, percent: [30], expected: [2, 2, 2, 1, 2], more: {} },
    { hosts: 3, percent: [1], expected: [1, 1, 1], more: {} },
    { hosts: 40, percent: [1, 33, 33, 33], expected: [1, 13, 13, 13], more: {} },
    { hosts: 19, percent: [10, 30, 30, 30], expected: [1, 5, 5, 5, 3], more: {} },
  ])('$hosts hosts at $percent % become $expected', ({ hosts, percent, expected, more }) => {
    expect(sizes(hosts, percent, more)).toEqual(expected);
  });

  test('bastions are the first batch and no part of the percentages', () => {
    const plan = planned(planInput('i'.repeat(10), { percentInService: 0, strategy: strategy({ percent: [30] }) }));
    expect(plan.batches.map(({ kind, hosts }) => [kind, hosts.length])).toEqual([['bastion', 1], ['batch', 3], ['batch', 3], ['batch', 3]]);
  });
});

describe('small groups', () => {
  const out = (hosts: number, percentInService: number) => Math.max(...planned(planInput('i'.repeat(hosts), { percentInService, strategy: strategy({ bastions: 0, percent: [25] }) })).batches.map(({ lanes }) => lanes));

  test('a group of one is an outage that somebody has to want', () => {
    expect(refused(planInput('i')).map(({ code }) => code)).toEqual(['outage-not-allowed']);
  });

  test.each([2, 3])('of %i hosts one stays in service, whatever the floor says', (hosts) => {
    expect(out(hosts, 100)).toBe(1);
    expect(out(hosts, 0)).toBe(1);
  });

  test.each([[4, 1], [8, 2], [10, 2], [20, 5]])('of %i hosts no more than %i, a quarter, are out at a time with a batch of 25 %%', (hosts, most) => {
    expect(out(hosts, 0)).toBe(most);
  });

  test('the share is counted from the size of the group, not from what is still in service', () => {
    const plan = planned(planInput('iiiiiioo', { percentInService: 50, strategy: strategy({ bastions: 0 }) }));
    expect(plan.capacity).toMatchObject({ hosts: 8, inService: 6, floor: 4 });
    expect(plan.batches.map(({ hosts }) => hosts.length)).toEqual([2, 2, 2, 2]);
  });
});
