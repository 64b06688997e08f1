/**
 * A release as people and programs read it (GET /v1/releases/{id}). A pure function of the events folded so far, without a clock, so
 * time travel to a version gives exactly what was answered live at that version.
 */
import { batchValues } from '../plan/batch-values.ts';
import { batchesLeft, standingOf, waitsInOrder } from './batch-order.ts';
import { allowedCommands } from './decide.ts';
import { CONSEQUENCES, overallDeadline } from './deadlines.ts';
import { etaOf } from './eta.ts';
import { planOf, progressOf } from './evolve.ts';
import { targetView } from './target-view.ts';
import { waitingOf } from './waiting.ts';
import type { BatchValues } from '../plan/batch-values.ts';
import type { Eta } from './eta.ts';
import type { TargetView } from './target-view.ts';
import type { Waiting } from './waiting.ts';
import type { RollbackPlan } from '../rollback-plan.ts';
import type { Failure, FailedTarget, Phase, ReleaseKind, Status } from '../vocabulary.ts';
import type { SkippedHost } from '../plan/plan.ts';
import type { CommandType } from './commands.ts';
import type { Debt, PoolComparison } from './events.ts';
import type { Folded } from './fold.ts';
import type { Paused, ReleaseState, RollbackProgress, Situation } from './state.ts';
import type { TargetState } from './target.ts';

export interface ReleaseView {
  readonly id: string;
  readonly kind: ReleaseKind;
  readonly status: Status;
  readonly phase: Phase | null;
  readonly paused: Paused | null;
  readonly pool: string;
  readonly environment: string;
  readonly changes: readonly ChangeView[];
  readonly strategy: string;
  readonly batches: readonly BatchView[];
  /** while batches roll: indices of those to come, in their order, which is the plan's until somebody jumps */
  readonly toCome: readonly number[];
  readonly allowedCommands: readonly CommandType[];
  readonly waiting: Waiting | null;
  /** null while none runs: planned waits and pauses count against no deadline */
  readonly deadline: DeadlineView | null;
  readonly eta: Eta | null;
  readonly rollback: RollbackView | null;
  /** the way back of every target, as it was frozen in preparation; null before that */
  readonly rollbackPlan: RollbackPlan | null;
  readonly debt: readonly Debt[];
  readonly unrestored: readonly FailedTarget[];
  readonly failure: Failure | null;
  readonly warnings: readonly string[];
  /** hosts passed untouched, with the reason */
  readonly skipped: readonly SkippedHost[];
  /** how the pool changed while the release ran, and the release that brings up hosts that joined; null until it was looked at */
  readonly compared: PoolComparison | null;
  readonly version: number;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly rollbackOf: string | null;
}

/** `from`: what the hosts ran before, several versions joined by a comma, null when none did. `config` comes with profiles. */
export interface ChangeView {
  readonly application: string;
  readonly from: string | null;
  readonly to: string;
  readonly config: null;
}

/** The deadline of the way at hand. `at`: if nothing of ours is away until then; `then`: what it leads to, in a sentence. */
export interface DeadlineView {
  readonly which: 'release' | 'rollback';
  readonly at: string;
  readonly then: string;
}

/** A planned batch carries what counts for it; a batch of a rollback has no values of its own. */
export interface BatchView extends Partial<BatchValues> {
  readonly index: number;
  readonly kind: 'bastion' | 'batch' | 'rollback';
  readonly status: 'pending' | 'rolling' | 'baking' | 'resting' | 'done' | 'failed';
  readonly targets: readonly TargetView[];
}

export interface RollbackView {
  readonly mode: RollbackProgress['mode'];
  readonly cause: RollbackProgress['cause'];
  readonly by: string;
  readonly reason: string;
  readonly since: string;
  readonly restored: number;
  readonly untouched: number;
}

export function releaseView({ core, targets, version, rollbackPlan }: Folded): ReleaseView {
  const { request, situation } = core;
  const ended = 'finishedAt' in situation ? situation : null;
  const progress = progressOf(situation);
  return {
    id: request.id,
    kind: request.kind,
    status: situation.status,
    phase: phaseOf(situation),
    paused: core.paused,
    pool: request.pool,
    environment: request.environment,
    changes: request.changes.map(({ application, version: to }) => ({ application, from: versionsBefore(targets, application), to, config: null })),
    strategy: request.strategy.name,
    batches: batchesOf(core, targets),
    toCome: toComeOf(situation),
    allowedCommands: allowedCommands(core),
    waiting: waitingOf(core, targets, version),
    deadline: deadlineView(core),
    eta: etaOf(core, targets),
    rollback: rollbackView(rollbackOf(situation)),
    rollbackPlan: rollbackPlan ?? null,
    debt: ended?.debt ?? progress?.debt ?? [],
    unrestored: ended?.unrestored ?? [],
    failure: ended?.failure ?? null,
    warnings: planOf(situation)?.warnings ?? [],
    skipped: planOf(situation)?.skipped ?? [],
    compared: core.compared ?? null,
    version,
    requestedBy: request.requestedBy,
    reason: request.reason,
    createdAt: core.createdAt,
    finishedAt: ended?.finishedAt ?? null,
    rollbackOf: request.rollbackOf,
  };
}

