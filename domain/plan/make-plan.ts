/** Pool + strategy + what is in service now → the plan of a release. Computed once, stored, never recomputed. */
import type { PoolSpec, StrategySpec } from '../inventory.ts';
import { bastionCandidates } from './bastion.ts';
import { batchSizes } from './batch-sizes.ts';
import { lanesOf } from './capacity.ts';
import { orderHosts, spreadZones } from './host-order.ts';
import type { Plan, PlannedBatch, PlannedChange, PlanRefusal } from './plan.ts';
import { refusalsOf } from './refusals.ts';
import { rollbackWidth } from './rollback-width.ts';
import { standingOf } from './standing.ts';
import type { PlanHost, PoolStanding } from './standing.ts';
import { warningsOf } from './warnings.ts';

/** `hosts` are all hosts of the pool in declared order. `reason` matters only together with `allowOutage`. */
export interface PlanInput {
  readonly pool: Pick<PoolSpec, 'name' | 'capacity'>;
  readonly strategy: StrategySpec;
  readonly hosts: readonly PlanHost[];
  readonly changes: readonly PlannedChange[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  /** nothing was ever released here, so there is nothing to go back to */
  readonly firstRelease?: boolean;
}

export type PlanResult = { readonly plan: Plan } | { readonly refusals: readonly PlanRefusal[] };

/**
 * Every host in exactly one batch, the bastion first, hosts of a batch to be started in their order. Refuses with all complaints at
 * once when the pool is empty, of one host without a consented outage, cannot spare a host, or the strategy's numbers do not fit.
 */
export function makePlan(input: PlanInput): PlanResult {
  const standing = standingOf(input.hosts, input.pool.capacity.minInServicePercent);
  const refusals = refusalsOf(input, standing);
  if (refusals.length > 0) return { refusals };
  const batches = input.hosts.length === 1 ? [onlyBatch(input)] : allBatches(input, standing);
  return {
    plan: {
      batches,
      capacity: {
        hosts: standing.hostsTotal,
        inService: standing.live.length,
        floor: standing.floor,
        outageAllowed: standing.hostsTotal === 1,
      },
      changes: input.changes,
      rollback: { batchPercent: rollbackWidth(input.strategy) },
      warnings: warningsOf(input, standing, batches),
    },
  };
}

/** A pool of one has no bastion beside it: its host bakes in traffic, as long and as carefully as the bastion would have. */
function onlyBatch({ hosts, strategy }: PlanInput): PlannedBatch {
  const { bakeSeconds, promote } = strategy.bastion;
  return { index: 0, kind: 'batch', hosts: hosts.map((host) => host.name), lanes: 1, bakeSeconds, manual: promote === 'manual' };
}

function allBatches({ hosts, strategy }: PlanInput, standing: PoolStanding): PlannedBatch[] {
  const bastions = bastionCandidates(standing).slice(0, strategy.bastion.count);
  const rest = orderRest(hosts.filter((host) => !bastions.includes(host)), standing);
  const { percent, maxParallel, bakeSeconds, advance } = strategy.batches;
  const lanes = { spare: standing.spare, maxParallel };
  const planned: PlannedBatch[] = [];
  if (bastions.length > 0) {
    const { bakeSeconds: proving, promote } = strategy.bastion;
    planned.push({ index: 0, kind: 'bastion', hosts: namesOf(bastions), lanes: lanesOf(bastions, lanes), bakeSeconds: proving, manual: promote === 'manual' });
  }
  let taken = 0;
  for (const size of batchSizes(percent, hosts.length, rest.length)) {
    const members = rest.slice(taken, taken + size);
    taken += size;
    // Nothing comes after the last batch, so nobody is asked to promote it.
    const manual = advance === 'manual' && taken < rest.length;
    planned.push({ index: planned.length, kind: 'batch', hosts: namesOf(members), lanes: lanesOf(members, lanes), bakeSeconds, manual });
  }
  return planned;
}

/** Where no host can be spared, those that come back go before any that serves, and the floor is respected by the order itself. */
function orderRest(rest: readonly PlanHost[], { repairFirst, returning }: PoolStanding): PlanHost[] {
  if (!repairFirst) return orderHosts(rest);
  return [...spreadZones(rest.filter((host) => returning.includes(host))), ...orderHosts(rest.filter((host) => !returning.includes(host)))];
}

function namesOf(hosts: readonly PlanHost[]): string[] {
  return hosts.map((host) => host.name);
}
