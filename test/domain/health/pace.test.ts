import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORDINARY_WAY_MS, beginWatch, deadlineMs, spanEndMs, watchOn, wayMs } from '../../../domain/health/pace.ts';
import type { PaceVerdict, TimedProbe } from '../../../domain/health/pace.ts';
import type { HealthPace } from '../../../domain/inventory.ts';

const PACE: HealthPace = { passes: 2, intervalMs: 500, timeoutSeconds: 10, healthySeconds: 0 };

/** The verdicts after each probe, up to the first that ends it. */
function play(pace: HealthPace, probes: readonly TimedProbe[], startedMs = 0): readonly PaceVerdict[] {
  const verdicts: PaceVerdict[] = [];
  let watch = beginWatch(startedMs);
  for (const probe of probes) {
    const told = watchOn(pace, watch, probe);
    watch = told.watch;
    verdicts.push(told.verdict);
    if (told.verdict !== 'go-on') break;
  }
  return verdicts;
}

const pass = (atMs: number): TimedProbe => ({ pass: true, atMs });
const fail = (atMs: number, way = 0): TimedProbe => ({ pass: false, atMs, wayMs: way });

describe('a check', () => {
  test.each<{ readonly told: string; readonly pace?: Partial<HealthPace>; readonly probes: readonly TimedProbe[]; readonly ends: readonly PaceVerdict[] }>([
    { told: 'is healthy after its passes in a row', probes: [pass(0), pass(500)], ends: ['go-on', 'healthy'] },
    { told: 'counts anew after a failure', probes: [pass(0), fail(500), pass(1000), pass(1500)], ends: ['go-on', 'go-on', 'go-on', 'healthy'] },
    { told: 'forgives failures until the deadline', probes: [fail(0), fail(9_999), fail(10_000)], ends: ['go-on', 'go-on', 'too-late'] },
    { told: 'is too late with fewer passes than it needs', probes: [fail(0), pass(10_000)], ends: ['go-on', 'too-late'] },
    { told: 'takes a last pass that ends after the deadline', probes: [pass(9_900), pass(10_100)], ends: ['go-on', 'healthy'] },
    { told: 'is watched from its first pass on', pace: { healthySeconds: 3 }, probes: [pass(1000), pass(2000), pass(3999), pass(4000)], ends: ['go-on', 'go-on', 'go-on', 'healthy'] },
    { told: 'is watched anew after a failure', pace: { healthySeconds: 3 }, probes: [pass(0), pass(2000), fail(2900), pass(3000), pass(4000), pass(5999), pass(6000)], ends: ['go-on', 'go-on', 'go-on', 'go-on', 'go-on', 'go-on', 'healthy'] },
    { told: 'that began to be watched in time is watched past the deadline', pace: { healthySeconds: 5 }, probes: [pass(8000), pass(9000), pass(12_000), pass(13_000)], ends: ['go-on', 'go-on', 'go-on', 'healthy'] },
    { told: 'that fails while it is watched past the deadline is too late', pace: { healthySeconds: 5 }, probes: [pass(8000), pass(9000), pass(12_000), fail(12_500)], ends: ['go-on', 'go-on', 'go-on', 'too-late'] },
    { told: 'needs its passes even when its span is over', pace: { healthySeconds: 1, passes: 3 }, probes: [pass(0), pass(5000), pass(6000)], ends: ['go-on', 'go-on', 'healthy'] },
    { told: 'is not too late for what was held up on its way', probes: [fail(9_000, 8_000), fail(12_000, 2_000), fail(19_999), fail(20_000)], ends: ['go-on', 'go-on', 'go-on', 'too-late'] },
    { told: 'is given no more time by ways that are as usual', probes: [fail(5_000, ORDINARY_WAY_MS), fail(9_999, ORDINARY_WAY_MS), fail(10_000, ORDINARY_WAY_MS)], ends: ['go-on', 'go-on', 'too-late'] },
    { told: 'of before there were spans has none', pace: { passes: 1 }, probes: [pass(0)], ends: ['healthy'] },
  ])('$told', ({ pace = {}, probes, ends }) => {
    expect(play({ ...PACE, ...pace }, probes)).toEqual(ends);
  });
});

