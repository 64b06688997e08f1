/**
 * What the log says of the time a deadline counts: which hosts are in work, which finished last, and when something of ours was away.
 * Read only when a deadline may have been reached, so nobody has to keep count of it all the time.
 */
import { CAPACITY } from '../plan/capacity.ts';
import { coveredMs, overlap } from '../outage.ts';
import { isTargetEvent } from './events.ts';
import { evolve, initialRelease, progressOf } from './evolve.ts';
import { stepsOf } from './next-step.ts';
import type { Outage, Span } from '../outage.ts';
import type { Step } from '../vocabulary.ts';
import type { HostInWork, Weighed } from './deadlines.ts';
import type { CoreEvent, DeadlineName, Stored, StoredReleaseEvent, TargetEvent } from './events.ts';
import type { ReleaseState } from './state.ts';

/** What is needed of one event: decisions whole, of what happened on a target only the little that counts here. */
export type Moment = Stored<CoreEvent> | TargetMoment;

export interface TargetMoment {
  readonly type: TargetEvent['type'];
  readonly at: string;
  readonly host: string;
  readonly direction: 'forward' | 'back' | null;
  readonly step: string | null;
  /** only of `target-step-waiting` */
  readonly waitsFor: { readonly dependency: string; readonly message: string } | null;
}

export function momentOf(event: StoredReleaseEvent): Moment {
  if (!isTargetEvent(event)) return event;
  const { type, at, data } = event;
  return {
    type, at, host: data.host,
    direction: 'direction' in data ? data.direction : null,
    step: 'step' in data ? data.step : null,
    waitsFor: type === 'target-step-waiting' ? { dependency: data.dependency, message: data.message } : null,
  };
}

export interface Asked {
  readonly which: DeadlineName;
  /** since when the deadline counts, epoch ms */
  readonly fromMs: number;
  /** the moment that is judged, epoch ms: what came later does not matter */
  readonly atMs: number;
}

/** @param moments every event of the release, in order; @param outages times in which Signalbox itself could not work */
export function weighDeadline(moments: readonly Moment[], outages: readonly Outage[], { which, fromMs: beganMs, atMs }: Asked): Weighed {
  const seen = read(moments, atMs);
  const fromMs = which === 'progress' ? Math.max(beganMs, seen.lastFinishedMs) : beganMs;
  const counted = overlap(seen.worked, [{ fromMs, toMs: atMs }]);
  const away = [...seen.away, ...outages].filter((outage) => coveredMs(overlap([outage], counted)) > 0);
  return {
    which, atMs, fromMs,
    awayMs: coveredMs(overlap(away, counted)),
    isAway: away.some(({ toMs }) => toMs >= atMs),
    away: [...new Set(away.map(({ what }) => what))],
    inWork: [...seen.inWork].map(([host, doing]) => ({ host, doing })),
  };
}

interface Read {
  readonly worked: Span[];
  readonly away: Outage[];
  /** waits for a dependency that have not ended yet */
  readonly open: Map<string, { readonly fromMs: number; readonly what: string }>;
  readonly inWork: Map<HostInWork['host'], HostInWork['doing']>;
  lastFinishedMs: number;
}

function read(moments: readonly Moment[], atMs: number): Read {
  const seen: Read = { worked: [], away: [], open: new Map(), inWork: new Map(), lastFinishedMs: -Infinity };
  let state: ReleaseState | null = null;
  for (const moment of moments) {
    if (isTargetMoment(moment)) onTarget(seen, state, moment);
    else state = onDecision(seen, state, moment);
  }
  if (state?.clock?.since) seen.worked.push({ fromMs: Date.parse(state.clock.since), toMs: atMs });
  for (const host of seen.open.keys()) closeWait(seen, host, atMs);
  return seen;
}

function isTargetMoment(moment: Moment): moment is TargetMoment {
  return 'waitsFor' in moment;
}

function onDecision(seen: Read, before: ReleaseState | null, event: Stored<CoreEvent>): ReleaseState | null {
  if (before === null) return event.type === 'release-requested' ? initialRelease(event) : null;
  const after = evolve(before, event);
  const since = before.clock?.since ?? null;
  if (since !== null && after.clock?.since !== since) seen.worked.push({ fromMs: Date.parse(since), toMs: Date.parse(event.at) });
  if (event.type === 'batch-started' || event.type === 'rollback-batch-started') seen.inWork.clear();
  if (event.type === 'batch-finished' || event.type === 'rollback-batch-finished') seen.inWork.clear();
  if (event.type === 'rollback-started' || event.type === 'rollback-escalated') {
    // Whoever waited was taken out of its lane; some of these hosts are touched again only much later.
    for (const host of seen.open.keys()) closeWait(seen, host, Date.parse(event.at));
    seen.inWork.clear();
  }
  return after;
}

function onTarget(seen: Read, state: ReleaseState | null, { type, at, host, direction, step, waitsFor }: TargetMoment): void {
  closeWait(seen, host, Date.parse(at));
  // The floor of the pool is no dependency of ours: whoever waits for capacity works.
  if (waitsFor !== null && waitsFor.dependency !== CAPACITY) seen.open.set(host, { fromMs: Date.parse(at), what: waitsFor.dependency });
  if (direction === null || state === null) return;
  const isBack = direction === 'back';
  if (isBack !== (state.situation.status === 'rolling-back')) return;
  const steps = isBack ? null : stepsOf(progressOf(state.situation)?.part ?? 'whole');
  const isDone = type === 'target-step-succeeded' && step === (steps?.at(-1) ?? 'admit');
  if (isDone || type === 'target-step-failed') {
    seen.inWork.delete(host);
    seen.lastFinishedMs = Math.max(seen.lastFinishedMs, Date.parse(at));
    return;
  }
  const next = type === 'target-step-succeeded' ? stepAfter(steps, step) : step;
  seen.inWork.set(host, waitsFor === null ? (next ?? 'its next step') : `${step ?? 'a step'}, waits for ${waitsFor.dependency}: ${waitsFor.message}`);
}

function stepAfter(steps: readonly Step[] | null, step: string | null): string | null {
  const index = steps?.findIndex((candidate) => candidate === step) ?? -1;
  return steps?.[index + 1] ?? null;
}

function closeWait(seen: Read, host: string, toMs: number): void {
  const wait = seen.open.get(host);
  if (wait === undefined) return;
  seen.open.delete(host);
  seen.away.push({ fromMs: wait.fromMs, toMs, what: wait.what });
}
