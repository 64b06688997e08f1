/** Which hosts prove the build first. */
import type { StrategySpec } from '../inventory.ts';
import { targetsOf } from './standing.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

/**
 * Hosts that could be bastions together, best first: those in service in declared order, as far as the floor lets them be out all
 * at once while the bastion bakes, then those out of service. When nothing stands above the floor only hosts that come back into
 * service qualify: the bastion is then also the repair the rest has to wait for.
 */
export function bastionCandidates(standing: PoolStanding): PlanHost[] {
  const { live, returning, staying, spare, repairFirst } = standing;
  if (repairFirst) return targetsOf(returning);
  return targetsOf([...targetsOf(live).slice(0, Math.max(0, spare)), ...returning, ...staying]);
}

/** As many as the strategy says; where hosts are passed untouched, no more than are left. */
export function bastionsWanted({ bastion }: Pick<StrategySpec, 'bastion'>, { live, returning, staying, hostsTotal }: PoolStanding): number {
  const targets = targetsOf([...live, ...returning, ...staying]).length;
  return targets < hostsTotal ? Math.min(bastion.count, targets) : bastion.count;
}

/** The most bastions this pool allows: at least one host must be left to release to. */
export function bastionsMax(standing: PoolStanding): number {
  return Math.min(bastionCandidates(standing).length, standing.hostsTotal - 1);
}
