import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { livenessAfter, LOOK_MS_MAX, skewOf, standingNow } from '../../domain/liveness.ts';
import type { HostProbe, Liveness } from '../../domain/liveness.ts';

describe('the difference of two clocks', () => {
  const looks = fc.record({ trueMs: fc.integer({ min: -10_000_000, max: 10_000_000 }), askedMs: fc.integer({ min: 1e12, max: 2e12 }), wayMs: fc.integer({ min: 0, max: 10_000 }), backMs: fc.integer({ min: 0, max: 10_000 }) });
  const looked = ({ trueMs, askedMs, wayMs, backMs }: { readonly trueMs: number; readonly askedMs: number; readonly wayMs: number; readonly backMs: number }) =>
    skewOf({ clockSeconds: Math.floor((askedMs + wayMs + trueMs) / 1000), askedMs, answeredMs: askedMs + wayMs + backMs });

  test('is never told larger than it is, nor with the wrong sign, however long the answer took', () => {
    fc.assert(fc.property(looks, (look) => {
      const skewMs = looked(look);
      expect(Math.abs(skewMs)).toBeLessThanOrEqual(Math.abs(look.trueMs));
      expect(skewMs * look.trueMs).toBeGreaterThanOrEqual(0);
    }));
  });

  test('is told but for the way of the answer and the cut-off second', () => {
    fc.assert(fc.property(looks, (look) => {
      expect(Math.abs(look.trueMs) - Math.abs(looked(look))).toBeLessThanOrEqual(look.wayMs + look.backMs + 1000);
    }));
  });
});

describe('what is kept of looks at a host', () => {
  const at = (second: number): string => new Date(1_700_000_000_000 + second * 1000).toISOString();
  const up = (second: number): HostProbe => ({ host: 'web-01', answered: true, at: at(second), vitals: { freeBytes: 5, diskBytes: null, skewMs: null, program: null }, applications: [], marker: null, maxEpoch: 0 });
  const silent = (second: number): HostProbe => ({ host: 'web-01', answered: false, at: at(second), message: 'refused' });
  const all = (answers: readonly boolean[]): Liveness | null => answers.reduce<Liveness | null>((known, answered, second) => livenessAfter(known, answered ? up(second) : silent(second)), null);

  test('says since when it is dead and when it was last seen', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), (answers) => {
      const seen = answers.lastIndexOf(true);
      const isDead = answers.at(-1) === false;
      expect(all(answers)).toMatchObject({ state: isDead ? 'dead' : 'up', seenAt: seen < 0 ? null : at(seen), deadSince: isDead ? at(seen + 1) : null, message: isDead ? 'refused' : null, checkedAt: at(answers.length - 1) });
    }));
  });

  test('is not changed by a look that is older', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }), fc.boolean(), (answers, late) => {
      const known = all(answers) as Liveness;
      expect(livenessAfter(known, late ? up(-1) : silent(-1))).toEqual(known);
    }));
  });

  test('keeps what an earlier look told of the machine where a later one did not ask', () => {
    const told: HostProbe = { ...(up(0) as Extract<HostProbe, { answered: true }>), vitals: { freeBytes: 1, diskBytes: 9, skewMs: 3, program: 'p' } };
    expect(livenessAfter(livenessAfter(null, told), up(1)).vitals).toEqual({ freeBytes: 5, diskBytes: 9, skewMs: 3, program: 'p' });
  });

  test('stands for a quarter of an hour; who was not looked at since is unknown', () => {
    const known = all([true]) as Liveness;
    const checkedMs = Date.parse(known.checkedAt);
    expect(standingNow(null, checkedMs)).toBe('unknown');
    expect(standingNow(known, checkedMs + LOOK_MS_MAX)).toBe('up');
    expect(standingNow(known, checkedMs + LOOK_MS_MAX + 1)).toBe('unknown');
    expect(standingNow(all([true, false]), checkedMs)).toBe('dead');
  });
});
