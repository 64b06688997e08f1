/** The steps that survey the whole pool: before any traffic moves, and the audit at the end. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { SURVEY_MAX } from '../domain/plan/slices.ts';
import { nextStep } from '../domain/release/next-step.ts';
import { deciding, surveying } from './proxies.ts';
import type { NextStep } from '../domain/release/next-step.ts';
import type { Run } from './run.ts';

type PrepareStep = Extract<NextStep, { do: 'acquire' | 'observe' | 'plan' | 'stage' | 'compare' | 'audit' }>;

export async function prepare(run: Run, step: PrepareStep): Promise<void> {
  switch (step.do) {
    case 'acquire':
      return acquire(run);
    case 'observe':
      return observe(run, step.hosts);
    case 'plan':
      return plan(run);
    case 'stage':
      return stage(run, step.hosts);
    case 'compare':
      return compare(run);
    case 'audit':
      return audit(run, step.hosts);
    default:
      return unknownStep(step);
  }
}

/** Also called when the pool was granted to a queued release. */
export function acquire(run: Run): Promise<void> {
  return run.alone(async () => {
    if (run.state.situation.status !== 'queued' || run.state.aborting !== null) return;
    run.fold([await deciding(`acquire pool ${run.state.request.pool}`).acquirePool({ ...run.teller, release: run.id, opId: `acquire/${run.state.decisions}` })]);
  });
}

async function observe(run: Run, hosts: readonly string[]): Promise<void> {
  const { adopt, kind, restoreFrom } = run.state.request;
  const seen = await survey(run, hosts, (some) => surveying(`observe ${named(some)}`).observeTargets({ release: run.id, epoch: epochOf(run), hosts: some, adopt, kind, restoreFrom }));
  if (seen === null) return;
  const inService = seen.flatMap((one) => one.inService);
  const failed = seen.flatMap((one) => one.failed);
  await run.decide((state) => (state.situation.status === 'preparing' ? [{ type: 'targets-observed', data: { inService, failed } }] : []));
}

function plan(run: Run): Promise<void> {
  return run.alone(async () => {
    const { situation, request } = run.state;
    if (situation.status !== 'preparing') return;
    const { allowOutage, reason, kind, restoreFrom, batchCapPercent = null, plan: planned, joined } = request;
    const input = {
      ...run.teller, release: run.id, opId: `d${run.state.decisions}`, inService: situation.inService ?? [], allowOutage, reason, batchCapPercent,
      restoreFrom: kind === 'rollback' ? restoreFrom : null, kind, joined: joined?.hosts ?? null, ...(planned == null ? {} : { isPlanned: true }),
    };
    run.fold([await deciding('plan').makePlan(input)]);
  });
}

async function stage(run: Run, hosts: readonly string[]): Promise<void> {
  const staged = await survey(run, hosts, (some) => surveying(`stage ${named(some)}`).stageTargets({ release: run.id, epoch: epochOf(run), hosts: some, adopt: run.state.request.adopt }));
  if (staged === null) return;
  const failed = staged.flatMap((one) => one.failed);
  await run.decide((state) => (state.situation.status === 'preparing' ? [{ type: 'targets-staged', data: { failed } }] : []));
}

/** Only plans that say so lead here: releases of earlier builds end without this look, and so do their replays. */
function compare(run: Run): Promise<void> {
  return run.alone(async () => {
    if (nextStep(run.state, Date.now()).do !== 'compare') return;
    run.fold([await deciding(`compare pool ${run.state.request.pool}`).comparePool({ ...run.teller, release: run.id, opId: `d${run.state.decisions}` })]);
  });
}

async function audit(run: Run, hosts: readonly string[]): Promise<void> {
  const audited = await survey(run, hosts, (some) => surveying(`audit ${named(some)}`).auditTargets({ release: run.id, epoch: epochOf(run), hosts: some }));
  if (audited === null) return;
  const mismatches = audited.flatMap((one) => one.mismatches);
  await run.decide((state) => (state.situation.status === 'post-release' ? [{ type: 'audit-finished', data: { mismatches } }] : []));
}

/** What every part of the hosts answered; null: somebody ended the survey. Between two parts a pause holds. */
async function survey<T>(run: Run, hosts: readonly string[], part: (some: readonly string[]) => Promise<T>): Promise<readonly T[] | null> {
  const answers: T[] = [];
  for (const some of chunks(hosts)) {
    if (answers.length > 0 && (await isEndedBetween(run))) return null;
    const answer = await unlessStopped(run, () => part(some));
    if (answer === null) return null;
    answers.push(answer);
  }
  return answers;
}

/** A pause that was begun by an older build holds only behind the whole survey: replayed, it must do so again. */
async function isEndedBetween(run: Run): Promise<boolean> {
  // Its receipt may say `applied` already: what is stored is folded before anything further is begun.
  await run.settled();
  while (run.state.paused !== null && run.hasPauseClock) {
    await run.sayQuiet();
    await condition(() => run.state.paused === null);
  }
  const { situation, aborting } = run.state;
  return aborting !== null || (situation.status !== 'preparing' && situation.status !== 'post-release');
}

/** null: a command or the deadline of a pause ended it. A survey takes nothing out of traffic, so nobody need wait for hosts or stores that are away. */
async function unlessStopped<T>(run: Run, part: () => Promise<T>): Promise<T | null> {
  const scope = new CancellationScope();
  run.interrupt = () => scope.cancel();
  try {
    return await scope.run(part);
  } catch (error) {
    if (isCancellation(error)) return null;
    throw error;
  } finally {
    run.interrupt = () => undefined;
  }
}

export function epochOf(run: Run): number {
  const { epoch } = run.state;
  if (epoch === null) throw new Error('The release acts only while it owns its pool');
  return epoch;
}

function chunks(hosts: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(hosts.length / SURVEY_MAX) }, (_, index) => hosts.slice(index * SURVEY_MAX, (index + 1) * SURVEY_MAX));
}

function named(hosts: readonly string[]): string {
  return hosts.length <= 5 ? hosts.join(', ') : `${hosts.length} hosts`;
}

function unknownStep(step: never): never {
  throw new Error(`Nobody surveys for the step ${JSON.stringify(step)}`);
}
