import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coveredMs, overlap, united } from '../../domain/outage.ts';
import type { Span } from '../../domain/outage.ts';

const MOMENTS = 60;
const span = fc.tuple(fc.nat(MOMENTS), fc.nat(MOMENTS)).map(([fromMs, toMs]): Span => ({ fromMs, toMs }));
const spans = fc.array(span, { maxLength: 8 });

/** A span covers a moment that begins in it and ends in it. */
const covers = (list: readonly Span[], moment: number): boolean => list.some(({ fromMs, toMs }) => fromMs <= moment && moment + 1 <= toMs);
const covered = (list: readonly Span[]): readonly number[] => Array.from({ length: MOMENTS }, (_, moment) => moment).filter((moment) => covers(list, moment));

describe('outages', () => {
  test('united ones cover the same moments, in order and apart from one another', () => {
    fc.assert(fc.property(spans, (list) => {
      const one = united(list);
      expect(covered(one)).toEqual(covered(list));
      one.forEach(({ fromMs, toMs }, index) => {
        expect(toMs).toBeGreaterThan(fromMs);
        expect(fromMs).toBeGreaterThan(one[index - 1]?.toMs ?? -1);
      });
    }));
  });

  test('cover each moment once, however often and in whatever order they are told', () => {
    fc.assert(fc.property(spans, (list) => {
      expect(coveredMs(list)).toBe(covered(list).length);
      expect(coveredMs([...list, ...list].toReversed())).toBe(coveredMs(list));
    }));
  });

  test('overlap in the moments that both cover, whichever comes first', () => {
    fc.assert(fc.property(spans, spans, (one, other) => {
      expect(covered(overlap(one, other))).toEqual(covered(one).filter((moment) => covers(other, moment)));
      expect(overlap(one, other)).toEqual(overlap(other, one));
    }));
  });
});
