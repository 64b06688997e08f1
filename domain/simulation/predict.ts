/** How long a rehearsed release takes: played many times with drawn durations; the run of middle length is the one that is told. */
import { legTime } from './leg-time.ts';
import { isOfTargets } from './legs.ts';
import { randomOf } from './random.ts';
import { timelineOf } from './timeline.ts';
import type { LegTime } from './leg-time.ts';
import type { Leg } from './legs.ts';
import type { Paces } from './paces.ts';
import type { Timeline } from './timeline.ts';

/** Seconds of machine work and of waits whose length is known. Half of all releases are quicker than `p50`, nine of ten than `p90`. */
export interface Estimate {
  readonly p50: number;
  readonly p90: number;
}

export interface Prediction extends Estimate {
  readonly basis: Paces['basis'];
  readonly timeline: Timeline;
}

/** Draws are shared out: many runs of a small fleet, fewer of a large one, whose runs differ less. */
interface Effort {
  readonly drawsMax: number;
  readonly runsMin: number;
  readonly runsMax: number;
}

const FOR_A_PLAN: Effort = { drawsMax: 300_000, runsMin: 40, runsMax: 200 };
/** A running release is looked at again and again. */
const IN_PASSING: Effort = { drawsMax: 30_000, runsMin: 10, runsMax: 100 };

/** The same legs, paces and seed give the same answer everywhere. */
export function predict(legs: readonly Leg[], paces: Paces, seed: string): Prediction {
  const { runs, estimate } = play(legs, paces, seed, FOR_A_PLAN);
  const middle = runs[Math.ceil(runs.length / 2) - 1]?.run ?? 0;
  return { ...estimate, basis: paces.basis, timeline: timelineOf(legs, oneRun(legs, paces, `${seed}/${middle}`, middle)) };
}

/** Only how long it takes, without telling how, and less finely. */
export function estimate(legs: readonly Leg[], paces: Paces, seed: string): Estimate {
  return play(legs, paces, seed, IN_PASSING).estimate;
}

interface Played {
  /** shortest first */
  readonly runs: readonly { readonly run: number; readonly ms: number }[];
  readonly estimate: Estimate;
}

function play(legs: readonly Leg[], paces: Paces, seed: string, effort: Effort): Played {
  const runs = Array.from({ length: runsFor(legs, paces, effort) }, (_, run) => ({ run, ms: sumOf(oneRun(legs, paces, `${seed}/${run}`, run)) }));
  runs.sort((a, b) => a.ms - b.ms || a.run - b.run);
  const below = (part: number): number => Math.round((runs[Math.ceil(part * runs.length) - 1]?.ms ?? 0) / 100) / 10;
  return { runs, estimate: { p50: below(0.5), p90: below(0.9) } };
}

/** Every past release lends its paces to as many runs as any other. */
function oneRun(legs: readonly Leg[], paces: Paces, seed: string, run: number): readonly LegTime[] {
  const day = paces.days[run % paces.days.length];
  if (day === undefined) throw new Error('Paces without a day predict nothing');
  const draw = randomOf(seed);
  return legs.map((leg) => legTime(leg, day, draw));
}

function runsFor(legs: readonly Leg[], { days }: Paces, { drawsMax, runsMin, runsMax }: Effort): number {
  const targets = legs.reduce((sum, leg) => sum + (isOfTargets(leg) ? leg.hosts.length : 1), 0);
  const runs = Math.min(runsMax, Math.max(runsMin, Math.floor(drawsMax / Math.max(1, targets))));
  return Math.ceil(runs / Math.max(1, days.length)) * days.length;
}

function sumOf(times: readonly LegTime[]): number {
  return times.reduce((sum, { ms }) => sum + ms, 0);
}
