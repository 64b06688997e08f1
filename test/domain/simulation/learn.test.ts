import { describe, expect, test } from 'vitest';
import { pastDay } from '../../../domain/simulation/learn.ts';
import { DEFAULT_PACES, pacesFrom } from '../../../domain/simulation/paces.ts';
import { SIGNALBOX, STEPS } from '../../../domain/vocabulary.ts';
import { HOSTS, PLAN, REQUEST } from '../release/situations.ts';
import type { PastStep } from '../../../domain/simulation/learn.ts';
import type { CoreEvent, Stored } from '../../../domain/release/events.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** Decisions at so many milliseconds after the request. */
function told(...events: readonly (readonly [number, CoreEvent])[]): Stored<CoreEvent>[] {
  return events.map(([atMs, event], index) => ({ ...event, id: `e${index}`, version: index + 1, at: new Date(START_MS + atMs).toISOString(), actor: SIGNALBOX }));
}

function stepsOn(host: string, ms: number, more: Partial<PastStep> = {}): PastStep[] {
  return STEPS.map((step) => ({ host, direction: 'forward', round: 0, step, durationMs: ms, ...more }));
}

const started = (index: number, part: 'install' | 'join' | 'whole'): CoreEvent => ({ type: 'batch-started', data: { index, part, round: 0, hosts: PLAN.batches[index]?.hosts ?? [] } });
const finished = (index: number, part: 'install' | 'join' | 'whole'): CoreEvent => ({ type: 'batch-finished', data: { index, part, round: 0, succeeded: 1, failed: [], untouched: [] } });

const GOOD = told(
  [0, { type: 'release-requested', data: REQUEST }],
  [300, { type: 'pool-acquired', data: { epoch: 1 } }],
  [700, { type: 'targets-observed', data: { inService: HOSTS, failed: [] } }],
  [800, { type: 'plan-made', data: { plan: PLAN } }],
  [1800, { type: 'targets-staged', data: { failed: [] } }],
  [1800, { type: 'phase-entered', data: { phase: 'pre-release' } }],
  [1800, started(0, 'install')],
  [2350, finished(0, 'install')],
  [2350, { type: 'bake-started', data: { index: 0, seconds: 10 } }],
  [12_950, { type: 'bake-finished', data: { index: 0, cause: 'time', reason: null } }],
  [12_950, started(0, 'join')],
  [13_100, finished(0, 'join')],
  [13_100, started(1, 'whole')],
  [14_400, finished(1, 'whole')],
  [14_400, { type: 'phase-entered', data: { phase: 'post-release' } }],
  [15_200, { type: 'audit-finished', data: { mismatches: [] } }],
);
const STEPS_SEEN = [...stepsOn('a', 100), ...stepsOn('b', 200), ...stepsOn('c', 150)];

describe('a past release teaches', () => {
  test('what each target took, a bastion before and at its joining, and every fixed cost between decisions', () => {
    expect(pastDay({ core: GOOD, steps: STEPS_SEEN, waited: [] })).toEqual({
      targets: 3,
      day: {
        acquire: [300], observe: [400], plan: [100], stage: [1000], install: [500], join: [100], whole: [900, 1200],
        // 550 − 500, 150 − 100 and 1300 − 1200: what the lanes needed besides the work.
        turn: [50, 50, 100], bake: [600], audit: [800],
      },
    });
  });

  test('nothing about hosts that waited for something of ours, nor about their batch', () => {
    const day = pastDay({ core: GOOD, steps: STEPS_SEEN, waited: ['b'] })?.day;
    expect(day).toMatchObject({ whole: [900], turn: [50] });
  });

  test('nothing from second rounds, from pauses, or from waits that a person ended', () => {
    const interrupted = told(
      [0, { type: 'release-requested', data: REQUEST }],
      [0, { type: 'release-queued', data: { behind: 'r-0' } }],
      [9000, { type: 'pool-acquired', data: { epoch: 1 } }],
      [9100, { type: 'plan-made', data: { plan: PLAN } }],
      [9200, { type: 'bake-started', data: { index: 0, seconds: 10 } }],
      [9900, { type: 'bake-finished', data: { index: 0, cause: 'promoted', reason: 'fine' } }],
      [9900, started(1, 'whole')],
      [10_000, { type: 'paused', data: { cause: 'operator', reason: 'lunch', deadline: null, then: 'stay' } }],
      [99_000, finished(1, 'whole')],
      [99_000, { type: 'batch-started', data: { index: 2, part: 'whole', round: 1, hosts: ['c'] } }],
      [99_900, finished(2, 'whole')],
    );
    expect(pastDay({ core: interrupted, steps: [...stepsOn('b', 100, { round: 1 }), ...stepsOn('c', 10)], waited: [] })).toEqual({ targets: 1, day: { whole: [60] } });
  });

  test('how long a way back takes', () => {
    expect(pastDay({ core: told([0, { type: 'release-requested', data: REQUEST }]), steps: stepsOn('a', 50, { direction: 'back' }), waited: [] })).toEqual({ targets: 1, day: { back: [300] } });
  });

  test('nothing when nothing was done', () => {
    expect(pastDay({ core: GOOD, steps: [], waited: [] })).toBeNull();
  });
});

describe('paces', () => {
  test('are the defaults until a release has taught something', () => {
    expect(pacesFrom([])).toBe(DEFAULT_PACES);
  });

  test('say how many releases and targets they come from', () => {
    expect(pacesFrom([{ day: { whole: [100] }, targets: 3 }, { day: { whole: [200] }, targets: 4 }])).toMatchObject({ basis: { releases: 2, targets: 7 }, days: [{ whole: [100] }, { whole: [200] }] });
  });

  test('fill what one release did not have from the others, then from its own whole targets, then from the defaults', () => {
    const { days } = pacesFrom([{ day: { whole: [100] }, targets: 1 }, { day: { whole: [300], audit: [7] }, targets: 1 }]);
    expect(days[0]).toMatchObject({ audit: [7], install: [100], join: [0], back: [100], acquire: DEFAULT_PACES.days[0]?.acquire });
  });
});
