/** What happens when: every leg of a rehearsed release with its begin and end, and how many hosts serve meanwhile. */
import { isOfTargets } from './legs.ts';
import type { Part } from '../release/events.ts';
import type { LegTime } from './leg-time.ts';
import type { Leg, LegOfTargets } from './legs.ts';

export interface Timeline {
  readonly moments: readonly Moment[];
  /** the fewest hosts in service at any time and where that is first so */
  readonly lowest: { readonly inService: number; readonly moment: number };
  /** every change of the number of hosts in service, in order of time */
  readonly changes: readonly { readonly atMs: number; readonly inService: number }[];
}

/** Milliseconds since the release was begun. */
export interface Moment {
  readonly what: Leg['do'];
  readonly startMs: number;
  readonly endMs: number;
  readonly inService: { readonly start: number; readonly lowest: number; readonly end: number };
  readonly batch: MomentOfBatch | null;
  /** `seconds` null: unknown, and not counted in the times that follow */
  readonly wait: { readonly for: string; readonly seconds: number | null; readonly who: string | null } | null;
}

export interface MomentOfBatch {
  readonly index: number;
  readonly part: Part | 'back';
  readonly hosts: readonly string[];
  readonly lanes: number;
  /** hosts that would wait at the floor until somebody else brings one back into service */
  readonly waitingAtFloor: readonly string[];
}

export function timelineOf(legs: readonly Leg[], times: readonly LegTime[]): Timeline {
  const moments: Moment[] = [];
  const changes: { atMs: number; inService: number }[] = [];
  let startMs = 0;
  legs.forEach((leg, place) => {
    const time = times[place];
    if (time === undefined) return;
    const own = isOfTargets(leg) ? changesOf(leg, time, startMs) : [];
    for (const change of own) changes.push(change);
    moments.push(momentOf(leg, time, { startMs, counts: own.map(({ inService }) => inService) }));
    startMs += time.ms;
  });
  const lowest = Math.min(...moments.map((moment) => moment.inService.lowest));
  return { moments, changes, lowest: { inService: moments.length === 0 ? 0 : lowest, moment: moments.findIndex((moment) => moment.inService.lowest === lowest) } };
}

function momentOf(leg: Leg, { ms, lanes }: LegTime, { startMs, counts }: { readonly startMs: number; readonly counts: readonly number[] }): Moment {
  const end = counts.at(-1) ?? leg.inService;
  const stuck = isOfTargets(leg) ? (lanes?.stuck ?? []).map((place) => leg.hosts[place] ?? '') : [];
  return {
    what: leg.do,
    startMs,
    endMs: startMs + ms,
    inService: { start: leg.inService, lowest: counts.reduce((least, count) => Math.min(least, count), leg.inService), end },
    batch: isOfTargets(leg) ? { index: leg.index, part: leg.do === 'restore' ? 'back' : leg.part, hosts: leg.hosts, lanes: leg.lanes, waitingAtFloor: stuck } : null,
    wait: leg.do === 'wait' ? { for: leg.for, seconds: leg.seconds, who: leg.who } : null,
  };
}

/** A host is out from the moment it is begun until its work has ended. Whoever comes back at a moment does so before another one leaves. */
function changesOf(leg: LegOfTargets, { lanes }: LegTime, startMs: number): { atMs: number; inService: number }[] {
  const moves: { atMs: number; by: 1 | -1 }[] = [];
  for (let place = 0; place < leg.hosts.length; place += 1) {
    const beginMs = lanes?.beginsMs[place] ?? 0;
    const endMs = lanes?.endsMs[place];
    if (endMs === undefined || Number.isNaN(endMs)) continue;
    const [leaves, returns] = [leg.leaves[place] === true, leg.returns[place] === true];
    // Work that takes no time takes nobody out.
    if (leaves && returns && beginMs === endMs) continue;
    if (leaves) moves.push({ atMs: startMs + beginMs, by: -1 });
    if (returns) moves.push({ atMs: startMs + endMs, by: 1 });
  }
  moves.sort((a, b) => a.atMs - b.atMs || b.by - a.by);
  let inService = leg.inService;
  return moves.map(({ atMs, by }) => ({ atMs, inService: (inService += by) }));
}
