import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSlices } from '../../../domain/plan/slices.ts';

const batch = fc.record({ count: fc.integer({ min: 1, max: 1500 }), lanes: fc.integer({ min: 1, max: 300 }), hostsMax: fc.integer({ min: 1, max: 60 }) });
const hostsOf = (count: number) => Array.from({ length: count }, (_, index) => `web-${index}`);
const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);

test('the lanes of all slices that run side by side are exactly those of the batch', () => {
  fc.assert(fc.property(batch, ({ count, lanes, hostsMax }) => {
    const { slots } = planSlices({ hosts: hostsOf(count), lanes, hostsMax });
    expect(sum(slots)).toBe(lanes);
    expect(Math.min(...slots)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...slots) - Math.min(...slots)).toBeLessThanOrEqual(1);
  }));
});

test('every host is in exactly one slice, in the order of the batch, and no slice is empty or too large', () => {
  fc.assert(fc.property(batch, ({ count, lanes, hostsMax }) => {
    const hosts = hostsOf(count);
    const { slices, slots } = planSlices({ hosts, lanes, hostsMax });
    expect(slices.flat()).toEqual(hosts);
    expect(slices.every((slice) => slice.length > 0 && slice.length <= hostsMax)).toBe(true);
    expect(slots.length).toBeLessThanOrEqual(slices.length);
  }));
});

test('as many slices run side by side as there are lanes for, and never more than there are slices', () => {
  expect(planSlices({ hosts: hostsOf(62), lanes: 1, hostsMax: 60 })).toMatchObject({ slots: [1] });
  expect(planSlices({ hosts: hostsOf(150), lanes: 5, hostsMax: 60 })).toMatchObject({ slots: [2, 2, 1] });
});
