/** Cut batches → planned ones: what counts for each, after defaults, overrides, zones and the one longer rest. */
import type { BatchOverride, StrategySpec } from '../inventory.ts';
import { lanesOf } from './capacity.ts';
import { memberLanes } from './joined.ts';
import { waitMarks, waitsAt } from './waits.ts';
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

/** `bastions` hosts are done before the first of these batches, which are done in their order. */
export function settleBatches(strategy: StrategySpec, cut: readonly CutBatch[], { bastions, hostsTotal, limits }: { readonly bastions: number; readonly hostsTotal: number; readonly limits: LaneLimits }): PlannedBatch[] {
  const { batches } = strategy;
  const marks = waitMarks(strategy, cut, { bastions, hostsTotal, firstZone: cut[0]?.zone ?? null });
  return cut.map(({ index, hosts, mode, width, part, zone, override }, position): PlannedBatch => ({
    index,
    kind: 'batch',
    hosts: namesOf(hosts),
    lanes: mode === 'window' ? lanesIn(hosts, { ...limits, maxParallel: Math.min(limits.maxParallel, width, limits.cap) }, part) : lanesIn(hosts, limits),
    ...waitsAt(strategy, position, { marks, override }),
    mode,
    verification: override?.verification ?? batches.verification ?? 'required',
    tolerance: override?.tolerance ?? strategy.tolerance.perBatch,
    ...(zone === null ? {} : { zone }),
  }));
}

function lanesIn(hosts: readonly PlanHost[], limits: LaneLimits, window: Part | null = null): number {
  const widest = lanesOf(hosts, limits);
  return memberLanes(hosts, limits.members, { widest, window });
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
