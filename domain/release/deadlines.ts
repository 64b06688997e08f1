/**
 * Until when a release may take, and what happens when that moment has come. A deadline counts working time (work-clock.ts) less the
 * times in which something of ours was away. Progress and release pause; a rollback stops beginning hosts. None of them rolls back.
 */
import { progressOf } from './evolve.ts';
import type { CoreEvent, DeadlineName } from './events.ts';
import type { ReleaseState } from './state.ts';

export interface Deadline {
  readonly which: DeadlineName;
  /** the earliest moment at which it can be reached as far as the state knows, epoch ms: finished targets and outages put it off */
  readonly atMs: number;
}

/** What the log and the record of outages say of the time that a deadline counts, up to the moment `atMs`, epoch ms. */
export interface Weighed {
  readonly which: DeadlineName;
  readonly atMs: number;
  /** progress: when the last target of the batch finished, if any did; else when the count began. epoch ms */
  readonly fromMs: number;
  /** of the time since `fromMs` that was counted, what something of ours was away */
  readonly awayMs: number;
  /** it still is */
  readonly isAway: boolean;
  /** names of what was away, for people */
  readonly away: readonly string[];
  readonly inWork: readonly HostInWork[];
}

export interface HostInWork {
  readonly host: string;
  /** what it is at: `verify`, or `drain, waits for capacity: …` */
  readonly doing: string;
}

/** `lookMs`: when to look again at the earliest, epoch ms; null: the deadline was reached, or does not run any more. */
export interface Judged {
  readonly events: readonly CoreEvent[];
  readonly lookMs: number | null;
}

/** While something stays away, nobody needs to look more often. */
const LOOK_MS_MIN = 60_000;
const LOOK_MS_MAX = 600_000;

/** Deadlines whose time is running now, the nearest first; none while the release waits as planned, is paused or ends anyway. */
export function runningDeadlines(state: ReleaseState): readonly Deadline[] {
  const { clock, situation, aborting } = state;
  if (clock === undefined || clock.since === null) return [];
  const ofClock = (which: DeadlineName): Deadline => ({ which, atMs: Date.parse(clock.since ?? clock.from) - clock.workedMs + limitMs(state, which) + clock.awayMs });
  if (situation.status === 'rolling-back') return situation.rollback.expiredSeconds === undefined ? [ofClock('rollback')] : [];
  if (aborting !== null) return [];
  const { batch } = clock;
  const progress: readonly Deadline[] = batch === null ? [] : [{ which: 'progress', atMs: Date.parse(batch.from) + limitMs(state, 'progress') + batch.awayMs }];
  return [ofClock('release'), ...progress].toSorted((a, b) => a.atMs - b.atMs);
}

/** What a deadline leads to, for people. */
export const CONSEQUENCES: Readonly<Record<DeadlineName, string>> = {
  progress: 'the release pauses',
  release: 'the release pauses',
  rollback: 'the rollback begins no further host',
};

/** The deadline of the whole way at hand; null while it does not run. When progress is reached only the log of the targets knows. */
export function overallDeadline(state: ReleaseState): (Deadline & { readonly which: 'release' | 'rollback' }) | null {
  for (const { which, atMs } of runningDeadlines(state)) if (which !== 'progress') return { which, atMs };
  return null;
}

/** A deadline that begins to run later than now cannot be reached before this time has passed, in ms. */
export function shortestLimitMs(state: ReleaseState): number {
  return Math.min(limitMs(state, 'progress'), limitMs(state, 'release'), limitMs(state, 'rollback'));
}

/** Since when the deadline counts, epoch ms; null when it does not run. */
export function countedFromMs(state: ReleaseState, which: DeadlineName): number | null {
  const { clock } = state;
  if (clock === undefined || !runningDeadlines(state).some((deadline) => deadline.which === which)) return null;
  return Date.parse(which === 'progress' ? (clock.batch?.from ?? clock.from) : clock.from);
}

/** Decides on a deadline that may have been reached. What was found away and is not in the state yet puts it off. */
export function judgeDeadline(state: ReleaseState, weighed: Weighed): Judged {
  const { which, atMs } = weighed;
  const deadline = runningDeadlines(state).find((running) => running.which === which);
  if (deadline === undefined) return { events: [], lookMs: null };
  const known = knownAwayMs(state, which);
  const moreMs = Math.max(0, weighed.awayMs - known);
  const dueMs = which === 'progress' ? Math.max(deadline.atMs, weighed.fromMs + limitMs(state, which) + weighed.awayMs) : deadline.atMs + moreMs;
  if (dueMs <= atMs) return { events: reached(state, weighed), lookMs: null };
  const events: readonly CoreEvent[] = moreMs === 0 ? [] : [{ type: 'deadline-extended', data: { which, ms: moreMs, reason: `${weighed.away.join(', ')} was away` } }];
  const patienceMs = Math.min(limitMs(state, which), Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, weighed.awayMs)));
  return { events, lookMs: weighed.isAway ? Math.max(dueMs, atMs + patienceMs) : dueMs };
}

function reached(state: ReleaseState, { which, inWork }: Weighed): readonly CoreEvent[] {
  const limitSeconds = limitMs(state, which) / 1000;
  const reason = sentenceOf(state, which, inWork);
  const event: CoreEvent = { type: 'deadline-reached', data: { which, limitSeconds, hosts: inWork.map(({ host }) => host), reason } };
  if (which === 'rollback') return [event];
  return [event, { type: 'paused', data: { cause: 'deadline', reason, deadline: null, then: 'stay' } }];
}

const HOSTS_MAX = 12;

function sentenceOf(state: ReleaseState, which: DeadlineName, inWork: readonly HostInWork[]): string {
  const limit = `${limitMs(state, which) / 1000} s`;
  const more = inWork.length > HOSTS_MAX ? ` and ${inWork.length - HOSTS_MAX} more` : '';
  const hosts = inWork.length === 0 ? 'No host is in work' : `In work: ${inWork.slice(0, HOSTS_MAX).map(({ host, doing }) => `${host} (${doing})`).join(', ')}${more}`;
  if (which === 'progress') return `No target of ${batchName(state)} has finished for ${limit}. ${hosts}`;
  if (which === 'release') return `The release has worked for ${limit}, its deadline. ${hosts}`;
  return `The rollback has worked for ${limit}, its deadline: no further host is begun. ${hosts}`;
}

function batchName({ situation }: ReleaseState): string {
  const progress = progressOf(situation);
  return progress === null || progress.part !== 'whole' ? 'the bastion' : `batch ${progress.batch}`;
}

function knownAwayMs({ clock }: ReleaseState, which: DeadlineName): number {
  return (which === 'progress' ? clock?.batch?.awayMs : clock?.awayMs) ?? 0;
}

function limitMs({ request }: ReleaseState, which: DeadlineName): number {
  const { progressSeconds, releaseSeconds, rollbackSeconds } = request.strategy.deadlines;
  return { progress: progressSeconds, release: releaseSeconds, rollback: rollbackSeconds }[which] * 1000;
}
