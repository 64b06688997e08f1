/** How a host would stand in traffic if no flag but the release's were down: what a release compares with and puts it back to. */
import type { Observation, ObservedElsewhere, ObservedServer, ObservedTraffic } from './release/target.ts';

/** The wish at the balancer beneath the flags: a server that only flags took out counts as ready. */
export type TrafficBeneath = Pick<ObservedTraffic, 'admin' | 'weight'>;

export function trafficBeneath({ traffic, flags }: ObservedServer): TrafficBeneath {
  return flags?.beneath == null ? { admin: traffic.admin, weight: traffic.weight } : { admin: 'ready', weight: flags.beneath.weight };
}

/** The servers of a host: that of its own entry, then those elsewhere. */
export function serversOf(observation: Observation): readonly ObservedServer[] {
  return [observation, ...(observation.elsewhere ?? [])];
}

/** How the host stands at the entry of this pool; `null` is its own. undefined: its server was not known there. */
export function serverIn(observation: Observation, pool: string | null): ObservedServer | undefined {
  return pool === null ? observation : observation.elsewhere?.find((one) => one.pool === pool);
}

/** Each server of `before` beside the same one now; those that were not found again are left out, for nobody can ask them anything. */
export function serversBeside(before: Observation, now: Observation): readonly { readonly pool: string | null; readonly before: ObservedServer; readonly now: ObservedServer }[] {
  const elsewhere = (before.elsewhere ?? []).flatMap((one) => {
    const seen = serverIn(now, one.pool);
    return seen === undefined ? [] : [{ pool: one.pool, before: one, now: seen }];
  });
  return [{ pool: null, before, now }, ...elsewhere];
}

/** The same observation with the traffic of each of its servers changed. */
export function withTraffic(observation: Observation, change: (server: ObservedServer) => ObservedTraffic): Observation {
  const { elsewhere } = observation;
  const own = { ...observation, traffic: change(observation) };
  return elsewhere === undefined ? own : { ...own, elsewhere: elsewhere.map((one): ObservedElsewhere => ({ ...one, traffic: change(one) })) };
}

/** The same observation with the flags taken away; whether it really serves stays as it was seen. */
export function unflagged(observation: Observation): Observation {
  return withTraffic(observation, (server) => (server.flags?.beneath == null ? server.traffic : { ...server.traffic, ...trafficBeneath(server) }));
}

/** How a release leaves a server of a target that is admitted: as it stood before, beneath the flags. `forward` also lifts a drain that an earlier release left. */
export function admittedTo(before: ObservedServer, direction: 'forward' | 'back'): TrafficBeneath {
  if (direction === 'forward' && before.leftBy !== undefined) return before.leftBy;
  return trafficBeneath(before);
}

/** Whether the release will not bring this server into service, for somebody else keeps it out: by a flag, or by hand at the balancer. */
export function staysOut(before: ObservedServer): boolean {
  if (before.flags !== undefined && before.flags.down.length > 0) return true;
  const { admin } = admittedTo(before, 'forward');
  return admin === 'drain' || admin === 'maint';
}
