/** The capacity floor: how many hosts of a pool must serve at every moment. Counted from the whole pool, never from what is left of it. */
import { serverKeys } from '../traffic-entry.ts';
import type { CountedPool } from '../joined-pool.ts';
import type { PlannedHost } from './plan.ts';

/** What a host waits for that may not be taken out yet, in events and sentences. */
export const CAPACITY = 'capacity';

/** min(ceil(minInServicePercent × hosts / 100), hosts − 1), at least 0: whatever the percentage, one host at a time can be released. */
export function capacityFloor(minInServicePercent: number, hostsTotal: number): number {
  return Math.max(0, Math.min(Math.ceil((minInServicePercent * hostsTotal) / 100), hostsTotal - 1));
}

/**
 * May this host be taken out now? `inService` are the hosts observed in service at this moment. A host that is out already may
 * always be touched: that takes nothing from anybody.
 */
export function mayTakeOut({ floor, inService, out }: { readonly floor: number; readonly inService: readonly string[]; readonly out: string }): boolean {
  return !inService.includes(out) || inService.length - 1 >= floor;
}

/** A pool at the moment of asking; `left` would serve without the host. */
export interface FloorLine {
  readonly pool: string;
  readonly hosts: number;
  readonly inService: number;
  readonly floor: number;
  readonly left: number;
  readonly minInServicePercent: number;
}

export interface FloorQuestion {
  /** the servers in service now (serverKeys of traffic-entry.ts), at the entries of all these pools */
  readonly serving: ReadonlySet<string>;
  /** the host that is to be taken out, wherever it stands */
  readonly out: string;
  /** whether a pool of one host may be left without it: a release was allowed to when it was planned; absent: no */
  readonly outageAllowed?: boolean;
}

/**
 * The pools that would fall below their floor without this host, the lowest first; empty when it may be taken out. Each is counted at its
 * own entry. One that does not have the host loses nothing.
 */
export function floorsBroken(pools: readonly CountedPool[], { serving, out, outageAllowed = false }: FloorQuestion): readonly FloorLine[] {
  const lines = pools.filter(({ hosts }) => hosts.includes(out)).flatMap(({ name, hosts, minInServicePercent, traffic }) => {
    const floor = hosts.length === 1 && !outageAllowed ? 1 : capacityFloor(minInServicePercent, hosts.length);
    const keyOf = serverKeys(traffic);
    const inService = hosts.filter((host) => serving.has(keyOf(host)));
    return mayTakeOut({ floor, inService, out }) ? [] : [{ pool: name, hosts: hosts.length, inService: inService.length, floor, left: inService.length - 1, minInServicePercent }];
  });
  return lines.toSorted((one, other) => one.left - one.floor - (other.left - other.floor));
}

/**
 * Targets of a batch in work at the same time. `spare` is how many hosts in service stand above the floor before the release;
 * what the release may yet repair is not counted on. A batch with more hosts in service than that is narrowed, down to one.
 */
export function lanesOf(hosts: readonly PlannedHost[], { spare, maxParallel }: { readonly spare: number; readonly maxParallel: number }): number {
  const live = hosts.filter((host) => host.inService).length;
  const widest = Math.min(maxParallel, hosts.length);
  return Math.max(1, live <= Math.max(0, spare) ? widest : Math.min(widest, spare));
}
