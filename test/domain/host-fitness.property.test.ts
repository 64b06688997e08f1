import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unfitFor } from '../../domain/host-fitness.ts';
import type { HostVitals } from '../../domain/liveness.ts';

const MB = 1024 * 1024;
const VITALS: HostVitals = { freeBytes: 1e12, diskBytes: 2e12, skewMs: 0, program: null };
const code = (vitals: Partial<HostVitals>, sizes: readonly number[] = [MB]): string | null => unfitFor('web-01', { ...VITALS, ...vitals }, sizes)?.code ?? null;

test.each<[string, Partial<HostVitals>, string | null]>([
  ['with room and a right clock is fit', {}, null],
  ['with too little room is refused', { freeBytes: 66 * MB }, 'disk-full'],
  ['without a free byte is refused', { freeBytes: 0 }, 'disk-full'],
  ['that cannot tell its disk is not refused for that', { freeBytes: 0, diskBytes: null }, null],
  ['that tells nothing is fit', { freeBytes: null, diskBytes: null, skewMs: null }, null],
  ['whose clock is wrong is refused', { skewMs: -60_000 }, 'clock-skewed'],
  ['whose clock is a little off is fit', { skewMs: 5_000 }, null],
])('a host %s', (_what, vitals, expected) => {
  expect(code(vitals)).toBe(expected);
});

test('a host that has no room for some packages has none for more', () => {
  fc.assert(fc.property(fc.array(fc.nat(500 * MB), { maxLength: 5 }), fc.nat(500 * MB), fc.nat(2000 * MB), (sizes, more, freeBytes) => {
    if (code({ freeBytes }, sizes) === 'disk-full') expect(code({ freeBytes }, [...sizes, more])).toBe('disk-full');
  }));
});
