import { describe, expect, test } from 'vitest';
import { bastionBrake, brake } from '../../domain/brake.ts';

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
