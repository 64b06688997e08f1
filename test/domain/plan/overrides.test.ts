/** Other values for one batch, and the one longer rest. */
import { describe, expect, test } from 'vitest';
import type { BatchOverride } from '../../../domain/inventory.ts';
import { planInput, planned, strategy } from './fleets.ts';
import type { StrategyNumbers } from './fleets.ts';

const plan = (each: readonly BatchOverride[], { hosts = 20, ...numbers }: StrategyNumbers & { readonly hosts?: number } = {}) =>
  planned(planInput('i'.repeat(hosts), { percentInService: 0, strategy: strategy({ ...numbers, batches: { ...numbers.batches, each } }) }));
const sizes = (...args: Parameters<typeof plan>) => plan(...args).batches.map(({ hosts }) => hosts.length);

describe('overrides', () => {
  test('each value of a batch can be another one, and the batches beside it keep theirs', () => {
    const { batches } = plan([{ index: 2, count: 3, bakeSeconds: 600, pauseSeconds: 60, advance: 'manual', verification: 'ignored', tolerance: 1 }]);
    expect(batches[1]).toMatchObject({ bakeSeconds: 2, pauseSeconds: 0, manual: false, verification: 'required', tolerance: 0 });
    expect(batches[2]).toMatchObject({ bakeSeconds: 600, pauseSeconds: 60, manual: true, verification: 'ignored', tolerance: 1 });
    expect(batches.map(({ hosts }) => hosts.length)).toEqual([1, 5, 3, 5, 5, 1]);
  });

  test('a small batch in a pattern that repeats lets the pattern go on behind it', () => {
    expect(sizes([1, 2, 3, 4, 5].map((index) => ({ index, count: 1 })), { percent: [10] })).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]);
  });

  test('in a pattern of several parts it takes the place of one', () => {
    expect(sizes([{ index: 2, percent: 5 }], { percent: [10, 30, 30, 30] })).toEqual([1, 2, 1, 6, 6, 4]);
    expect(sizes([{ index: 1, percent: 15 }], { batches: { percent: [], count: [1, 4] } })).toEqual([1, 3, 4, 4, 4, 4]);
  });

  test('the bastion can bake longer, wait for a person and be taken without health', () => {
    const [bastion] = plan([{ index: 0, bakeSeconds: 900, advance: 'manual', verification: 'ignored' }]).batches;
    expect(bastion).toMatchObject({ kind: 'bastion', bakeSeconds: 900, manual: true, verification: 'ignored', tolerance: 0, pauseSeconds: 0 });
  });

  test('a strategy that does not require health requires it of the bastion all the same', () => {
    const { batches, warnings } = plan([], { batches: { verification: 'ignored' } });
    expect(batches.map(({ verification }) => verification)).toEqual(['required', 'ignored', 'ignored', 'ignored', 'ignored']);
    expect(warnings).toContain('Health is not required in batch 1, 2, 3, 4: hosts that do not become healthy are admitted nevertheless.');
  });

  test('in a pool of one its only batch has the values of the bastion', () => {
    const one = planned(planInput('i', { allowOutage: true, reason: 'night', strategy: strategy({ batches: { each: [{ index: 0, bakeSeconds: 7 }, { index: 1, bakeSeconds: 8 }] } }) }));
    expect(one.batches).toMatchObject([{ kind: 'batch', bakeSeconds: 7 }]);
    expect(one.warnings).toContain('The strategy has other values for batch 1 (batches.each), and this plan has no such batch.');
  });

  test('an index that no batch has is a warning', () => {
    expect(plan([{ index: 9, bakeSeconds: 1 }, { index: 4, bakeSeconds: 1 }]).warnings).toEqual(['The strategy has other values for batch 9 (batches.each), and this plan has no such batch.']);
  });

  test('more failures than the whole release may have are a warning', () => {
    expect(plan([{ index: 1, tolerance: 2 }], { tolerance: { perBatch: 0, total: 1 } }).warnings).toEqual(['Batch 1 may have 2 failed targets, but the whole release only 1 (tolerance.total).']);
  });

  test('the bake of a batch counts before that of the first zone', () => {
    const { batches } = plan([{ index: 2, bakeSeconds: 5 }], { percent: [33], batches: { by: 'zone', firstZoneBakeSeconds: 600 } });
    expect(batches.map(({ zone, bakeSeconds }) => [zone, bakeSeconds])).toEqual([[undefined, 10], ['idc-a', 2], ['idc-a', 5], ['idc-b', 2], ['idc-b', 2]]);
  });
});

