/** How long the parts of a release take: learned from past releases, or the defaults written here. */
import { oneAfterOther, spreadOf } from './spread.ts';
import type { Spread } from './spread.ts';

/**
 * - `acquire`: from the request to the pool, when nobody else has it
 * - `observe`, `stage`, `audit`: one survey of at most SURVEY_MAX hosts
 * - `plan`: making and storing the plan
 * - `install`, `join`, `whole`, `back`: the work on one target: a bastion before and at its joining, any other target, a restore
 * - `turn`: what a lane needs between two targets besides their work
 * - `bake`: what a bake, a rest or a watch takes longer than it was set to
 */
export const PACE_KINDS = ['acquire', 'observe', 'plan', 'stage', 'install', 'join', 'whole', 'back', 'turn', 'bake', 'audit'] as const;
export type PaceKind = (typeof PACE_KINDS)[number];

/** The paces of one release. Releases differ from one another more than the targets of one do, so each is kept apart. */
export type Day = Readonly<Record<PaceKind, Spread>>;
export type PartOfDay = Partial<Day>;

export interface Paces {
  /** what the paces were learned from: this many releases with this many targets */
  readonly basis: 'default' | { readonly releases: number; readonly targets: number };
  readonly days: readonly Day[];
}

/** One past release: its paces as far as it had them, and how many targets they were seen on. */
export interface PastDay {
  readonly day: PartOfDay;
  readonly targets: number;
}

/** A target takes 4 s, surveys a second or two, for 60 hosts at once. */
const GOOD_DAY: Day = { acquire: [1000], observe: [1000], plan: [100], stage: [2000], install: [3000], join: [1000], whole: [4000], back: [4000], turn: [200], bake: [500], audit: [1000] };
/** One release in five: everything on a target takes 7.5 times as long (30 s). */
const BAD_DAY: Day = { ...GOOD_DAY, observe: [5000], stage: [15_000], install: [22_500], join: [7500], whole: [30_000], back: [30_000], audit: [5000] };

/** Stands in until a release has succeeded. */
export const DEFAULT_PACES: Paces = { basis: 'default', days: [GOOD_DAY, GOOD_DAY, GOOD_DAY, GOOD_DAY, BAD_DAY] };

/** Paces from past releases. What one of them did not have comes from the others, what none had is put together or taken from the defaults. */
export function pacesFrom(past: readonly PastDay[]): Paces {
  if (past.length === 0) return DEFAULT_PACES;
  const known = knownOf(past.map(({ day }) => day));
  const days = past.map(({ day }) => completed({ ...known, ...day }));
  return { basis: { releases: past.length, targets: past.reduce((sum, { targets }) => sum + targets, 0) }, days };
}

/** Every kind that any of the days has, over all of them. */
function knownOf(days: readonly PartOfDay[]): PartOfDay {
  const known: Partial<Record<PaceKind, Spread>> = {};
  for (const kind of PACE_KINDS) {
    const spread = spreadOf(days.flatMap((day) => day[kind] ?? []));
    if (spread !== null) known[kind] = spread;
  }
  return known;
}

function completed(day: PartOfDay): Day {
  const whole = day.whole ?? (day.install && day.join ? oneAfterOther(day.install, day.join) : undefined);
  // A restore does what a release does; a bastion is a target whose admit comes later.
  const likeWhole = whole === undefined ? {} : { whole, back: whole, install: whole, join: [0] };
  return { ...GOOD_DAY, ...likeWhole, ...day };
}
