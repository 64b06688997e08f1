/**
 * Where a host stands in traffic. Pools that serve the same applications from the same host may have it behind different entries: a
 * release takes it out at all of them and puts it back at each as it stood there.
 */
import { countedPools } from './joined-pool.ts';
import { serverName } from './server-name.ts';
import { entryOf, isSameServer } from './traffic-entry.ts';
import type { CountedPool } from './joined-pool.ts';
import type { Inventory } from './inventory.ts';
import type { TrafficSpec } from './traffic-spec.ts';

/** One server of a host. `pool` is the first that has the host there; what is said of it (flags, wishes) is kept under that name. */
export interface Place {
  readonly pool: string;
  readonly traffic: TrafficSpec;
  readonly server: string;
}

type Placed = Pick<Inventory, 'pool' | 'hosts' | 'members'>;

/**
 * The servers of one host of a release, each once, in a fixed order: first that of its own pool, or of the first joined pool that has it,
 * then those of other pools. Only the first may have no entry (`none`).
 */
export function placesOf(inventory: Placed, host: string): readonly [Place, ...Place[]] {
  const having = countedPools(inventory).filter((pool) => pool.hosts.includes(host));
  const { pool } = inventory;
  const own = having[0] ?? { name: pool.name, traffic: pool.traffic };
  const places: [Place, ...Place[]] = [placeIn(own, host)];
  for (const other of having.slice(1)) {
    if (other.traffic.driver !== 'none' && !places.some(({ traffic }) => isSameServer(traffic, other.traffic))) places.push(placeIn(other, host));
  }
  return places;
}

function placeIn({ name, traffic }: { readonly name: string; readonly traffic: TrafficSpec }, host: string): Place {
  return { pool: name, traffic, server: serverName(traffic, host) };
}

/** The pools that are counted when this host is taken out: all that stand behind one of its entries, whether they have the host or not. */
export function countedAt(inventory: Placed, host: string): readonly CountedPool[] {
  const counted = countedPools(inventory).filter(({ traffic }) => traffic.driver !== 'none');
  const entries = new Set(counted.filter(({ hosts }) => hosts.includes(host)).map(({ traffic }) => entryOf(traffic)));
  return counted.filter(({ traffic }) => entries.has(entryOf(traffic)));
}