describe('windows of single batches', () => {
  const shape = (...args: Parameters<typeof plan>) => plan(...args).batches.map(({ mode, lanes, hosts }) => `${mode} ${lanes}/${hosts.length}`);

  test('one batch among others can be a window', () => {
    expect(shape([{ index: 2, mode: 'window' }], { percent: [20], bastions: 0 })).toEqual(['barrier 4/4', 'barrier 4/4', 'window 4/4', 'barrier 4/4', 'barrier 4/4']);
  });

  test('two that follow one another are one, and the batches behind them keep the pattern', () => {
    expect(shape([{ index: 1, mode: 'window' }, { index: 2, mode: 'window' }], { percent: [20], bastions: 0 })).toEqual(['barrier 4/4', 'window 4/8', 'barrier 4/4', 'barrier 4/4']);
  });

  test('an override that let a window go on says nothing about the batch that has its number in the next zone', () => {
    const { batches, warnings } = plan([{ index: 1, mode: 'window' }, { index: 2, mode: 'window', tolerance: 0, bakeSeconds: 9 }], { bastions: 1, percent: [20], batches: { by: 'zone', percent: [20] } });
    expect(batches.map(({ mode, zone, hosts, bakeSeconds }) => `${mode} ${zone} ${hosts.length} ${bakeSeconds}`).slice(1)).toEqual(['window idc-a 8 2', 'barrier idc-a 1 2', 'barrier idc-b 4 2', 'barrier idc-b 4 2', 'barrier idc-b 2 2']);
    expect(warnings).toEqual(['Batch 2 of batches.each goes on in the window before it: its tolerance, bakeSeconds are not used.']);
  });

  test('values of a part that went into the window before it are said to be unused', () => {
    expect(plan([{ index: 1, mode: 'window' }, { index: 2, mode: 'window', bakeSeconds: 9, tolerance: 0 }], { percent: [20] }).warnings).toEqual(['Batch 2 of batches.each goes on in the window before it: its bakeSeconds, tolerance are not used.']);
  });

  test('a barrier in a strategy of windows parts them', () => {
    expect(shape([{ index: 2, mode: 'barrier' }], { percent: [20], batches: { mode: 'window' } })).toEqual(['barrier 1/1', 'window 4/4', 'barrier 4/4', 'window 4/11']);
  });

  test('a window of another width is as wide as its batch says', () => {
    expect(shape([{ index: 1, count: 2 }], { percent: [20], batches: { mode: 'window' } })).toEqual(['barrier 1/1', 'window 2/19']);
  });
});

describe('one longer rest', () => {
  const rests = (afterPercent: number, seconds: number | null, more: Parameters<typeof plan>[1] = {}) =>
    plan([], { ...more, batches: { ...more.batches, pauseOnce: { afterPercent, seconds } } }).batches.map(({ pauseSeconds, manual }) => (manual ? 'manual' : pauseSeconds));

  test('follows the first batch with which the share is done, the bastion counted', () => {
    expect(rests(30, 600)).toEqual([0, 600, 0, 0, 0]);
    expect(rests(31, 600)).toEqual([0, 0, 600, 0, 0]);
  });

  test('without seconds it waits for a person', () => {
    expect(rests(50, null)).toEqual([0, 0, 'manual', 0, 0]);
  });

  test('a longer rest that is there anyway stays', () => {
    expect(rests(30, 60, { batches: { pauseSeconds: 90 } })).toEqual([0, 90, 90, 90, 0]);
    expect(rests(30, 600, { batches: { pauseSeconds: 90 } })).toEqual([0, 600, 90, 90, 0]);
  });

  test('never follows the bastion, which serves nobody yet', () => {
    expect(rests(1, 600)).toEqual([0, 600, 0, 0, 0]);
  });

  test('that only the last batch would reach has no place, and the plan says so', () => {
    expect(rests(99, 600)).toEqual([0, 0, 0, 0, 0]);
    expect(plan([], { batches: { pauseOnce: { afterPercent: 99, seconds: 5 } } }).warnings).toEqual(['The one longer rest (batches.pauseOnce) has no place: 99 % of the pool is done only with the last batch.']);
  });
});
