/**
 * Several servers at once: those of one host at every entry behind which it stands, and those of all hosts that are counted. It speaks the
 * port alone, whatever driver is behind each entry.
 */
import { serverName } from '../../domain/server-name.ts';
import { entryOf, serverKeys } from '../../domain/traffic-entry.ts';
import { BalancerMisconfigured, UnknownServers, type Traffic, type TrafficCall, type TrafficFactory } from './port.ts';
import type { CountedPool } from '../../domain/joined-pool.ts';
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';

/** One server where it stands. */
export interface Server {
  readonly traffic: Traffic;
  readonly server: string;
}

/** null: the balancer does not know it, so no request reaches it there. */
export type Seen = ObservedTraffic | null;

/**
 * States of the named servers, same order; null of one that the balancer does not know, and with `unfit` also of one that it does not
 * check. Throws as `observe` does of everything else.
 */
export async function observeKnown(traffic: Traffic, servers: readonly string[], signal: AbortSignal, without: 'unknown' | 'unfit' = 'unknown'): Promise<readonly Seen[]> {
  let left = servers;
  for (;;) {
    try {
      const states = await traffic.observe(left, signal);
      const byName = new Map(left.map((server, index) => [server, states[index] ?? null]));
      return servers.map((server) => byName.get(server) ?? null);
    } catch (error) {
      const isExpected = error instanceof UnknownServers || (without === 'unfit' && error instanceof BalancerMisconfigured);
      const unfit = new Set(isExpected ? error.servers : []);
      const fewer = left.filter((server) => !unfit.has(server));
      // Asked about the same servers it would say the same again.
      if (fewer.length === left.length) throw error;
      left = fewer;
    }
  }
}

/**
 * Takes all of these servers out in one act: `fence` is entered once, when every write that is needed has its connection open, and lets
 * them pass in their order. Then waits for the connections of each, as `drain` does. A write that is needed again later, because a balancer
 * was reloaded, passes the fence by itself. `timeoutMs` per server. Throws what the driver of the first entry that fails throws.
 */
export async function drainTogether(servers: readonly (Server & { readonly timeoutMs: number })[], call: TrafficCall): Promise<readonly ObservedTraffic[]> {
  if (servers.length > 1) await takeOutTogether(servers, call, []);
  return Promise.all(servers.map(({ traffic, server, timeoutMs }) => traffic.drain(server, { ...call, timeoutMs })));
}

type Waiting = () => Promise<unknown>;

/** Each server's drain waits in its own fence for the ones behind it, so that no connection is opened while the common fence is held. */
async function takeOutTogether([next, ...rest]: readonly Server[], call: TrafficCall, waiting: readonly Waiting[]): Promise<void> {
  if (next === undefined) {
    if (waiting.length > 0) await call.fence(() => inTurn(waiting));
    return;
  }
  let isWaiting = false;
  await next.traffic.drain(next.server, {
    signal: call.signal,
    timeoutMs: 0,
    fence: async <T>(write: () => Promise<T>): Promise<T> => {
      isWaiting = true;
      const written: T[] = [];
      await takeOutTogether(rest, call, [...waiting, async () => void written.push(await write())]);
      if (written.length === 0) throw new Error(`The write to ${next.server} was never let pass.`);
      return written[0] as T;
    },
  });
  if (!isWaiting) await takeOutTogether(rest, call, waiting);
}

async function inTurn(writes: readonly Waiting[]): Promise<void> {
  for (const write of writes) await write();
}

export interface Counting {
  /** names of the entries (entryOf of domain/traffic-entry.ts) */
  readonly entries: readonly string[];
  /** what is counted, one line per entry: two that count the same have the same lines */
  readonly counted: readonly string[];
  /** the servers in service now, by their keys (serverKeys of domain/traffic-entry.ts) */
  readonly count: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
}

/**
 * The look at all hosts of these pools, each pool's at its own entry, one look per entry. Pools without an entry are not looked at. A
 * server that its balancer does not know, or does not check, is not in service. Ends with `until` at the latest.
 */
export function countingOf(pools: readonly CountedPool[], trafficFor: TrafficFactory, until: AbortSignal): Counting {
  const byEntry = Map.groupBy(pools.filter(({ traffic }) => traffic.driver !== 'none'), ({ traffic }) => entryOf(traffic));
  const looks = [...byEntry].map(([entry, behind]) => ({ entry, traffic: behind[0]?.traffic ?? NO_ENTRY, servers: serversOf(behind) }));
  return {
    entries: looks.map(({ entry }) => entry),
    counted: looks.map(({ entry, servers }) => `${entry} ${[...servers.keys()].join(' ')}`),
    async count(signal) {
      const each = await Promise.all(looks.map(async ({ traffic, servers }) => {
        const states = await observeKnown(trafficFor(traffic), [...servers.keys()], AbortSignal.any([signal, until]), 'unfit');
        return [...servers.values()].filter((_, index) => states[index]?.inService === true);
      }));
      return new Set(each.flat());
    },
  };
}

const NO_ENTRY: TrafficSpec = { driver: 'none' };

/** By name at the balancer, each with its key. */
function serversOf(pools: readonly CountedPool[]): ReadonlyMap<string, string> {
  const servers = new Map<string, string>();
  for (const { traffic, hosts } of pools) {
    const keyOf = serverKeys(traffic);
    for (const host of hosts) servers.set(serverName(traffic, host), keyOf(host));
  }
  return servers;
}
