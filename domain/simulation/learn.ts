/** What a past release teaches about how long things take: fixed costs from the distances of its decisions, work from its targets. */
import { SURVEY_MAX } from '../plan/slices.ts';
import { laneTimes } from './lanes.ts';
import { spreadOf } from './spread.ts';
import type { Plan } from '../plan/plan.ts';
import type { CoreEvent, CoreEventData, Stored } from '../release/events.ts';
import type { Direction, Step } from '../vocabulary.ts';
import type { PaceKind, PartOfDay, PastDay } from './paces.ts';

/** A step as its event tells it. */
export interface PastStep {
  readonly host: string;
  readonly direction: Direction;
  readonly round: number;
  readonly step: Step;
  readonly durationMs: number;
}

export interface PastRelease {
  /** its decisions, in order */
  readonly core: readonly Stored<CoreEvent>[];
  readonly steps: readonly PastStep[];
  /** hosts that waited for something of ours that was away: such time says nothing about the next release */
  readonly waited: readonly string[];
}

type Seen = Record<PaceKind, number[]>;

/** null for a release on which nothing was done. */
export function pastDay({ core, steps, waited }: PastRelease): PastDay | null {
  const seen: Seen = { acquire: [], observe: [], plan: [], stage: [], install: [], join: [], whole: [], back: [], turn: [], bake: [], audit: [] };
  const works = worksOf(core, steps, new Set(waited));
  for (const { forward, back } of works.values()) {
    if (back !== null) seen.back.push(back);
    if (forward === null) continue;
    if (!forward.isBastion) seen.whole.push(forward.installMs + forward.joinMs);
    else {
      seen.install.push(forward.installMs);
      seen.join.push(forward.joinMs);
    }
  }
  let plan: Plan | null = null;
  core.forEach((event, place) => {
    const before = core[place - 1];
    if (event.type === 'plan-made') plan = event.data.plan;
    if (before !== undefined) learnFrom(seen, { before, event, plan, hostsTotal: hostsOf(core), works });
  });
  const day = Object.fromEntries(Object.entries(seen).flatMap(([kind, durations]) => {
    const spread = spreadOf(durations);
    return spread === null ? [] : [[kind, spread]];
  })) as PartOfDay;
  return works.size === 0 ? null : { day, targets: works.size };
}

interface Work {
  forward: { readonly installMs: number; readonly joinMs: number; readonly isBastion: boolean } | null;
  back: number | null;
}

/** What the first round took on each target; later rounds follow a failure and are no measure. */
function worksOf(core: readonly Stored<CoreEvent>[], steps: readonly PastStep[], waited: ReadonlySet<string>): Map<string, Work> {
  const bastions = new Set(core.flatMap((event) => (event.type === 'batch-started' && event.data.part === 'install' ? event.data.hosts : [])));
  const works = new Map<string, Work>();
  const byHost = Map.groupBy(steps.filter(({ host, round }) => round === 0 && !waited.has(host)), ({ host }) => host);
  for (const [host, own] of byHost) {
    const forward = own.filter(({ direction }) => direction === 'forward');
    const back = own.filter(({ direction }) => direction === 'back');
    const isWhole = forward.some(({ step }) => step === 'drain') && forward.some(({ step }) => step === 'admit');
    const installMs = sumOf(forward.filter(({ step }) => step !== 'admit'));
    works.set(host, {
      forward: isWhole ? { installMs, joinMs: sumOf(forward) - installMs, isBastion: bastions.has(host) } : null,
      back: back.some(({ step }) => step === 'admit') ? sumOf(back) : null,
    });
  }
  return works;
}

interface Between {
  readonly before: Stored<CoreEvent>;
  readonly event: Stored<CoreEvent>;
  readonly plan: Plan | null;
  readonly hostsTotal: number;
  readonly works: ReadonlyMap<string, Work>;
}

/** Two decisions with nothing between them but the work of one kind; what a pause or a person came between teaches nothing. */
function learnFrom(seen: Seen, between: Between): void {
  const { before, event, plan, hostsTotal } = between;
  const elapsedMs = Math.max(0, Date.parse(event.at) - Date.parse(before.at));
  const surveys = Math.max(1, Math.ceil(hostsTotal / SURVEY_MAX));
  const pair = `${before.type} → ${event.type}`;
  if (pair === 'release-requested → pool-acquired' || pair === 'inventory-captured → pool-acquired') seen.acquire.push(elapsedMs);
  else if (pair === 'pool-acquired → targets-observed') seen.observe.push(elapsedMs / surveys);
  else if (pair === 'targets-observed → plan-made') seen.plan.push(elapsedMs);
  else if (pair === 'plan-made → targets-staged') seen.stage.push(elapsedMs / surveys);
  else if (event.type === 'audit-finished' && (before.type === 'bake-finished' || before.type === 'phase-entered')) seen.audit.push(elapsedMs / surveys);
  else if (before.type === 'bake-started' && event.type === 'bake-finished' && event.data.cause === 'time') seen.bake.push(Math.max(0, elapsedMs - before.data.seconds * 1000));
  else if (before.type === 'batch-started' && event.type === 'batch-finished' && plan !== null) {
    const turnMs = turnOf(before.data, elapsedMs, plan, between.works);
    if (turnMs !== null) seen.turn.push(turnMs);
  }
}

/** What is left of the batch's time when the work of its targets is taken away, for each target that followed another one in a lane. */
function turnOf({ index, part, hosts, round }: CoreEventData['batch-started'], elapsedMs: number, plan: Plan, works: ReadonlyMap<string, Work>): number | null {
  const lanes = plan.batches[index]?.lanes;
  const durationsMs = hosts.map((host) => {
    const forward = works.get(host)?.forward;
    if (!forward) return Number.NaN;
    return part === 'join' ? forward.joinMs : forward.installMs + (part === 'whole' ? forward.joinMs : 0);
  });
  if (lanes === undefined || round > 0 || durationsMs.length === 0 || durationsMs.some(Number.isNaN)) return null;
  return Math.max(0, elapsedMs - laneTimes({ durationsMs, lanes }).endMs) / Math.ceil(hosts.length / Math.max(1, lanes));
}

function hostsOf(core: readonly Stored<CoreEvent>[]): number {
  const [requested] = core;
  return requested?.type === 'release-requested' ? requested.data.hosts.length : 1;
}

function sumOf(steps: readonly PastStep[]): number {
  return steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
}
