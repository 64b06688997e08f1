/** Pool + strategy + what is in service now → the plan of a release. Computed once, stored, never recomputed. */
import type { PoolSpec, SharedHosts, StrategySpec } from '../inventory.ts';
import { BATCH_CAP_PERCENT, batchCap } from './batch-cap.ts';
import { bastionRefusals } from './bastion-refusals.ts';
import { batchRefusals, listRefusals } from './batch-refusals.ts';
import { layOut } from './layout.ts';
import { rollbackWidth } from './rollback-width.ts';
import { emptyPool, poolRefusals, strategyRefusals } from './refusals.ts';
import { settleBastion, settleBatches, settleOnly } from './settle.ts';
import { standingOf, targetsOf } from './standing.ts';
import { warningsOf } from './warnings.ts';
import { plannedMembers } from './joined.ts';
import type { IrreversibleMark } from '../irreversible.ts';
import type { PlanMember, UnknownServers } from './joined.ts';
import type { Layout } from './layout.ts';
import type { Plan, PlannedBatch, PlannedChange, PlanRefusal } from './plan.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

/** `hosts` are all hosts of the pool in declared order. `reason` matters only together with `allowOutage` and `batchCapPercent`. */
export interface PlanInput {
  /** without an environment the strategy's `skipIn` skips none */
  readonly pool: Pick<PoolSpec, 'name' | 'capacity' | 'joins'> & Partial<Pick<PoolSpec, 'environment'>>;
  readonly strategy: StrategySpec;
  readonly hosts: readonly PlanHost[];
  readonly changes: readonly PlannedChange[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  /** the raised cap per batch in percent of the pool; absent or null: the usual one */
  readonly batchCapPercent?: number | null;
  /** nothing was ever released here, so there is nothing to go back to */
  readonly firstRelease?: boolean;
  /** the versions serve in this pool already */
  readonly isProven?: boolean;
  /** other pools whose floor counts: those that `pool` joins, and those that share hosts with it; absent: none */
  readonly members?: readonly PlanMember[];
  /** pools that serve from the same hosts behind another entry, and are left alone there: only in inventories of earlier builds */
  readonly undrained?: readonly SharedHosts[];
  /** servers of other pools that their balancers do not know */
  readonly unknown?: readonly UnknownServers[];
  /** steps and hooks on the way that no rollback undoes; absent: none */
  readonly irreversible?: readonly IrreversibleMark[];
}

export type PlanResult = { readonly plan: Plan } | { readonly refusals: readonly PlanRefusal[] };

/**
 * Every host that is not passed in exactly one batch, the bastion first, hosts of a batch to be started in their order. Refuses with all complaints at
 * once when the pool is empty, of one host without a consented outage, cannot spare a host, or the strategy's numbers and names do
 * not fit it.
 */
export function makePlan(input: PlanInput): PlanResult {
  const { hosts, pool, strategy } = input;
  if (hosts.length === 0) return { refusals: [emptyPool(input)] };
  const standing = standingOf(hosts, pool.capacity.minInServicePercent, { ...(input.members === undefined ? {} : { members: input.members }), joins: pool.joins ?? [], capPercent: capPercent(input) });
  if (targetsOf(hosts).length === 0) return { plan: nothingToDo(input, standing) };
  const wrong = strategyRefusals(strategy);
  const layout = wrong.length === 0 && hosts.length > 1 ? layOut(input, standing) : null;
  const refusals = [
    ...wrong,
    ...poolRefusals(input, standing),
    ...bastionRefusals(input, standing),
    ...listRefusals(input),
    ...(layout === null ? [] : batchRefusals(input, standing, layout)),
  ];
  if (refusals.length > 0) return { refusals };
  const batches = layout === null ? [settleOnly(strategy, hosts)] : settled(input, standing, layout);
  return {
    plan: {
      batches,
      capacity: { hosts: hosts.length, inService: standing.live.length, floor: standing.floor, outageAllowed: hosts.length === 1 || standing.members.some((member) => member.hostsTotal === 1) },
      changes: input.changes,
      rollback: { batchPercent: rollbackPercent(input, batches) },
      batchCap: { percent: capPercent(input), hosts: capOf(input, standing) },
      ...skippedOf(input),
      ...repairsOf(standing),
      ...membersOf(standing),
      ...(input.irreversible === undefined || input.irreversible.length === 0 ? {} : { irreversible: input.irreversible }),
      warnings: warningsOf(input, standing, { batches, layout }),
    },
  };
}

function settled(input: PlanInput, standing: PoolStanding, { bastions, cut }: Layout): PlannedBatch[] {
  const { hosts, strategy } = input;
  const limits = { spare: standing.spare, maxParallel: strategy.batches.maxParallel, cap: capOf(input, standing), members: standing.members };
  const batches = settleBatches(strategy, cut.batches, { bastions: bastions.length, hostsTotal: hosts.length, limits });
  return bastions.length === 0 ? batches : [settleBastion(strategy, bastions, limits), ...batches];
}

/** `skipped` only where there are some: a plan without them reads as it always did. */
function skippedOf({ hosts }: PlanInput): Pick<Plan, 'skipped'> {
  const skipped = hosts.flatMap(({ name, skip }) => (skip === undefined ? [] : [{ host: name, why: skip }]));
  return skipped.length === 0 ? {} : { skipped };
}

/** Every host is passed: nothing is touched, and the release succeeds at once. */
function nothingToDo(input: PlanInput, standing: PoolStanding): Plan {
  const { hosts, changes } = input;
  const capacity = { hosts: hosts.length, inService: standing.live.length, floor: standing.floor, outageAllowed: hosts.length === 1 };
  return { batches: [], capacity, changes, rollback: { batchPercent: rollbackPercent(input, []) }, ...skippedOf(input), warnings: [] };
}

function repairsOf({ repairs }: PoolStanding): Pick<Plan, 'repairs'> {
  return repairs.length === 0 ? {} : { repairs: repairs.map(({ name }) => name) };
}

function membersOf({ members }: PoolStanding): Pick<Plan, 'members'> {
  return members.length === 0 ? {} : { members: plannedMembers(members) };
}

/** Of joined pools the caps of all together, which one batch can only reach where they share no host. */
function capOf(input: PlanInput, { hostsTotal, isJoined, members }: PoolStanding): number {
  if (!isJoined) return batchCap(capPercent(input), hostsTotal);
  return Math.max(1, Math.min(hostsTotal, members.reduce((sum, member) => sum + (member.isJoined ? member.cap : 0), 0)));
}

function capPercent({ batchCapPercent }: PlanInput): number {
  return batchCapPercent ?? BATCH_CAP_PERCENT;
}

/** Counts and lists have no percentage of their own: it is the share that the widest of their batches takes. */
function rollbackPercent({ strategy, hosts }: PlanInput, batches: readonly PlannedBatch[]): number {
  if (strategy.batches.percent.length > 0 || hosts.length === 1) return rollbackWidth(strategy);
  const widest = Math.max(0, ...batches.filter(({ kind, mode }) => kind === 'batch' && mode !== 'window').map((batch) => batch.hosts.length));
  return rollbackWidth(strategy, Math.ceil((widest * 100) / hosts.length));
}
