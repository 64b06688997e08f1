/** How long one leg takes, with durations drawn from a day's paces. */
import { SURVEY_MAX } from '../plan/slices.ts';
import { laneTimes } from './lanes.ts';
import { at } from './spread.ts';
import type { LaneTimes } from './lanes.ts';
import type { Leg, LegOfTargets, TypicalMs } from './legs.ts';
import type { Day, PaceKind, Paces } from './paces.ts';

/** Answers 0 to 1: a place among all durations of a kind. `() => 0.5` draws what is usual. */
export type Draw = () => number;

export interface LegTime {
  readonly ms: number;
  /** only of batches */
  readonly lanes: LaneTimes | null;
}

/** What moves the clock of a rehearsal: the middle durations of the newest release. */
export function typicalOf({ days }: Paces): TypicalMs {
  const [newest] = days;
  return (leg) => (newest === undefined ? 0 : legTime(leg, newest, () => 0.5).ms);
}

export function legTime(leg: Leg, day: Day, draw: Draw): LegTime {
  switch (leg.do) {
    case 'acquire':
    case 'plan':
      return { ms: at(day[leg.do], draw()), lanes: null };
    case 'observe':
    case 'stage':
    case 'audit':
      return { ms: surveyMs(leg, day, draw), lanes: null };
    case 'wait':
      return { ms: leg.seconds === null ? 0 : Math.max(0, leg.seconds) * 1000 + at(day.bake, draw()), lanes: null };
    case 'roll':
    case 'restore':
      return batchTime(leg, day, draw);
    default:
      return unknownLeg(leg);
  }
}

/** One survey after the other, each of its own length. */
function surveyMs(leg: Extract<Leg, { do: 'observe' | 'stage' | 'audit' }>, day: Day, draw: Draw): number {
  let ms = 0;
  for (let left = leg.hosts; left > 0; left -= SURVEY_MAX) ms += at(day[leg.do], draw());
  return ms;
}

function batchTime(leg: LegOfTargets, day: Day, draw: Draw): LegTime {
  const kind: PaceKind = leg.do === 'restore' ? 'back' : leg.part;
  const turnMs = at(day.turn, draw());
  const durationsMs = new Float64Array(leg.hosts.length);
  for (let place = 0; place < durationsMs.length; place += 1) {
    const left = leg.left?.[place] ?? 1;
    // Drawn in any case: what one host has left must not change what another one draws.
    const workMs = at(day[kind], draw());
    durationsMs[place] = left === 0 ? 0 : workMs * left + turnMs;
  }
  const capacity = { inService: leg.inService, floor: leg.floor, leaves: (place: number) => leg.leaves[place] === true, returns: (place: number) => leg.returns[place] === true };
  const lanes = laneTimes({ durationsMs, lanes: leg.lanes, capacity });
  return { ms: lanes.endMs, lanes };
}

function unknownLeg(leg: never): never {
  throw new Error(`Nobody knows how long the leg ${JSON.stringify(leg)} takes`);
}
