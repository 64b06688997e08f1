/** How a host would stand in traffic if no flag but the release's were down: what a release compares with and puts it back to. */
import type { Observation, ObservedTraffic } from './release/target.ts';

/** The wish at the balancer beneath the flags: a server that only flags took out counts as ready. */
export type TrafficBeneath = Pick<ObservedTraffic, 'admin' | 'weight'>;

export function trafficBeneath({ traffic, flags }: Observation): TrafficBeneath {
  return flags?.beneath == null ? { admin: traffic.admin, weight: traffic.weight } : { admin: 'ready', weight: flags.beneath.weight };
}

/** The same observation with the flags taken away; whether it really serves stays as it was seen. */
export function unflagged(observation: Observation): Observation {
  return observation.flags?.beneath == null ? observation : { ...observation, traffic: { ...observation.traffic, ...trafficBeneath(observation) } };
}

/** How a release leaves a target that is admitted: as it stood before, beneath the flags. `forward` also lifts a drain that an earlier release left. */
export function admittedTo(preImage: Observation, direction: 'forward' | 'back'): TrafficBeneath {
  if (direction === 'forward' && preImage.leftBy !== undefined) return preImage.leftBy;
  return trafficBeneath(preImage);
}

/** Whether the release will not bring this host into service, for somebody else keeps it out: by a flag, or by hand at the balancer. */
export function staysOut(preImage: Observation): boolean {
  if (preImage.flags !== undefined && preImage.flags.down.length > 0) return true;
  const { admin } = admittedTo(preImage, 'forward');
  return admin === 'drain' || admin === 'maint';
}