const paces = fc.record({
  passes: fc.integer({ min: 1, max: 4 }),
  intervalMs: fc.constant(100),
  timeoutSeconds: fc.integer({ min: 1, max: 10 }),
  healthySeconds: fc.integer({ min: 0, max: 5 }),
});

/** Probes some time after one another, mostly passes. */
const probes = fc
  .array(fc.record({ pass: fc.boolean().chain((sick) => (sick ? fc.boolean() : fc.constant(true))), gapMs: fc.integer({ min: 1, max: 2_000 }) }), { minLength: 1, maxLength: 60 })
  .map((list) => list.reduce<readonly TimedProbe[]>((all, { pass: ok, gapMs }) => [...all, { pass: ok, atMs: (all.at(-1)?.atMs ?? 1_000) + gapMs }], []));

describe('laws of the pace', () => {
  test('healthy means: the last probes all passed, as many as wanted, over as long as wanted', () => {
    fc.assert(fc.property(paces, probes, (pace, list) => {
      const verdicts = play(pace, list, 1_000);
      if (verdicts.at(-1) !== 'healthy') return;
      const seen = list.slice(0, verdicts.length);
      const lastFailure = seen.findLastIndex(({ pass: ok }) => !ok);
      const row = seen.slice(lastFailure + 1);
      expect(row.length).toBeGreaterThanOrEqual(pace.passes);
      expect((row.at(-1)?.atMs ?? 0) - (row[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(pace.healthySeconds * 1000);
    }));
  });

  test('too late is never said before the deadline, nor of a check that is being watched', () => {
    fc.assert(fc.property(paces, probes, (pace, list) => {
      let watch = beginWatch(1_000);
      for (const probe of list) {
        const before = watch;
        const told = watchOn(pace, watch, probe);
        watch = told.watch;
        if (told.verdict === 'too-late') {
          expect(probe.atMs).toBeGreaterThanOrEqual(deadlineMs(pace, watch));
          expect(probe.pass && spanEndMs(pace, before) !== null).toBe(false);
        }
        if (told.verdict !== 'go-on') break;
      }
    }));
  });

  test('what is held up on its way is put to the deadline, and nothing else of the verdict changes by it', () => {
    fc.assert(fc.property(paces, probes, fc.integer({ min: ORDINARY_WAY_MS + 1, max: 60_000 }), (pace, list, heldUpMs) => {
      const [first, ...later] = list;
      if (first === undefined || watchOn(pace, beginWatch(1_000), first).verdict !== 'go-on' || first.pass) return;
      const late = [{ ...first, atMs: first.atMs + heldUpMs, wayMs: heldUpMs }, ...later.map((probe) => ({ ...probe, atMs: probe.atMs + heldUpMs }))];
      expect(play(pace, late, 1_000)).toEqual(play(pace, list, 1_000));
    }));
  });

  test('the way is what a call took beside the work on the host, which without its word may have been all that it was given', () => {
    fc.assert(fc.property(fc.nat(60_000), fc.nat(60_000), fc.nat(60_000), (way, onHostMs, boundMs) => {
      expect(wayMs({ tookMs: way + onHostMs, onHostMs, boundMs })).toBe(way);
      expect(wayMs({ tookMs: way + boundMs, onHostMs: null, boundMs })).toBe(way);
      // The clock of the host is coarse.
      expect(wayMs({ tookMs: onHostMs, onHostMs: onHostMs + 10, boundMs })).toBe(0);
    }));
  });

  test('every check ends: after the deadline and a whole span nothing goes on but what still lacks a pass', () => {
    fc.assert(fc.property(paces, probes, (pace, list) => {
      const verdicts = play(pace, list, 1_000);
      list.slice(0, verdicts.length).forEach(({ atMs }, index) => {
        if (atMs >= 1_000 + (pace.timeoutSeconds + pace.healthySeconds) * 1000 + 2_000 * pace.passes) expect(verdicts[index]).not.toBe('go-on');
      });
    }));
  });

  test('only differences of time count, not when the clock began', () => {
    fc.assert(fc.property(paces, probes, fc.integer({ min: 0, max: 1e9 }), (pace, list, shiftMs) => {
      expect(play(pace, list.map(({ pass: ok, atMs }) => ({ pass: ok, atMs: atMs + shiftMs })), 1_000 + shiftMs)).toEqual(play(pace, list, 1_000));
    }));
  });
});
