/** How the way forward moves from batch to batch: the arithmetic behind `evolve`. */
import type { Plan } from '../plan/plan.ts';
import { laterAfterStart } from './batch-order.ts';
import { NO_STREAK } from './streak.ts';
import type { CoreEventData, Debt } from './events.ts';
import type { Bake, Progress } from './state.ts';

/** Before the first batch: a bastion is installed first and joins later; without one the first batch does all. */
export function startProgress(plan: Plan, at: string): Progress {
  const first = plan.batches[0];
  return {
    batch: 0,
    part: first?.kind === 'bastion' ? 'install' : 'whole',
    stage: 'ready',
    round: 0,
    hosts: first?.hosts ?? [],
    begun: [],
    failed: [],
    braked: false,
    excluded: [],
    debt: [],
    bake: null,
    promoted: false,
    since: at,
  };
}

export function afterBatchStarted(progress: Progress, data: CoreEventData['batch-started']): Progress {
  return { ...progress, batch: data.index, part: data.part, round: data.round, hosts: data.hosts, stage: 'rolling', promoted: false, braked: false, ...laterAfterStart(progress, data.index) };
}

/** Hosts that were not begun stay in `hosts`: they still belong to the batch at hand, unless they were left out while it was in work. */
export function afterBatchFinished(progress: Progress, data: CoreEventData['batch-finished']): Progress {
  const [untouched, before] = [new Set(data.untouched), new Set(progress.begun)];
  const begun = progress.hosts.filter((host) => !untouched.has(host) && !before.has(host));
  const streak = data.streak === undefined ? {} : { streak: data.streak };
  const hosts = data.untouched.filter((host) => !progress.excluded.includes(host));
  return { ...progress, ...streak, stage: 'settled', hosts, begun: [...progress.begun, ...begun], failed: [...progress.failed, ...data.failed], ...stillResumed(progress, untouched) };
}

/** Hosts that have run need their resumption no more: a later part of the release does all of its own steps. */
function stillResumed({ resumed }: Progress, untouched: ReadonlySet<string>): Pick<Progress, 'resumed'> {
  if (resumed === undefined) return {};
  return { resumed: Object.fromEntries(Object.entries(resumed).filter(([host]) => untouched.has(host))) };
}

/**
 * Hosts that were cut off run again in a round of their own: nothing their lost commands recorded can be taken for it. Only a hook that may
 * not run twice is asked for under its first opId, so that the host answers what became of it. What failed is judged before anything goes on.
 */
export function afterCutOff(progress: Progress, data: CoreEventData['batch-cut-off']): Progress {
  const { again, untouched } = data;
  const settled = { ...afterBatchFinished(progress, data), hosts: [...again, ...untouched] };
  if (again.length === 0) return settled;
  const hookRounds = { ...Object.fromEntries(again.map((host) => [host, progress.round])), ...progress.hookRounds };
  return { ...settled, round: progress.round + 1, hookRounds };
}

/** Retried hosts leave the failed ones and run again, together with those of their batch that were not begun. A new round asks and counts anew. */
export function afterRetry(progress: Progress, data: CoreEventData['targets-retried']): Progress {
  const again = new Set(data.hosts);
  return {
    ...progress,
    failed: progress.failed.filter(({ host }) => !again.has(host)),
    hosts: [...data.hosts, ...progress.hosts.filter((host) => !again.has(host))],
    round: data.round,
    stage: 'ready',
    braked: false,
    ...countedAnew(progress),
    ...ignoring(progress, data),
    ...readmitting(progress, data),
    ...resuming(progress, data),
    ...hooksAnew(progress, data),
  };
}

/** States of before these members came stay as they were. */
function countedAnew(progress: Progress): Pick<Progress, 'answers' | 'streak'> {
  return { ...(progress.answers === undefined ? {} : { answers: {} }), ...streakAnew(progress) };
}

function streakAnew({ streak }: Progress): Pick<Progress, 'streak'> {
  return streak === undefined ? {} : { streak: NO_STREAK };
}

