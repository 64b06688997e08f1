/** A batch forward, or a batch back: its targets in lanes here, or in slices when there are many. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { failuresLeft } from '../domain/brake.ts';
import { SLICE_MAX } from '../domain/plan/slices.ts';
import { planOf, progressOf } from '../domain/release/evolve.ts';
import { isExpired, notBegun } from '../domain/release/next-rollback-step.ts';
import { NO_STREAK } from '../domain/release/streak.ts';
import { timerSummary } from './details.ts';
import { runLanes } from './lanes.ts';
import { epochOf } from './prepare.ts';
import { isTooMany } from './slice.ts';
import { runSlices } from './slices.ts';
import { restoreTarget, rollTarget } from './target.ts';
import type { NextStep } from '../domain/release/next-step.ts';
import type { CoreEvent } from '../domain/release/events.ts';
import type { Ends, LaneResult } from './lanes.ts';
import type { Run } from './run.ts';
import type { SliceWork } from './slice.ts';

type RollStep = Extract<NextStep, { do: 'roll' }>;
type RestoreStep = Extract<NextStep, { do: 'restore' }>;

export async function roll(run: Run, step: RollStep): Promise<void> {
  const label = step.part === 'whole' ? `batch ${step.index}` : `bastion ${step.part}`;
  const work: SliceWork = {
    kind: 'roll', release: run.id, epoch: epochOf(run), round: step.round, preImageOf: run.id, label, steps: step.steps,
    hosts: step.hosts, lanes: step.lanes, failuresMax: failuresMax(run, step), ...(step.part === 'whole' ? {} : { part: step.part }), ...streakRule(run, step), ...verificationOf(run, step),
    ...(step.ignored === undefined ? {} : { ignored: step.ignored }), ...(step.readmitted === undefined ? {} : { readmitted: step.readmitted }), ...(step.resumed === undefined ? {} : { resumed: step.resumed }),
    ...(step.hookRounds === undefined ? {} : { hookRounds: step.hookRounds }),
  };
  const result = await interruptible(run, work);
  if (result === null) return;
  const { succeeded, failed, untouched, streak } = result;
  const counted = work.streak === undefined ? {} : { streak };
  const finished: CoreEvent = { type: 'batch-finished', data: { index: step.index, part: step.part, round: step.round, succeeded, failed, untouched, ...counted } };
  await run.decide((state) => (progressOf(state.situation)?.stage === 'rolling' && state.situation.status !== 'rolling-back' ? [finished] : []));
  run.begunNow.clear();
}

export async function restore(run: Run, step: RestoreStep): Promise<void> {
  const { request, situation } = run.state;
  const mode = situation.status === 'rolling-back' ? situation.rollback.mode : null;
  const work: SliceWork = {
    // What the lost workflow of an adopted release recorded of its way back is not this one's: its steps are meant anew.
    kind: 'restore', release: run.id, epoch: epochOf(run), round: run.state.adoptions ?? 0, preImageOf: request.restoreFrom ?? run.id, label: `rollback ${step.index + 1}`, steps: [],
    hosts: step.hosts, lanes: step.lanes, failuresMax: null, ...(run.state.adoptions === undefined ? {} : { hookRounds: Object.fromEntries(step.hosts.map((host) => [host, 0])) }),
  };
  const result = await interruptible(run, work);
  if (result === null) return;
  const { succeeded, untouchedOnArrival, failed, untouched } = result;
  const notReached = untouched.map((host) => ({ host, step: 'fence' as const, failure: notBegun(run.state.situation, host) }));
  const finished: CoreEvent = { type: 'rollback-batch-finished', data: { index: step.index, restored: succeeded, untouched: untouchedOnArrival, failed: [...failed, ...notReached] } };
  await run.decide((state) => (state.situation.status === 'rolling-back' && state.situation.rollback.stage === 'rolling' && state.situation.rollback.mode === mode ? [finished] : []));
}

/** Only where the plan says something else than the usual, as with the part: every step of every host carries it. */
function verificationOf(run: Run, step: RollStep): Pick<SliceWork, 'verification'> {
  const verification = planOf(run.state.situation)?.batches.find(({ index }) => index === step.index)?.verification;
  return verification === 'ignored' ? { verification } : {};
}

