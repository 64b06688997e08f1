/** Cut batches → planned ones: what counts for each, after defaults, overrides, zones and the one longer rest. */
import type { BatchOverride, StrategySpec } from '../inventory.ts';
import { lanesOf } from './capacity.ts';
import { memberLanes } from './joined.ts';
import type { MemberStanding } from './joined.ts';
import type { Part } from './batch-sizes.ts';
import type { CutBatch } from './cut.ts';
import type { PlannedBatch } from './plan.ts';
import type { PlanHost } from './standing.ts';

/** Lanes a batch may have: `spare` hosts stand above the floor, no window is wider than `cap`. */
export interface LaneLimits {
  readonly spare: number;
  readonly maxParallel: number;
  readonly cap: number;
  /** other pools whose floor counts */
  readonly members: readonly MemberStanding[];
}

/** A bastion goes on to batch 1 without a rest: it is out of traffic, and its bake is the time to look at it. One failed bastion is too many. */
export function settleBastion(strategy: StrategySpec, hosts: readonly PlanHost[], limits: LaneLimits): PlannedBatch {
  return { index: 0, kind: 'bastion', hosts: namesOf(hosts), lanes: lanesIn(hosts, limits), ...proving(strategy), tolerance: 0 };
}

/** A pool of one has no bastion beside it: its host bakes in traffic, as long and as carefully as the bastion would have. */
export function settleOnly(strategy: StrategySpec, hosts: readonly PlanHost[]): PlannedBatch {
  return { index: 0, kind: 'batch', hosts: namesOf(hosts), lanes: 1, ...proving(strategy), tolerance: strategy.tolerance.perBatch };
}

/** `bastions` hosts are done before the first of these batches. Nothing follows the last one, so it neither rests nor waits for anybody. */
export function settleBatches(strategy: StrategySpec, cut: readonly CutBatch[], { bastions, hostsTotal, limits }: { readonly bastions: number; readonly hostsTotal: number; readonly limits: LaneLimits }): PlannedBatch[] {
  const { batches } = strategy;
  const endOfFirstZone = cut.findLastIndex(({ zone }) => zone !== null && zone === cut[0]?.zone);
  const planned = cut.map(({ index, hosts, mode, width, part, zone, override }, position): PlannedBatch => {
    const zoneBake = position === endOfFirstZone ? batches.firstZoneBakeSeconds : null;
    return {
      index,
      kind: 'batch',
      hosts: namesOf(hosts),
      lanes: mode === 'window' ? lanesIn(hosts, { ...limits, maxParallel: Math.min(limits.maxParallel, width, limits.cap) }, part) : lanesIn(hosts, limits),
      bakeSeconds: override?.bakeSeconds ?? zoneBake ?? batches.bakeSeconds,
      manual: (override?.advance ?? batches.advance) === 'manual',
      mode,
      pauseSeconds: override?.pauseSeconds ?? batches.pauseSeconds ?? 0,
      verification: override?.verification ?? batches.verification ?? 'required',
      tolerance: override?.tolerance ?? strategy.tolerance.perBatch,
      ...(zone === null ? {} : { zone }),
    };
  });
  const last = planned.length - 1;
  const longRest = longRestAfter(strategy, planned, { bastions, hostsTotal });
  return planned.map((batch, position) => {
    if (position === last) return { ...batch, manual: false, pauseSeconds: 0 };
    return position === longRest ? rested(batch, batches.pauseOnce?.seconds ?? null) : batch;
  });
}

function lanesIn(hosts: readonly PlanHost[], limits: LaneLimits, window: Part | null = null): number {
  const widest = lanesOf(hosts, limits);
  return memberLanes(hosts, limits.members, { widest, window });
}

/**
 * Position of the first batch with which the share of `pauseOnce` is done; -1 where there is none, or only the last. The bastion
 * counts as done, but the rest follows a batch: only then does the build serve.
 */
export function longRestAfter({ batches: { pauseOnce } }: StrategySpec, planned: readonly PlannedBatch[], { bastions, hostsTotal }: { readonly bastions: number; readonly hostsTotal: number }): number {
  if (pauseOnce === null || pauseOnce === undefined) return -1;
  let done = bastions;
  const reached = planned.findIndex(({ hosts }) => (done += hosts.length) * 100 >= pauseOnce.afterPercent * hostsTotal);
  return reached < planned.length - 1 ? reached : -1;
}

function rested(batch: PlannedBatch, seconds: number | null): PlannedBatch {
  return seconds === null ? { ...batch, manual: true } : { ...batch, pauseSeconds: Math.max(batch.pauseSeconds ?? 0, seconds) };
}

function proving({ bastion, batches }: StrategySpec): Pick<PlannedBatch, 'bakeSeconds' | 'manual' | 'mode' | 'pauseSeconds' | 'verification'> {
  const own: Partial<BatchOverride> = batches.each?.find(({ index }) => index === 0) ?? {};
  const manual = (own.advance ?? bastion.promote) === 'manual';
  // Who proves a build must be healthy, however lenient the batches behind it are; only a word about this very batch says otherwise.
  return { bakeSeconds: own.bakeSeconds ?? bastion.bakeSeconds, manual, mode: 'barrier', pauseSeconds: 0, verification: own.verification ?? 'required' };
}

function namesOf(hosts: readonly PlanHost[]): string[] {
  return hosts.map((host) => host.name);
}
