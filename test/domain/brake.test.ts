import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bastionBrake, brake, brakeOver, failuresLeft } from '../../domain/brake.ts';

const verdict = (perBatch: number, total: number, inBatch: number, inAll: number) =>
  brake({ tolerance: { perBatch, total }, batch: { failed: inBatch }, total: { failed: inAll } });

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
    expect(verdict(0, 0, 1, 1)).toEqual({ applied: true, sentence: '1 target failed in this batch; the strategy tolerates none per batch.' });
  });

  test('more failures in one batch than tolerated brake, whatever the total', () => {
    expect(verdict(1, 9, 2, 2)).toEqual({ applied: true, sentence: '2 targets failed in this batch; the strategy tolerates 1 per batch.' });
  });

  test('more failures in all than tolerated brake, though each batch was tolerable', () => {
    expect(verdict(1, 2, 1, 3)).toEqual({ applied: true, sentence: '3 targets failed in this release; the strategy tolerates 2 in total.' });
    expect(verdict(1, 0, 0, 1)).toEqual({ applied: true, sentence: '1 target failed in this release; the strategy tolerates none in total.' });
  });
});

describe('bastion brake', () => {
  test('a bastion without failures goes on', () => {
    expect(bastionBrake([])).toEqual({ applied: false });
  });

  test('any failed bastion host brakes and is named', () => {
    expect(bastionBrake([{ host: 'web-01' }])).toEqual({ applied: true, sentence: 'The bastion failed (web-01); a build that does not pass there goes no further.' });
    expect(bastionBrake([{ host: 'web-01' }, { host: 'web-02' }])).toMatchObject({ sentence: expect.stringContaining('(web-01, web-02)') });
  });
});

describe('failures of a whole release', () => {
  const batches = [['a'], ['b', 'c', 'd'], ['e', 'f']];
  const over = (perBatch: number, total: number, failed: readonly string[]) => brakeOver({ tolerance: { perBatch, total }, batches, batch: 2, failed });

  test('a host counts in its own batch, not in the one during which it was retried', () => {
    expect(over(1, 9, ['b', 'e'])).toEqual({ applied: false });
    expect(over(1, 9, ['e', 'b', 'c'])).toEqual({ applied: true, sentence: '2 targets failed in batch 1; the strategy tolerates 1 per batch.', hosts: ['b', 'c'] });
    expect(over(1, 9, ['b', 'e', 'f'])).toEqual({ applied: true, sentence: '2 targets failed in this batch; the strategy tolerates 1 per batch.', hosts: ['e', 'f'] });
  });

  test('every host counts in total', () => {
    expect(over(1, 1, ['b', 'e'])).toEqual({ applied: true, sentence: '2 targets failed in this release; the strategy tolerates 1 in total.', hosts: ['b', 'e'] });
  });

  test('what failed in an earlier round of a batch leaves less room for the next one', () => {
    const left = (failed: readonly string[], hosts: readonly string[]) => failuresLeft({ tolerance: { perBatch: 2, total: 3 }, batches, failed }, hosts);
    expect(left([], ['b', 'c', 'd'])).toBe(2);
    expect(left(['b', 'c'], ['d'])).toBe(0);
    expect(left(['b', 'c'], ['e', 'f'])).toBe(1);
    expect(left(['b', 'c'], ['d', 'e', 'f'])).toBe(0);
    expect(left(['a', 'b', 'c', 'd'], ['e'])).toBe(0);
  });

  const all = batches.flat();
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
        ...batches.map((batch) => ({ hosts: batch.filter((host) => hosts.includes(host)), room: perBatch - batch.filter((host) => failed.includes(host)).length })),
      ];
      for (const limit of limits.filter((one) => one.room <= left && one.hosts.length > left)) {
        expect(brakeOver({ tolerance, batches, batch: 1, failed: [...failed, ...limit.hosts.slice(0, left + 1)] }).applied).toBe(true);
      }
    }));
  });
});
