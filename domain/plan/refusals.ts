/** Why no plan can be made: every complaint at once, each with what to do. */
import type { StrategySpec } from '../inventory.ts';
import { bastionsMax, bastionsWanted } from './bastion.ts';
import { percentagesComplaint } from './batch-sizes.ts';
import type { PlanRefusal } from './plan.ts';
import type { PoolStanding } from './standing.ts';

interface RefusalInput {
  readonly pool: { readonly name: string };
  readonly strategy: StrategySpec;
  readonly allowOutage: boolean;
  readonly reason: string | null;
}

/** Empty when a plan can be made. An empty pool is the only complaint about itself. */
export function refusalsOf(input: RefusalInput, standing: PoolStanding): PlanRefusal[] {
  const { hostsTotal } = standing;
  if (hostsTotal === 0) return [emptyPool(input)];
  const ofPool = hostsTotal === 1 ? [outageNotAllowed(input)] : [capacityFloor(input, standing), bastionTooLarge(input, standing)];
  return [percentages(input), ...ofPool].filter((refusal) => refusal !== null);
}

function emptyPool({ pool }: RefusalInput): PlanRefusal {
  return { code: 'empty-pool', message: `Pool ${pool.name} has no hosts.`, next: 'Add hosts to the pool, then release again.' };
}

function outageNotAllowed({ pool, allowOutage, reason }: RefusalInput): PlanRefusal | null {
  if (allowOutage && reason !== null && reason.trim() !== '') return null;
  return {
    code: 'outage-not-allowed',
    message: `Pool ${pool.name} has one host: releasing to it takes the pool out of service.`,
    next: 'Add a second host, or release with allowOutage: true and a reason.',
  };
}

function capacityFloor({ pool }: RefusalInput, { stuck, live, hostsTotal, floor, staying }: PoolStanding): PlanRefusal | null {
  if (!stuck) return null;
  const away = staying.map((host) => host.name).join(', ');
  return {
    code: 'capacity-floor',
    message: `${live.length} of ${hostsTotal} hosts of pool ${pool.name} are in service and the floor is ${floor}: none can be taken out. Out of service and staying so: ${away}.`,
    next: 'Put one of these hosts back into service, or lower capacity.minInServicePercent of the pool.',
  };
}

function bastionTooLarge({ pool, strategy }: RefusalInput, standing: PoolStanding): PlanRefusal | null {
  const count = bastionsWanted(strategy, standing);
  const most = bastionsMax(standing);
  // A pool that is stuck says so itself; that no bastion fits either would only repeat it.
  if (count <= most || standing.stuck) return null;
  return {
    code: 'bastion-too-large',
    message: `Strategy ${strategy.name} wants ${count} bastions out of traffic at once; pool ${pool.name} (${standing.live.length} of ${standing.hostsTotal} hosts in service, floor ${standing.floor}) allows ${most}.`,
    next: `Set bastion.count to at most ${most}.`,
  };
}

function percentages({ strategy }: RefusalInput): PlanRefusal | null {
  const complaint = percentagesComplaint(strategy.batches.percent);
  if (complaint === null) return null;
  return {
    code: 'percentages',
    message: `The batch percentages of strategy ${strategy.name} make no plan: ${complaint}.`,
    next: 'Give one percentage, or several that add up to 100.',
  };
}
