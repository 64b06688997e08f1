/** Which hosts prove the build first. */
import type { PoolStanding } from './standing.ts';
import type { PlanHost } from './standing.ts';

/**
 * Hosts that could be bastions together, best first: those in service in declared order, as far as the floor lets them be out all
 * at once while the bastion bakes, then those out of service. When nothing stands above the floor only hosts that come back into
 * service qualify: the bastion is then also the repair the rest has to wait for.
 */
export function bastionCandidates(standing: PoolStanding): PlanHost[] {
  const { live, returning, staying, spare, repairFirst } = standing;
  if (repairFirst) return [...returning];
  return [...live.slice(0, spare), ...returning, ...staying];
}

/** The most bastions this pool allows: at least one host must be left to release to. */
export function bastionsMax(standing: PoolStanding): number {
  return Math.min(bastionCandidates(standing).length, standing.hostsTotal - 1);
}
