import { expect, test } from 'vitest';
import { batchValues } from '../../../domain/plan/batch-values.ts';
import { planInput, planned } from './fleets.ts';

const OLD = { index: 1, kind: 'batch', hosts: ['a'], lanes: 2, bakeSeconds: 3, manual: true } as const;

test('a batch planned before batches carried their values has those of its strategy', () => {
  expect(batchValues(OLD, 2)).toEqual({ lanes: 2, mode: 'barrier', bakeSeconds: 3, pauseSeconds: 0, manual: true, verification: 'required', tolerance: 2, zone: null });
  expect(batchValues({ ...OLD, kind: 'bastion' }, 2).tolerance).toBe(0);
});

test('a batch planned now says itself what counts', () => {
  const { index, kind, hosts, ...values } = planned(planInput('iiiiiiii')).batches[1] ?? { ...OLD };
  expect([index, kind, hosts.length]).toEqual([1, 'batch', 2]);
  expect(batchValues({ index, kind, hosts, ...values }, 9)).toEqual({ ...values, zone: null });
});
