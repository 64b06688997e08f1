/** The steps that survey the whole pool: before any traffic moves, and the audit at the end. */
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { deciding, surveying } from './proxies.ts';
import type { NextStep } from '../domain/release/next-step.ts';
import type { FailedTarget } from '../domain/vocabulary.ts';
import type { AuditMismatch } from '../domain/release/events.ts';
import type { Operators } from './operators.ts';
import type { Run } from './run.ts';

type PrepareStep = Extract<NextStep, { do: 'acquire' | 'observe' | 'plan' | 'stage' | 'audit' }>;

/** More targets than this are surveyed by several activities, one after the other: each stays short enough to be repeated. */
const SURVEY_MAX = 60;

export async function prepare(run: Run, operators: Operators, step: PrepareStep): Promise<void> {
  switch (step.do) {
    case 'acquire':
      return acquire(run);
    case 'observe':
      return observe(run, operators, step.hosts);
    case 'plan':
      return plan(run);
    case 'stage':
      return stage(run, operators, step.hosts);
    case 'audit':
      return audit(run, operators, step.hosts);
    default:
      return unknownStep(step);
  }
}

/** Also called when the pool was granted to a queued release. */
export function acquire(run: Run): Promise<void> {
  return run.alone(async () => {
    if (run.state.situation.status !== 'queued' || run.state.aborting !== null) return;
    run.fold([await deciding(`acquire pool ${run.state.request.pool}`).acquirePool({ release: run.id, opId: `acquire/${run.state.decisions}` })]);
  });
}

async function observe(run: Run, operators: Operators, hosts: readonly string[]): Promise<void> {
  const inService: string[] = [];
  const failed: FailedTarget[] = [];
  for (const some of chunks(hosts)) {
    const seen = await unlessStopped(operators, () => surveying(`observe ${named(some)}`).observeTargets({ release: run.id, epoch: epochOf(run), hosts: some, adopt: run.state.request.adopt }));
    if (seen === null) return;
    inService.push(...seen.inService);
    failed.push(...seen.failed);
  }
  await run.decide((state) => (state.situation.status === 'preparing' ? [{ type: 'targets-observed', data: { inService, failed } }] : []));
}

function plan(run: Run): Promise<void> {
  return run.alone(async () => {
    const { situation, request } = run.state;
    if (situation.status !== 'preparing') return;
    const { allowOutage, reason, kind, restoreFrom } = request;
    const input = { release: run.id, opId: `d${run.state.decisions}`, inService: situation.inService ?? [], allowOutage, reason, restoreFrom: kind === 'rollback' ? restoreFrom : null };
    run.fold([await deciding('plan').makePlan(input)]);
  });
}

async function stage(run: Run, operators: Operators, hosts: readonly string[]): Promise<void> {
  const failed: FailedTarget[] = [];
  for (const some of chunks(hosts)) {
    if (run.state.situation.status !== 'preparing' || run.state.aborting !== null) return;
    const staged = await unlessStopped(operators, () => surveying(`stage ${named(some)}`).stageTargets({ release: run.id, epoch: epochOf(run), hosts: some, adopt: run.state.request.adopt }));
    if (staged === null) return;
    failed.push(...staged.failed);
  }
  await run.decide((state) => (state.situation.status === 'preparing' ? [{ type: 'targets-staged', data: { failed } }] : []));
}

async function audit(run: Run, operators: Operators, hosts: readonly string[]): Promise<void> {
  const mismatches: AuditMismatch[] = [];
  for (const some of chunks(hosts)) {
    const audited = await unlessStopped(operators, () => surveying(`audit ${named(some)}`).auditTargets({ release: run.id, epoch: epochOf(run), hosts: some }));
    if (audited === null) return;
    mismatches.push(...audited.mismatches);
  }
  await run.decide((state) => (state.situation.status === 'post-release' ? [{ type: 'audit-finished', data: { mismatches } }] : []));
}

/** null: a command ended the survey. A survey takes nothing out of traffic, so a rollback or abort need not wait for hosts or stores that are away. */
async function unlessStopped<T>(operators: Operators, survey: () => Promise<T>): Promise<T | null> {
  const scope = new CancellationScope();
  operators.interrupt = () => scope.cancel();
  try {
    return await scope.run(survey);
  } catch (error) {
    if (isCancellation(error)) return null;
    throw error;
  } finally {
    operators.interrupt = () => undefined;
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