/** Failures these hosts may still have before the brake speaks, earlier rounds counted. */
function failuresMax(run: Run, step: RollStep): number {
  if (step.part !== 'whole') return 0;
  const { situation, request } = run.state;
  const failed = progressOf(situation)?.failed.map(({ host }) => host) ?? [];
  return failuresLeft({ tolerance: request.strategy.tolerance, batches: planOf(situation)?.batches ?? [], failed }, step.hosts);
}

/** Failures in a row are counted over the whole release, so a batch begins where the one before it ended; nothing is counted where nobody asked. */
function streakRule(run: Run, { part }: RollStep): Pick<SliceWork, 'streak' | 'streakMax'> {
  const { situation, request } = run.state;
  const most = request.strategy.tolerance.consecutive ?? null;
  if (most === null || part !== 'whole') return {};
  return { streakMax: most, streak: progressOf(situation)?.streak ?? NO_STREAK };
}

/** null: a rollback took over, and fencing, not waiting, deals with whatever was still in work. */
async function interruptible(run: Run, work: SliceWork): Promise<LaneResult | null> {
  const scope = new CancellationScope();
  run.interrupt = () => scope.cancel();
  run.begunNow.clear();
  if (work.hosts.length > SLICE_MAX) for (const host of work.hosts) run.begunNow.add(host);
  try {
    return await scope.run(() => (work.hosts.length > SLICE_MAX ? runSlices(run, work) : runHere(run, work)));
  } catch (error) {
    if (isCancellation(error) || (run.state.situation.status === 'rolling-back' && work.kind === 'roll')) return null;
    throw error;
  } finally {
    run.interrupt = () => undefined;
    run.inWork.clear();
    run.show();
  }
}

function runHere(run: Run, work: SliceWork): Promise<LaneResult> {
  const target = targetWork(work);
  return runLanes({
    hosts: work.hosts,
    lanes: work.lanes,
    streak: work.streak,
    mayBegin: (host, ends) => (run.isDeciding || run.state.paused !== null ? mayBeginLater(run, work, host, ends) : mayBegin(run, work, host, ends)),
    work: (host) => {
      run.inWork.add(host);
      run.begunNow.add(host);
      run.show();
      return work.kind === 'roll' ? rollTarget(host, target) : restoreTarget(host, target);
    },
    atRest: (host) => void run.inWork.delete(host),
    handedBack: (host) => void run.begunNow.delete(host),
  });
}

async function mayBeginLater(run: Run, work: SliceWork, host: string, ends: Ends): Promise<boolean> {
  await run.settled();
  if (run.state.paused !== null) await whilePaused(run);
  return mayBegin(run, work, host, ends);
}

function mayBegin(run: Run, work: SliceWork, host: string, ends: Ends): boolean {
  const { situation, aborting } = run.state;
  if (aborting !== null || isExpired(situation) || isTooMany(work, ends)) return false;
  return work.kind === 'restore' || (situation.status !== 'rolling-back' && !progressOf(situation)?.excluded.includes(host));
}

function targetWork({ kind: _kind, hosts: _hosts, lanes: _lanes, failuresMax: _failuresMax, streak: _streak, streakMax: _streakMax, ...target }: SliceWork) {
  return target;
}

/** A lane holds before its next host; the last lane to come to rest says that the release is quiet. */
async function whilePaused(run: Run): Promise<void> {
  while (run.state.paused !== null) {
    if (run.inWork.size === 0) await run.sayQuiet();
    const { paused } = run.state;
    if (paused === null) return;
    await pauseOver(run, paused.deadline);
  }
}

async function pauseOver(run: Run, deadline: string | null): Promise<void> {
  const over = (): boolean => run.state.paused === null || run.state.paused.deadline !== deadline || (run.inWork.size === 0 && !run.state.paused.quiet);
  if (deadline === null || run.hasPauseClock) return condition(over);
  const inTime = await condition(over, Math.max(1, Date.parse(deadline) - Date.now()), { summary: timerSummary(run.state) });
  if (!inTime) await run.expirePause();
}
