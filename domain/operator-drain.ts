/** May an operator take this host out? The arithmetic that is told when not. */
import { floorsBroken } from './plan/capacity.ts';
import type { CountedPool } from './joined-pool.ts';

/** The capacity line of one pool at the moment of asking; `left` would serve without the host. */
export interface DrainRefusal {
  readonly code: 'capacity-floor' | 'superseded';
  readonly message: string;
  readonly capacity?: { readonly pool: string; readonly hosts: number; readonly inService: number; readonly floor: number; readonly left: number };
}

/**
 * Null when every pool that loses the host keeps its floor without it, or lost it already; else what the pool nearest to its end says. A
 * pool of one host has no floor to keep, but nobody would be served: that needs to be forced, too. `serving` as in FloorQuestion.
 */
export function drainRefusal(pools: readonly CountedPool[], { host, serving }: { readonly host: string; readonly serving: ReadonlySet<string> }): DrainRefusal | null {
  const [lowest] = floorsBroken(pools, { serving, out: host });
  if (lowest === undefined) return null;
  const { minInServicePercent, ...capacity } = lowest;
  const { pool, hosts, inService, floor, left } = capacity;
  const message = `Taking ${host} out would leave ${left} of ${hosts} hosts of pool ${pool} in service; ${inService} serve now, and the floor is ${floor} (${minInServicePercent} %).`;
  return { code: 'capacity-floor', message, capacity };
}
