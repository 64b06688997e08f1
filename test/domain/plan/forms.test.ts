/** Counts, lists, zones, windows and orders, each by an example. */
import { describe, expect, test } from 'vitest';
import type { BatchPolicy } from '../../../domain/inventory.ts';
import { WIDE, hostsOf, planInput, planned, strategy } from './fleets.ts';
import type { StrategyNumbers } from './fleets.ts';

const plan = (letters: string, batches: Partial<BatchPolicy>, more: StrategyNumbers & { readonly zones?: number } = {}) => {
  const { zones = 2, ...numbers } = more;
  return planned(planInput('', { hosts: hostsOf(letters, zones), percentInService: 0, strategy: strategy({ bastions: 0, ...numbers, batches }) }));
};
const names = (...args: Parameters<typeof plan>) => plan(...args).batches.map(({ hosts }) => hosts.map((name) => name.slice(4)).join(' '));
const TEN = 'i'.repeat(10);

describe('counts', () => {
  test('are taken one after the other, and the last one repeats', () => {
    expect(names(TEN, { percent: [], count: [1, 3] }, { zones: 1 })).toEqual(['01', '02 03 04', '05 06 07', '08 09 10']);
  });

  test('the rollback of a release cut by counts is as wide as its widest batch, and at least 33 %', () => {
    expect(plan(TEN, { percent: [], count: [1, 3] }).rollback.batchPercent).toBe(33);
    expect(planned(planInput(TEN, { ...WIDE, strategy: strategy({ bastions: 0, batches: { percent: [], count: [5] } }) })).rollback.batchPercent).toBe(50);
  });
});

describe('lists', () => {
  test('make batches in their order, without the bastion, and everybody else follows in parts of 25 %', () => {
    const batches = { percent: [], hosts: [['web-05', 'web-01'], ['web-03']] };
    expect(names('i'.repeat(12), batches, { bastions: 1, zones: 1 })).toEqual(['01', '05', '03', '02 04 06', '07 08 09', '10 11 12']);
  });

  test('a list that was only the bastion leaves no empty batch behind', () => {
    expect(names('iiii', { percent: [], hosts: [['web-01'], ['web-03']] }, { bastions: 1, zones: 1 })).toEqual(['01', '03', '02', '04']);
  });
});

describe('zone by zone', () => {
  test('each zone is finished before the next, and the pattern begins anew in each', () => {
    const zoned = plan(TEN, { percent: [], count: [1, 2], by: 'zone', firstZoneBakeSeconds: 60 });
    expect(zoned.batches.map(({ zone, hosts, bakeSeconds }) => [zone, hosts.length, bakeSeconds])).toEqual([
      ['idc-a', 1, 2], ['idc-a', 2, 2], ['idc-a', 2, 60], ['idc-b', 1, 2], ['idc-b', 2, 2], ['idc-b', 2, 2],
    ]);
  });

  test('percentages are of the whole pool, not of the zone', () => {
    expect(names('i'.repeat(20), { percent: [25], by: 'zone' })).toEqual(['01 03 05 07 09', '11 13 15 17 19', '02 04 06 08 10', '12 14 16 18 20']);
  });

  test('zones come in the order in which they were declared, also when the bastion was the first host of the first', () => {
    const hosts = ['z', 'a', 'z', 'a'].map((zone, index) => ({ name: `web-0${index + 1}`, zone, inService: true }));
    const zoned = planned(planInput('', { hosts, strategy: strategy({ batches: { by: 'zone' } }) }));
    expect(zoned.batches.map(({ zone, hosts: own }) => [zone, ...own])).toEqual([[undefined, 'web-01'], ['z', 'web-03'], ['a', 'web-02'], ['a', 'web-04']]);
  });

  test('where hosts must be repaired before any can be spared, they go before the first zone', () => {
    const hosts = hostsOf('iiiioo', 2);
    const zoned = planned(planInput('', { hosts, percentInService: 66, strategy: strategy({ bastions: 0, percent: [33], batches: { by: 'zone' } }) }));
    expect(zoned.batches.map(({ zone, hosts: own }) => [zone, ...own])).toEqual([['idc-a', 'web-05'], ['idc-b', 'web-06'], ['idc-a', 'web-01'], ['idc-a', 'web-03'], ['idc-b', 'web-02'], ['idc-b', 'web-04']]);
  });
});

describe('windows', () => {
  test('a strategy in windows is one batch behind the bastion, as wide as its first part', () => {
    const { batches } = plan(TEN, { mode: 'window' }, { bastions: 1, percent: [20] });
    expect(batches.map(({ kind, mode, lanes, hosts }) => [kind, mode, lanes, hosts.length])).toEqual([['bastion', 'barrier', 1, 1], ['batch', 'window', 2, 9]]);
  });

  test.each([
    { why: 'the cap', more: {}, percentInService: 0, maxParallel: 10, lanes: 3 },
    { why: 'the raised cap', more: WIDE, percentInService: 0, maxParallel: 10, lanes: 5 },
    { why: 'the lanes of the strategy', more: WIDE, percentInService: 0, maxParallel: 4, lanes: 4 },
    { why: 'the floor', more: WIDE, percentInService: 80, maxParallel: 10, lanes: 2 },
  ])('a window is never wider than $why', ({ more, percentInService, maxParallel, lanes }) => {
    const made = planned(planInput(TEN, { ...more, percentInService, strategy: strategy({ bastions: 0, percent: [50], maxParallel, batches: { mode: 'window' } }) }));
    expect(made.batches.map((batch) => [batch.hosts.length, batch.lanes])).toEqual([[10, lanes]]);
  });

  test('a window narrowed by the cap says so', () => {
    expect(plan(TEN, { mode: 'window' }, { percent: [50] }).warnings).toContain('The window of batch 0 is narrowed from 5 to 3 hosts at a time, the cap per batch.');
  });

  test('zone by zone there is one window for each zone', () => {
    expect(plan(TEN, { mode: 'window', by: 'zone' }).batches.map(({ zone, hosts, lanes }) => [zone, hosts.length, lanes])).toEqual([['idc-a', 5, 2], ['idc-b', 5, 2]]);
  });
});

describe('order of hosts', () => {
  test.each([
    { order: 'interleave' as const, expected: ['02 01', '04 03', '06 05', '08 07'] },
    { order: 'list' as const, expected: ['01 02', '03 04', '05 06', '07 08'] },
    { order: 'unhealthy-first' as const, expected: ['02 04', '06 08', '01 03', '05 07'] },
    { order: 'unhealthy-last' as const, expected: ['01 03', '05 07', '02 04', '06 08'] },
  ])('$order puts every second host out of service where it says', ({ order, expected }) => {
    expect(names('ioioioio', { order }, { zones: 1 })).toEqual(expected);
  });

  test('unhealthy-first and unhealthy-last spread the zones inside each kind', () => {
    const hosts = ['a1', 'a2', 'b1', 'b2', 'a3', 'b3'].map((name, index) => ({ name, zone: name.charAt(0), inService: index < 4 }));
    const order = (wish: BatchPolicy['order']) => planned(planInput('', { hosts, percentInService: 0, strategy: strategy({ bastions: 0, batches: { order: wish } }) })).batches.flatMap((batch) => batch.hosts);
    expect(order('unhealthy-first')).toEqual(['a3', 'b3', 'a1', 'b1', 'a2', 'b2']);
    expect(order('unhealthy-last')).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  });
});
