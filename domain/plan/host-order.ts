/** In which order hosts are taken, so that no batch holds all hosts in service or all of one zone. */
import type { HostOrder } from '../inventory.ts';
import type { PlannedHost } from './plan.ts';

/** `list` keeps the declared order; the other orders spread the zones inside each kind of hosts, those in and those out of service. */
export function inOrder<H extends PlannedHost>(order: HostOrder, hosts: readonly H[]): H[] {
  const live = (): H[] => spreadZones(hosts.filter((host) => host.inService));
  const out = (): H[] => spreadZones(hosts.filter((host) => !host.inService));
  switch (order) {
    case 'interleave':
      return orderHosts(hosts);
    case 'list':
      return [...hosts];
    case 'unhealthy-first':
      return [...out(), ...live()];
    case 'unhealthy-last':
      return [...live(), ...out()];
    default:
      return unknownOrder(order);
  }
}

/**
 * Hosts out of service spread evenly between those in service, each kind taking the zones in turn; ties go by declared order.
 * Any run of the result holds its fair share of hosts in service, give or take one. A host out of service comes first where there
 * is one: trying a build there costs no user anything.
 */
export function orderHosts<H extends PlannedHost>(hosts: readonly H[]): H[] {
  const live = spreadZones(hosts.filter((host) => host.inService));
  const out = spreadZones(hosts.filter((host) => !host.inService));
  return hosts.flatMap((_, position) => {
    const before = Math.floor((position * live.length) / hosts.length);
    const after = Math.floor(((position + 1) * live.length) / hosts.length);
    const host = after > before ? live[before] : out[position - before];
    return host === undefined ? [] : [host];
  });
}

/** One host of each zone in turn, zones and hosts in the order in which they were declared. */
export function spreadZones<H extends PlannedHost>(hosts: readonly H[]): H[] {
  const zones = [...Map.groupBy(hosts, (host) => host.zone).values()];
  const longest = Math.max(0, ...zones.map((zone) => zone.length));
  return Array.from({ length: longest }, (_, turn) => zones.flatMap((zone) => zone.slice(turn, turn + 1))).flat();
}

function unknownOrder(order: never): never {
  throw new Error(`Hosts are not ordered by ${JSON.stringify(order)}`);
}
