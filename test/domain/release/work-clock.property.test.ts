import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../domain/release/next-step.ts';
import { workedMs } from '../../../domain/release/work-clock.ts';
import { isTerminal } from '../../../domain/vocabulary.ts';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import type { Script } from './simulated-release.ts';

const script: fc.Arbitrary<Script> = fc
  .record({
    hosts: fc.integer({ min: 1, max: 12 }),
    bake: fc.integer({ min: 0, max: 3 }),
    advance: fc.constantFrom('auto' as const, 'manual' as const),
    promote: fc.constantFrom('auto' as const, 'manual' as const),
    watch: fc.integer({ min: 0, max: 2 }),
    tolerance: fc.integer({ min: 0, max: 2 }),
    onFailure: fc.constantFrom('rollback' as const, 'hold' as const),
    sick: fc.array(fc.nat(11), { maxLength: 3 }),
  })
  .map(({ hosts, bake, advance, promote, watch, tolerance, onFailure, sick }) => ({
    hosts: fleet(hosts),
    strategy: {
      ...STRATEGY,
      bastion: { count: 1, bakeSeconds: bake, promote },
      batches: { ...STRATEGY.batches, bakeSeconds: bake, advance },
      tolerance: { perBatch: tolerance, total: tolerance },
      onFailure,
      postRelease: { watchSeconds: watch },
    },
    failsForward: (host: string, round: number) => round === 0 && sick.some((index) => host === `web-${String(index + 1).padStart(3, '0')}`),
  }));

/** How long each step of the interpreter takes, and before which of them somebody pauses for how long. */
const gaps = fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 30 });
const pauses = fc.dictionary(fc.nat(40).map(String), fc.integer({ min: 1, max: 100_000 }), { maxKeys: 4 });

const STEPS_MAX = 300;
const WORK = new Set(['observe', 'plan', 'stage', 'roll', 'restore', 'audit']);

/** Plays with time: `onStep` sees the play before the gap of each step has passed. Waits for people end by their command. */
function playInTime(play: Play, gapsMs: readonly number[], onStep: (n: number, gapMs: number) => void): void {
  for (let n = 0; n < STEPS_MAX && !isTerminal(play.state.situation.status); n++) {
    const step = nextStep(play.state, play.nowMs);
    if (step.do === 'wait' && step.untilMs === null) {
      play.nowMs += 60_000;
      if (!(step.for === 'promote' ? play.send(command('promote')) : play.send(command('skip')))) play.send(command('rollback'));
      continue;
    }
    // Decisions take no time, and a wait takes its own.
    const gapMs = WORK.has(step.do) ? (gapsMs[n % gapsMs.length] ?? 0) : 0;
    onStep(n, gapMs);
    play.nowMs += gapMs;
    play.run1();
  }
}

describe('the clock of a release', () => {
  test('runs whenever a step is due, and stands whenever the release waits', () => {
    fc.assert(fc.property(script, gaps, (s, gapsMs) => {
      const play = new Play(s);
      const check = (): void => {
        const step = nextStep(play.state, play.nowMs);
        const runs = (play.state.clock?.since ?? null) !== null;
        if (WORK.has(step.do)) expect([step.do, runs]).toEqual([step.do, true]);
        if (step.do === 'wait' || step.do === 'done') expect([step, runs]).toEqual([step, false]);
      };
      playInTime(play, gapsMs, check);
      check();
    }), { numRuns: 300 });
  });

  test('counts exactly the time that steps took, anew on the way back', () => {
    fc.assert(fc.property(script, gaps, (s, gapsMs) => {
      const play = new Play(s);
      let countedMs = 0;
      let isBack = false;
      playInTime(play, gapsMs, (_, gapMs) => {
        if (!isBack && play.state.situation.status === 'rolling-back') countedMs = 0;
        isBack = play.state.situation.status === 'rolling-back';
        expect(workedMs(play.state, play.nowMs)).toBe(play.state.clock === undefined ? 0 : countedMs);
        countedMs += gapMs;
      });
    }), { numRuns: 300 });
  });

  test('never counts a pause, however long, wherever it is', () => {
    fc.assert(fc.property(script, gaps, pauses, (s, gapsMs, pausesMs) => {
      const play = (pausesOf: Readonly<Record<string, number>>): readonly number[] => {
        const one = new Play(s);
        const worked: number[] = [];
        playInTime(one, gapsMs, (n) => {
          worked.push(workedMs(one.state, one.nowMs));
          const pauseMs = pausesOf[n];
          if (pauseMs === undefined || !one.send(command('pause'))) return;
          one.nowMs += pauseMs;
          expect(workedMs(one.state, one.nowMs)).toBe(worked.at(-1));
          expect(one.send(command('resume'))).toBe(true);
        });
        return worked;
      };
      expect(play(pausesMs)).toEqual(play({}));
    }), { numRuns: 200 });
  });
});
