/** What balancers show of hosts, at every entry behind which they stand, and what flags have to do with it. */
import { observedFlags } from '../db/host-flags.ts';
import { placesOf } from '../domain/place.ts';
import { entryOf } from '../domain/traffic-entry.ts';
import { BalancerDown, BalancerMisconfigured } from '../drivers/traffic/port.ts';
import { observeKnown } from '../drivers/traffic/several.ts';
import { DependencyDown } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Place } from '../domain/place.ts';
import type { Observation, ObservedElsewhere, ObservedFlags, ObservedTraffic } from '../domain/release/target.ts';
import type { Seen } from '../drivers/traffic/several.ts';

/** The part of an observation that is not of the host itself. */
export type SeenTraffic = Pick<Observation, 'traffic' | 'flags' | 'elsewhere'>;

/** One look per entry for many hosts. Nobody is in it when that fails: then each host is looked up alone and tells what is wrong with it. */
export async function observeTrafficOf(deps: ActivityDeps, inventory: Inventory, hosts: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SeenTraffic>> {
  return lookUp(deps, inventory, hosts, signal).catch(() => new Map());
}

/** Throws what the balancers' drivers throw, and DependencyDown when the own one says nothing. */
export async function observeTraffic(deps: ActivityDeps, inventory: Inventory, host: string, signal: AbortSignal): Promise<SeenTraffic> {
  return seenOf(host, await lookUp(deps, inventory, [host], signal));
}

/** The same, without asking what flags have to do with it. */
export async function glanceAtTraffic(deps: ActivityDeps, inventory: Inventory, host: string, signal: AbortSignal): Promise<SeenTraffic> {
  const look: Look = { deps, signal, placed: [{ host, places: placesOf(inventory, host) }] };
  return seenOf(host, composed(look, await statesOf(look), new Map()));
}

function seenOf(host: string, all: ReadonlyMap<string, SeenTraffic>): SeenTraffic {
  const seen = all.get(host);
  if (seen === undefined) throw new DependencyDown('the balancer', `it says nothing about ${host}`);
  return seen;
}

interface Look {
  readonly deps: ActivityDeps;
  readonly signal: AbortSignal;
  readonly placed: readonly { readonly host: string; readonly places: readonly Place[] }[];
}

/**
 * Flags are read before and after the look: one that takes a server out, or brings it in, in that moment must be known, or its drain
 * would be taken for a hand's.
 */
async function lookUp(deps: ActivityDeps, inventory: Inventory, hosts: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SeenTraffic>> {
  const look: Look = { deps, signal, placed: hosts.map((host) => ({ host, places: placesOf(inventory, host) })) };
  const before = await flagsOf(look);
  const states = await statesOf(look);
  const after = await flagsOf(look);
  const both = [...before].map(([key, flags]) => [key, { ...flags, down: after.get(key)?.down ?? [] }] as const);
  return composed(look, states, new Map([...both, ...after]));
}

/** By pool and host; those of a host in one pool concern its server there alone. */
type FlagsByPlace = ReadonlyMap<string, ObservedFlags>;

async function flagsOf({ deps, placed }: Look): Promise<FlagsByPlace> {
  const byPool = new Map<string, string[]>();
  for (const { host, places } of placed) for (const { pool } of places) byPool.set(pool, [...(byPool.get(pool) ?? []), host]);
  const each = [...byPool].map(async ([pool, hosts]) => [...(await observedFlags(deps.db, pool, hosts))].map(([host, flags]) => [keyOf(pool, host), flags] as const));
  return new Map((await Promise.all(each)).flat());
}

function keyOf(pool: string, host: string): string {
  return `${pool} ${host}`;
}

/** By entry, then by the name of the server there. */
type States = ReadonlyMap<string, ReadonlyMap<string, Seen>>;

/** A server that a further balancer does not know is left out; one that a host's own does not know is an error, as every other trouble is. */
async function statesOf(look: Look): Promise<States> {
  const own = look.placed.flatMap(({ places: [first] }) => first ?? []);
  const ownKeys = new Set(own.map(({ traffic, server }) => keyOf(entryOf(traffic), server)));
  const byEntry = Map.groupBy(look.placed.flatMap(({ places }) => places), ({ traffic }) => entryOf(traffic));
  const each = [...byEntry].map(async ([entry, places]) => {
    const servers = [...new Set(places.map(({ server }) => server))];
    return [entry, await askEntry(look, places[0], { servers, own: servers.filter((server) => ownKeys.has(keyOf(entry, server))) })] as const;
  });
  return new Map(await Promise.all(each));
}

async function askEntry({ deps, signal }: Look, place: Place | undefined, { servers, own }: { readonly servers: readonly string[]; readonly own: readonly string[] }): Promise<ReadonlyMap<string, Seen>> {
  if (place === undefined) return new Map();
  const traffic = deps.trafficFor(place.traffic);
  if (own.length === servers.length) return byServer(servers, await traffic.observe(servers, signal));
  const states = await observeKnown(traffic, servers, signal).catch((error: unknown) => {
    throw own.length > 0 ? error : ofPool(place.pool, error);
  });
  const found = byServer(servers, states);
  // It says by itself which of them are missing, and what to do.
  if (own.some((server) => found.get(server) === null)) await traffic.observe(own, signal);
  return found;
}

function byServer(servers: readonly string[], states: readonly Seen[]): ReadonlyMap<string, Seen> {
  return new Map(servers.flatMap((server, index) => (states[index] === undefined ? [] : [[server, states[index]] as const])));
}

/** Whoever releases one pool need not know that another one serves from its hosts. */
function ofPool(pool: string, error: unknown): unknown {
  if (error instanceof BalancerDown) return new BalancerDown(`Pool ${pool} serves from the same hosts. ${error.message}`, { cause: error });
  if (error instanceof BalancerMisconfigured) return new BalancerMisconfigured(`Pool ${pool} serves from the same hosts. ${error.message}`, error.servers);
  return error;
}

/** Hosts of which the own balancer says nothing are left out. */
function composed({ placed }: Look, states: States, flags: FlagsByPlace): ReadonlyMap<string, SeenTraffic> {
  const serverAt = ({ pool, traffic, server }: Place, host: string): ObservedElsewhere | null => {
    const seen: ObservedTraffic | null = states.get(entryOf(traffic))?.get(server) ?? null;
    const set = flags.get(keyOf(pool, host));
    return seen === null ? null : { pool, traffic: seen, ...(set === undefined ? {} : { flags: set }) };
  };
  return new Map(placed.flatMap(({ host, places }) => {
    const [own, ...further] = places.map((place) => serverAt(place, host));
    if (own === null || own === undefined) return [];
    const elsewhere = further.filter((one) => one !== null);
    const { pool: _pool, ...seen } = own;
    return [[host, { ...seen, ...(elsewhere.length === 0 ? {} : { elsewhere }) }] as const];
  }));
}