/** A host whose failed step is ignored is debt for good: nobody vouches for it. Retried as a whole it is an ordinary host again. */
function ignoring(progress: Progress, { hosts, ignored, resumed, reason }: CoreEventData['targets-retried']): Partial<Progress> {
  if (ignored === undefined && progress.ignored === undefined) return {};
  const again = new Set(hosts);
  const kept = Object.entries(progress.ignored ?? {}).filter(([host]) => !again.has(host));
  const debt: readonly Debt[] = Object.entries(ignored ?? {}).map(([host, step]) => ({ host, cause: 'ignored', reason: `The failed ${resumed?.[host] === undefined ? step : `hook at ${step}`} was ignored: ${reason}` }));
  return {
    ignored: { ...Object.fromEntries(kept), ...ignored },
    debt: [...progress.debt.filter(({ host, cause }) => cause !== 'ignored' || !again.has(host)), ...debt],
  };
}

/** No debt: such a host was proven before admit, serves, and is audited like any other. Retried as a whole it is an ordinary host again. */
function readmitting(progress: Progress, { hosts, readmitted }: CoreEventData['targets-retried']): Pick<Progress, 'readmitted'> {
  if (readmitted === undefined && progress.readmitted === undefined) return {};
  return { readmitted: [...(progress.readmitted ?? []).filter((host) => !hosts.includes(host)), ...(readmitted ?? [])] };
}

/** A host that is retried as a whole begins with its first step. */
function resuming(progress: Progress, { hosts, resumed }: CoreEventData['targets-retried']): Pick<Progress, 'resumed'> {
  if (resumed === undefined && progress.resumed === undefined) return {};
  const kept = Object.entries(progress.resumed ?? {}).filter(([host]) => !hosts.includes(host));
  return { resumed: { ...Object.fromEntries(kept), ...resumed } };
}

/** One that goes on at a hook is still on the way on which it was cut off. */
function hooksAnew({ hookRounds }: Progress, { hosts, resumed = {} }: CoreEventData['targets-retried']): Pick<Progress, 'hookRounds'> {
  if (hookRounds === undefined) return {};
  return { hookRounds: Object.fromEntries(Object.entries(hookRounds).filter(([host]) => !hosts.includes(host) || resumed[host] !== undefined)) };
}

/** A skipped host is debt: no later batch, retry or repair takes it up again. */
export function afterSkip(progress: Progress, data: CoreEventData['targets-skipped']): Progress {
  const skipped = new Set(data.hosts);
  const debt: readonly Debt[] = data.hosts.map((host) => ({ host, cause: 'skipped', reason: data.reason }));
  const hosts = progress.hosts.filter((host) => !skipped.has(host));
  const failed = progress.failed.filter(({ host }) => !skipped.has(host));
  const goesOn = progress.stage === 'settled' && progress.braked && hosts.length > 0;
  return {
    ...progress,
    hosts,
    failed,
    braked: progress.braked && failed.length > 0,
    stage: goesOn ? 'ready' : progress.stage,
    ...streakAnew(progress),
    excluded: [...progress.excluded, ...data.hosts],
    debt: [...progress.debt, ...debt],
  };
}

export function bakeStarted(data: CoreEventData['bake-started'], at: string): Bake {
  return { index: data.index, since: at, seconds: data.seconds, remainingMs: null };
}

/** A pause stops the bake's clock; what was left when it began is kept. */
export function freezeBake(bake: Bake | null, at: string): Bake | null {
  if (bake === null || bake.remainingMs !== null) return bake;
  return { ...bake, remainingMs: Math.max(0, bakeEndMs(bake) - Date.parse(at)) };
}

export function thawBake(bake: Bake | null, at: string): Bake | null {
  if (bake === null || bake.remainingMs === null) return bake;
  return { ...bake, since: at, seconds: bake.remainingMs / 1000, remainingMs: null };
}

/** When a running bake is over, in epoch milliseconds. */
export function bakeEndMs(bake: Bake): number {
  return Date.parse(bake.since) + bake.seconds * 1000;
}
