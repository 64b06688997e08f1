import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bastionBrake, brakeOver, failuresLeft } from '../../domain/brake.ts';

/** So many failed in the batch at hand, the rest of them in batches that tolerate everything. */
const verdict = (perBatch: number, total: number, inBatch: number, inAll: number, streak: { readonly longest: number; readonly most: number } = { longest: 0, most: 0 }) => {
  const all = Array.from({ length: inAll }, (_, index) => `h${index}`);
  const batches = [{ hosts: all.slice(0, inBatch) }, ...all.slice(inBatch).map((host) => ({ hosts: [host], tolerance: perBatch + 1 }))];
  // What those batches may lose more raises the total, which is what is asked for here less that.
  const tolerance = { perBatch, total: total - (inAll - inBatch), consecutive: streak.longest === 0 ? null : streak.most };
  const { hosts: _counted, ...answer } = { hosts: [], ...brakeOver({ tolerance, batches, batch: 0, failed: all, streak: streak.longest }) };
  return answer;
};

describe('brake', () => {
  test.each([
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [1, 3, 1, 3],
    [2, 2, 0, 2],
  ])('tolerance %i per batch and %i in total stands %i and %i failures', (perBatch, total, inBatch, inAll) => {
    expect(verdict(perBatch, total, inBatch, inAll)).toEqual({ applied: false });
  });

  test('the first failure brakes where none is tolerated', () => {
    expect(verdict(0, 0, 1, 1)).toEqual({ applied: true, excess: 1, sentence: '1 target failed in this batch; the strategy tolerates none per batch.' });
  });

  test('more failures in one batch than tolerated brake, whatever the total', () => {
    expect(verdict(1, 9, 2, 2)).toEqual({ applied: true, excess: 1, sentence: '2 targets failed in this batch; the strategy tolerates 1 per batch.' });
  });

  test('more failures in all than tolerated brake, though each batch was tolerable', () => {
    expect(verdict(1, 2, 1, 3)).toEqual({ applied: true, excess: 1, sentence: '3 targets failed in this release; the strategy tolerates 2 in total.' });
    expect(verdict(1, 0, 0, 1)).toEqual({ applied: true, excess: 1, sentence: '1 target failed in this release; the strategy tolerates none in total.' });
  });
});

describe('a brake that counts in a row', () => {
  test('as many as tolerated go on, one more brakes, whatever the other limits', () => {
    expect(verdict(9, 9, 3, 3, { longest: 2, most: 2 })).toEqual({ applied: false });
    expect(verdict(9, 9, 3, 3, { longest: 3, most: 2 })).toEqual({ applied: true, excess: 1, sentence: '3 targets failed one after the other; the strategy tolerates 2 in a row.' });
  });

  test('counts nothing where the strategy names no number, nor when every failure has been dealt with', () => {
    expect(brakeOver({ tolerance: { perBatch: 9, total: 9 }, batches: [{ hosts: ['a'] }], batch: 0, failed: ['a'], streak: 5 })).toEqual({ applied: false });
    expect(brakeOver({ tolerance: { perBatch: 9, total: 9, consecutive: 1 }, batches: [{ hosts: ['a'] }], batch: 0, failed: [], streak: 5 })).toEqual({ applied: false });
  });
});

describe('a batch with a tolerance of its own', () => {
  const batches = [{ hosts: ['a'] }, { hosts: ['b', 'c', 'd'], tolerance: 2 }, { hosts: ['e', 'f'], tolerance: 0 }];
  const over = (failed: readonly string[], total = 0) => brakeOver({ tolerance: { perBatch: 1, total }, batches, batch: 1, failed });

  test('may lose that many even where the total would not allow it, and no more', () => {
    expect(over(['b'])).toEqual({ applied: false });
    expect(over(['b', 'c'])).toMatchObject({ applied: true, sentence: expect.stringContaining('tolerates 1 in total') });
    expect(over(['b', 'c'], 1)).toEqual({ applied: false });
    expect(over(['b', 'c', 'd'], 9)).toMatchObject({ applied: true, hosts: ['b', 'c', 'd'], excess: 1 });
  });

  test('may be stricter than the others', () => {
    expect(over(['e'], 9)).toMatchObject({ applied: true, hosts: ['e'], sentence: expect.stringContaining('tolerates none per batch') });
    expect(failuresLeft({ tolerance: { perBatch: 1, total: 9 }, batches, failed: [] }, ['e', 'f'])).toBe(0);
  });
});

