/** Pools that are released as one: which fit together, and what the joined pool has from them. */
import { canonicalJson } from './canonical-json.ts';
import { serverKeys, isSameServer } from './traffic-entry.ts';
import type { Inventory, MemberPool, PoolSpec } from './inventory.ts';
import type { TrafficSpec } from './traffic-spec.ts';

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

const SAME = ['environment', 'applications'] as const;

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
    const other = SAME.filter((field) => canonicalJson(spec[field]) !== canonicalJson(first[field])).map((field) => ({ member, field, message: `pool ${member} has another ${field === 'applications' ? 'list of applications' : field} than pool ${first.name}; joined pools have the same` }));
    return spec.traffic.driver === first.traffic.driver ? other : [...other, { member, field: 'traffic', message: `pool ${member} has ${entriesOf(spec)} and pool ${first.name} ${entriesOf(first)}; joined pools all have a traffic entry, or none has` }];
  });
  return [...each, ...tooMany];
}

function entriesOf({ traffic }: PoolSpec): string {
  return traffic.driver === 'none' ? 'no traffic entry' : 'one';
}

/**
 * The joined pool with all it has from its members, in the order in which it names them: their hosts without repeats, the strictest
 * floor and the first one's traffic entry, which are only told: each keeps its own. They must fit together.
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

/** A pool whose floor counts, with the entry at which its hosts serve. */
export type CountedPool = MemberPool & { readonly traffic: TrafficSpec };

/** What a floor is counted from. */
export function countedPool({ name, hosts, capacity, traffic }: PoolSpec): CountedPool {
  return { name, hosts, minInServicePercent: capacity.minInServicePercent, traffic };
}

/** As a release captures it: without the entry where that is the one of the pool it is for. */
function memberOf(pool: PoolSpec, other: PoolSpec): MemberPool {
  const { traffic, ...member } = countedPool(other);
  const isOwn = traffic.driver === 'none' ? pool.traffic.driver === 'none' : isSameServer(traffic, pool.traffic);
  return isOwn ? member : { ...member, traffic };
}

/**
 * Other pools that a release of `pool` counts, of all there are, each with its entry where that is another one: those it joins, then
 * those that lose a server with it, then those that serve one of its applications from one of its hosts behind an entry of their own.
 * Joined pools are none of their own. A pool without an entry that shares hosts has nothing to be counted at.
 */
export function poolsBeside(pool: PoolSpec, all: readonly PoolSpec[]): readonly MemberPool[] {
  const joins = pool.joins ?? [];
  const joined = joins.flatMap((name) => all.find((other) => other.name === name) ?? []);
  const released = pool.joins === undefined ? [pool] : joined;
  const own = new Set(pool.hosts);
  const sharing = all.filter((other) => other.name !== pool.name && other.joins === undefined && !joins.includes(other.name) && other.traffic.driver !== 'none' && other.hosts.some((host) => own.has(host)));
  const lost = new Set(released.filter(({ traffic }) => traffic.driver !== 'none').flatMap(({ hosts, traffic }) => hosts.map(serverKeys(traffic))));
  const sameServer = sharing.filter(({ hosts, traffic }) => hosts.map(serverKeys(traffic)).some((key) => lost.has(key)));
  const further = sharing.filter((other) => !sameServer.includes(other) && other.applications.some((application) => pool.applications.includes(application)));
  return [...joined, ...sameServer, ...further].map((other) => memberOf(pool, other));
}

/** Every pool whose floor a drain in this release must keep: its own, unless it is a joined one, and those that count beside it. */
export function countedPools({ pool, hosts, members = [] }: Pick<Inventory, 'pool' | 'hosts' | 'members'>): readonly CountedPool[] {
  const own: CountedPool = { name: pool.name, hosts: hosts.map(({ name }) => name), minInServicePercent: pool.capacity.minInServicePercent, traffic: pool.traffic };
  const beside = members.map((member): CountedPool => ({ ...member, traffic: member.traffic ?? pool.traffic }));
  return pool.joins === undefined ? [own, ...beside] : beside;
}
