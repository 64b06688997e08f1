/** May an operator take this host out? The arithmetic that is told when not. */
import { capacityFloor, mayTakeOut } from './plan/capacity.ts';

/** The capacity line of one pool at the moment of asking; `left` would serve without the host. */
export interface DrainRefusal {
  readonly code: 'capacity-floor' | 'superseded';
  readonly message: string;
  readonly capacity?: { readonly pool: string; readonly hosts: number; readonly inService: number; readonly floor: number; readonly left: number };
}

export interface FlagDrainInput {
  readonly pool: { readonly name: string; readonly hosts: readonly string[]; readonly capacity: { readonly minInServicePercent: number } };
  readonly host: string;
  /** hosts of the pool seen in service now */
  readonly inService: readonly string[];
}

/** The same for every pool that loses the host: the first refusal. Pools without the host do not matter. */
export function drainRefusalOfAny({ pools, host, inService }: { readonly pools: readonly FlagDrainInput['pool'][]; readonly host: string; readonly inService: ReadonlySet<string> }): DrainRefusal | null {
  for (const pool of pools) {
    if (!pool.hosts.includes(host)) continue;
    const refusal = drainRefusal({ pool, host, inService: pool.hosts.filter((one) => inService.has(one)) });
    if (refusal !== null) return refusal;
  }
  return null;
}

/**
 * Null when the host may go: the floor holds without it, or it is out already. A pool of one host has no floor to keep, but nobody would
 * be served: that needs to be forced, too.
 */
export function drainRefusal({ pool, host, inService }: FlagDrainInput): DrainRefusal | null {
  const hosts = pool.hosts.length;
  const floor = hosts === 1 ? 1 : capacityFloor(pool.capacity.minInServicePercent, hosts);
  if (mayTakeOut({ floor, inService, out: host })) return null;
  const left = inService.length - 1;
  const message = `Taking ${host} out would leave ${left} of ${hosts} hosts of pool ${pool.name} in service; ${inService.length} serve now, and the floor is ${floor} (${pool.capacity.minInServicePercent} %).`;
  return { code: 'capacity-floor', message, capacity: { pool: pool.name, hosts, inService: inService.length, floor, left } };
}