describe('bastion brake', () => {
  test('a bastion without failures goes on', () => {
    expect(bastionBrake([])).toEqual({ applied: false });
  });

  test('any failed bastion host brakes and is named', () => {
    expect(bastionBrake([{ host: 'web-01' }])).toEqual({ applied: true, excess: 1, sentence: 'The bastion failed (web-01); a build that does not pass there goes no further.' });
    expect(bastionBrake([{ host: 'web-01' }, { host: 'web-02' }])).toMatchObject({ sentence: expect.stringContaining('(web-01, web-02)') });
  });
});

describe('failures of a whole release', () => {
  const batches = [['a'], ['b', 'c', 'd'], ['e', 'f']].map((hosts) => ({ hosts }));
  const over = (perBatch: number, total: number, failed: readonly string[]) => brakeOver({ tolerance: { perBatch, total }, batches, batch: 2, failed });

  test('a host counts in its own batch, not in the one during which it was retried', () => {
    expect(over(1, 9, ['b', 'e'])).toEqual({ applied: false });
    expect(over(1, 9, ['e', 'b', 'c'])).toEqual({ applied: true, excess: 1, sentence: '2 targets failed in batch 1; the strategy tolerates 1 per batch.', hosts: ['b', 'c'] });
    expect(over(1, 9, ['b', 'e', 'f'])).toEqual({ applied: true, excess: 1, sentence: '2 targets failed in this batch; the strategy tolerates 1 per batch.', hosts: ['e', 'f'] });
  });

  test('every host counts in total', () => {
    expect(over(1, 1, ['b', 'e'])).toEqual({ applied: true, excess: 1, sentence: '2 targets failed in this release; the strategy tolerates 1 in total.', hosts: ['b', 'e'] });
  });

  test('what failed in an earlier round of a batch leaves less room for the next one', () => {
    const left = (failed: readonly string[], hosts: readonly string[]) => failuresLeft({ tolerance: { perBatch: 2, total: 3 }, batches, failed }, hosts);
    expect(left([], ['b', 'c', 'd'])).toBe(2);
    expect(left(['b', 'c'], ['d'])).toBe(0);
    expect(left(['b', 'c'], ['e', 'f'])).toBe(1);
    expect(left(['b', 'c'], ['d', 'e', 'f'])).toBe(0);
    expect(left(['a', 'b', 'c', 'd'], ['e'])).toBe(0);
  });

  const all = batches.flatMap(({ hosts }) => hosts);
  const release = fc.record({ perBatch: fc.nat(3), total: fc.nat(5), failed: fc.subarray(all), hosts: fc.subarray(all, { minLength: 1 }) });

  test('within what is left no failure brakes, whichever hosts it hits', () => {
    fc.assert(fc.property(release, fc.nat(), ({ perBatch, total, failed: before, hosts }, pick) => {
      const tolerance = { perBatch, total };
      const failed = before.filter((host) => !hosts.includes(host));
      if (brakeOver({ tolerance, batches, batch: 1, failed }).applied) return;
      const left = failuresLeft({ tolerance, batches, failed }, hosts);
      const turned = hosts.map((_, index) => hosts[(index + pick) % hosts.length] as string);
      expect(brakeOver({ tolerance, batches, batch: 1, failed: [...failed, ...turned.slice(0, left)] })).toEqual({ applied: false });
    }));
  });

  test('one failure more than is left brakes where it hits the limit that gave the number', () => {
    fc.assert(fc.property(release, ({ perBatch, total, failed: before, hosts }) => {
      const tolerance = { perBatch, total };
      const failed = before.filter((host) => !hosts.includes(host));
      const left = failuresLeft({ tolerance, batches, failed }, hosts);
      const limits = [
        { hosts, room: total - failed.length },
        ...batches.map(({ hosts: batch }) => ({ hosts: batch.filter((host) => hosts.includes(host)), room: perBatch - batch.filter((host) => failed.includes(host)).length })),
      ];
      for (const limit of limits.filter((one) => one.room <= left && one.hosts.length > left)) {
        expect(brakeOver({ tolerance, batches, batch: 1, failed: [...failed, ...limit.hosts.slice(0, left + 1)] }).applied).toBe(true);
      }
    }));
  });
});
