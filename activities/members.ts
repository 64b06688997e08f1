/** Who serves of the other pools whose floor counts, each at its own entry. */
import { placesOf } from '../domain/place.ts';
import { serverName } from '../domain/server-name.ts';
import { serverIn, staysOut } from '../domain/traffic-beneath.ts';
import { entryName, entryOf, isSameServer } from '../domain/traffic-entry.ts';
import { observeKnown } from '../drivers/traffic/several.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { TrafficSpec } from '../domain/traffic-spec.ts';
import type { MemberHost, PlanMember, UnknownServers } from '../domain/plan/joined.ts';
import type { Observation } from '../domain/release/target.ts';

const TIMEOUT_MS = 10_000;

export interface MembersNow {
  readonly members: readonly PlanMember[];
  /** servers that were looked for in vain */
  readonly unknown: readonly UnknownServers[];
}

type Images = Readonly<Record<string, Observation>>;

/**
 * One look at each entry, and none where every host of these pools is released to as well: those were looked at just now (`images`). A
 * server that its balancer does not know, or does not check, is out of service there and named. Throws what the balancers' drivers throw
 * otherwise.
 */
export async function membersNow(deps: ActivityDeps, inventory: Inventory, images: Images): Promise<MembersNow> {
  const { pool, hosts, members = [] } = inventory;
  const own = new Set(hosts.map(({ name }) => name));
  const severalEntries = members.some(({ traffic }) => traffic !== undefined);
  const counted = members.map((member) => ({ ...member, traffic: member.traffic ?? pool.traffic, elsewhere: member.hosts.filter((host) => !own.has(host)) }));
  const byEntry = Map.groupBy(counted, ({ traffic }) => entryOf(traffic));
  const looks = new Map(await Promise.all([...byEntry].map(async ([entry, behind]) => [entry, await lookAt(deps, behind)] as const)));
  const unknown: UnknownServers[] = [];
  const standing = counted.map(({ traffic, elsewhere, ...member }): PlanMember => {
    const look = looks.get(entryOf(traffic));
    const states = elsewhere.map((host) => look?.get(serverName(traffic, host)) ?? null);
    const here = severalEntries ? standingAt(inventory, images, { ...member, traffic }) : undefined;
    const gone = [...elsewhere.filter((_, index) => states[index] === null), ...(here?.gone ?? [])];
    if (gone.length > 0) unknown.push({ pool: member.name, servers: gone.map((host) => serverName(traffic, host)), entry: entryName(traffic) });
    return { ...member, ...(members.find(({ name }) => name === member.name)?.traffic === undefined ? {} : { traffic }), servingElsewhere: states.filter((state) => state?.inService === true).length, ...(here === undefined ? {} : { standing: here.standing }) };
  });
  return { members: standing, unknown };
}

async function lookAt(deps: ActivityDeps, pools: readonly { readonly traffic: TrafficSpec; readonly elsewhere: readonly string[] }[]) {
  const servers = [...new Set(pools.flatMap(({ traffic, elsewhere }) => elsewhere.map((host) => serverName(traffic, host))))];
  const [first] = pools;
  if (first === undefined || servers.length === 0) return new Map<string, null>();
  const states = await observeKnown(deps.trafficFor(first.traffic), servers, AbortSignal.timeout(TIMEOUT_MS), 'unfit');
  return new Map(servers.map((server, index) => [server, states[index] ?? null]));
}

/** Hosts of the release at the entry of one of these pools; `gone`: not to be had there. */
function standingAt(inventory: Inventory, images: Images, member: { readonly hosts: readonly string[]; readonly traffic: TrafficSpec }): { readonly standing: Readonly<Record<string, MemberHost>>; readonly gone: readonly string[] } {
  const standing: Record<string, MemberHost> = {};
  const gone: string[] = [];
  for (const host of member.hosts) {
    const image = images[host];
    if (image === undefined) continue;
    const places = placesOf(inventory, host);
    const index = places.findIndex(({ traffic }) => isSameServer(traffic, member.traffic));
    const server = serverIn(image, index <= 0 ? null : (places[index]?.pool ?? null));
    if (server === undefined) gone.push(host);
    else standing[host] = { inService: server.traffic.inService, staysOut: staysOut(server) };
  }
  return { standing, gone };
}
