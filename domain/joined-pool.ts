/** Pools that are released as one: which fit together, and what the joined pool has from them. */
import { canonicalJson } from './canonical-json.ts';
import type { Inventory, MemberPool, PoolSpec, SharedHosts, TrafficSpec } from './inventory.ts';

/**
 * Hosts of one pool at most, also of all members of a joined pool together. So many names of 22 characters fit into one request
 * (`BODY_BYTES_MAX`) when they are written as compact JSON; what a release carries of them stays below the 2 MB that Temporal allows for
 * one payload.
 */
export const POOL_HOSTS_MAX = 10_000;

/** A member that cannot be joined with the others. `field` is what differs in it; null: it cannot be joined at all. */
export interface Misfit {
  readonly member: string;
  readonly field: 'environment' | 'applications' | 'traffic' | null;
  /** a sentence without its stop */
  readonly message: string;
}

const SAME = ['environment', 'applications', 'traffic'] as const;

/** Compared with the first pool that can be joined; `members` holds those that exist, by name. Empty when all of them fit together. */
export function misfitsOf({ name, joins = [] }: Pick<PoolSpec, 'name' | 'joins'>, members: ReadonlyMap<string, PoolSpec>): Misfit[] {
  const first = joins.map((member) => members.get(member)).find((spec) => spec !== undefined && spec.joins === undefined && spec.name !== name);
  const hosts = new Set(joins.flatMap((member) => members.get(member)?.hosts ?? [])).size;
  const tooMany: Misfit[] = hosts > POOL_HOSTS_MAX ? [{ member: joins.at(-1) ?? name, field: null, message: `its members have ${hosts} hosts together; a pool has at most ${POOL_HOSTS_MAX}` }] : [];
  const each = joins.flatMap((member): Misfit[] => {
    const spec = members.get(member);
    if (member === name) return [{ member, field: null, message: `pool ${name} cannot join itself` }];
    if (spec === undefined) return [{ member, field: null, message: `pool ${member} does not exist; create it before, or in the same apply` }];
    if (spec.joins !== undefined) return [{ member, field: null, message: `pool ${member} is a joined pool itself; name its members` }];
    if (first === undefined) return [];
    return SAME.filter((field) => canonicalJson(spec[field]) !== canonicalJson(first[field])).map((field) => ({ member, field, message: `pool ${member} has another ${field === 'applications' ? 'list of applications' : field} than pool ${first.name}; joined pools have the same` }));
  });
  return [...each, ...tooMany];
}

/**
 * The joined pool with all it has from its members, in the order in which it names them: their hosts without repeats, and the strictest
 * floor, which is only told: each keeps its own. They must fit together.
 */
export function joinedSpec(spec: PoolSpec, members: readonly PoolSpec[]): PoolSpec {
  const [first] = members;
  if (first === undefined) return spec;
  const { environment, applications, traffic } = first;
  return {
    ...spec,
    environment,
    applications,
    hosts: [...new Set(members.flatMap(({ hosts }) => hosts))],
    capacity: { minInServicePercent: Math.max(...members.map(({ capacity }) => capacity.minInServicePercent)) },
    traffic,
  };
}

/** What a floor is counted from. */
export function memberPool({ name, hosts, capacity }: PoolSpec): MemberPool {
  return { name, hosts, minInServicePercent: capacity.minInServicePercent };
}

/** Names a place where servers are taken out and put back, so that pools behind the same one are known. */
export function entryOf(traffic: TrafficSpec): string {
  return traffic.driver === 'none' ? 'none' : canonicalJson([traffic.driver, traffic.socket, traffic.address, traffic.backend]);
}

/** Both take the same server out when they take the same host out. */
export function isSameServer(one: TrafficSpec, other: TrafficSpec): boolean {
  return one.driver === 'haproxy' && other.driver === 'haproxy' && entryOf(one) === entryOf(other) && one.server === other.server;
}

/**
 * Other pools that a release of `pool` counts, of all there are: those it joins, then those that take out the same servers. Joined pools
 * are none of their own. `undrained`: those behind another entry that serve one of its applications from one of its hosts.
 */
export function poolsBeside(pool: PoolSpec, all: readonly PoolSpec[]): { readonly members: readonly MemberPool[]; readonly undrained: readonly SharedHosts[] } {
  const own = new Set(pool.hosts);
  const joins = pool.joins ?? [];
  const joined = joins.flatMap((name) => all.find((other) => other.name === name) ?? []);
  const sharing = all.filter((other) => other.name !== pool.name && other.joins === undefined && !joins.includes(other.name) && other.hosts.some((host) => own.has(host)));
  const sameServer = sharing.filter(({ traffic }) => isSameServer(pool.traffic, traffic));
  const undrained = sharing.filter((other) => !sameServer.includes(other) && other.traffic.driver !== 'none' && other.applications.some((application) => pool.applications.includes(application)));
  return {
    members: [...joined, ...sameServer].map(memberPool),
    undrained: undrained.map((other) => ({ pool: other.name, hosts: other.hosts.filter((host) => own.has(host)) })),
  };
}

/** Every pool whose floor a drain in this release must keep: its own, unless it is a joined one, and those that count beside it. */
export function countedPools({ pool, hosts, members = [] }: Pick<Inventory, 'pool' | 'hosts' | 'members'>): readonly MemberPool[] {
  const own: MemberPool = { name: pool.name, hosts: hosts.map(({ name }) => name), minInServicePercent: pool.capacity.minInServicePercent };
  return pool.joins === undefined ? [own, ...members] : members;
}

/** The hosts of some pools, each once, in their order. */
export function hostsOf(pools: readonly { readonly hosts: readonly string[] }[]): readonly string[] {
  return [...new Set(pools.flatMap(({ hosts }) => hosts))];
}