/** The phase at hand; for an ended release the one in which it ended. */
export function phaseOf(situation: Situation): Phase | null {
  switch (situation.status) {
    case 'queued':
    case 'preparing':
    case 'failed':
      return 'preparation';
    case 'pre-release':
      return 'pre-release';
    case 'releasing':
      return 'release';
    case 'post-release':
    case 'succeeded':
      return 'post-release';
    case 'rolling-back':
    case 'rolled-back':
    case 'rollback-incomplete':
      return 'rollback';
    case 'aborted':
      return situation.rollback ? 'rollback' : situation.progress ? 'release' : 'preparation';
    default:
      return null;
  }
}

function rollbackOf(situation: Situation): RollbackProgress | null {
  return 'rollback' in situation ? situation.rollback : null;
}

function rollbackView(rollback: RollbackProgress | null): RollbackView | null {
  if (rollback === null) return null;
  const { mode, cause, by, reason, since, restored, untouched } = rollback;
  return { mode, cause, by, reason, since, restored, untouched };
}

function deadlineView(core: ReleaseState): DeadlineView | null {
  const deadline = overallDeadline(core);
  return deadline === null ? null : { which: deadline.which, at: new Date(deadline.atMs).toISOString(), then: CONSEQUENCES[deadline.which] };
}

function versionsBefore(targets: Readonly<Record<string, TargetState>>, application: string): string | null {
  const versions = new Set<string>();
  for (const { preImage } of Object.values(targets)) {
    const version = preImage?.applications.find((seen) => seen.application === application)?.version;
    if (version) versions.add(version);
  }
  return versions.size === 0 ? null : [...versions].sort().join(', ');
}

function toComeOf(situation: Situation): readonly number[] {
  if (situation.status !== 'pre-release' && situation.status !== 'releasing') return [];
  return batchesLeft(situation.plan, situation.progress).map(({ index }) => index);
}

/** Planned batches; for the release of a rollback, the batches it goes back in. */
function batchesOf(core: ReleaseState, targets: Readonly<Record<string, TargetState>>): readonly BatchView[] {
  const { situation } = core;
  const plan = planOf(situation);
  const rollback = rollbackOf(situation);
  const view = (host: string): TargetView => targetView(core, host, targets[host]);
  if (plan !== null && plan.batches.length > 0) {
    const { tolerance: { perBatch } } = core.request.strategy;
    const progress = progressOf(situation);
    const waits = progress?.later === undefined ? null : waitsInOrder(core.request.strategy, { plan, progress });
    return plan.batches.map((batch) => {
      const { index, kind, hosts } = batch;
      return { index, kind, status: batchStatus(situation, index, hosts), ...batchValues(batch, perBatch), ...waits?.get(index), targets: hosts.map(view) };
    });
  }
  return (rollback?.batches ?? []).map((hosts, index) => ({ index, kind: 'rollback', status: rollbackBatchStatus(rollback, index, hosts), targets: hosts.map(view) }));
}

function batchStatus(situation: Situation, index: number, hosts: readonly string[]): BatchView['status'] {
  const progress = progressOf(situation);
  if (progress === null) return 'pending';
  if (progress.failed.some(({ host }) => hosts.includes(host))) return 'failed';
  const standing = standingOf(progress, index);
  if (standing === 'done' || situation.status === 'post-release' || situation.status === 'succeeded') return 'done';
  if (standing === 'to-come' || progress.stage === 'ready') return 'pending';
  if (progress.stage === 'baking' || progress.stage === 'resting') return progress.stage;
  return progress.stage === 'rolling' && situation.status !== 'rolling-back' ? 'rolling' : 'done';
}

function rollbackBatchStatus(rollback: RollbackProgress | null, index: number, hosts: readonly string[]): BatchView['status'] {
  if (rollback === null) return 'pending';
  if (rollback.unrestored.some(({ host }) => hosts.includes(host))) return 'failed';
  if (index < rollback.index || (index === rollback.index && rollback.stage === 'settled')) return 'done';
  if (index > rollback.index || rollback.stage === 'ready') return 'pending';
  return rollback.stage === 'baking' ? 'baking' : 'rolling';
}
