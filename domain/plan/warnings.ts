/** What an operator should read before starting: one sentence each, in the order of their weight. */
import type { SharedHosts, StrategySpec } from '../inventory.ts';
import { markName, type IrreversibleMark } from '../irreversible.ts';
import { BATCH_CAP_PERCENT, batchCap } from './batch-cap.ts';
import { bastionCount } from './bastion.ts';
import { strategyWarnings } from './strategy-warnings.ts';
import type { UnknownServers } from './joined.ts';
import type { Layout } from './layout.ts';
import type { PlannedBatch } from './plan.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

interface WarningInput {
  readonly pool: { readonly environment?: string };
  readonly strategy: StrategySpec;
  readonly firstRelease?: boolean;
  readonly batchCapPercent?: number | null;
  readonly reason: string | null;
  readonly isProven?: boolean;
  readonly undrained?: readonly SharedHosts[];
  readonly unknown?: readonly UnknownServers[];
  readonly irreversible?: readonly IrreversibleMark[];
}

const NAMES_MAX = 5;

/** Empty for an ordinary release of a healthy pool. `layout` is null for a pool of one. */
export function warningsOf(input: WarningInput, standing: PoolStanding, { batches, layout }: { readonly batches: readonly PlannedBatch[]; readonly layout: Layout | null }): string[] {
  const all = [
    outage(standing),
    ...memberOutages(standing),
    ...(input.undrained ?? []).map(undrained),
    ...(input.unknown ?? []).map(unknownServers),
    first(input),
    noWayBack(input),
    nobodyServes(input, standing),
    outOfService(standing),
    repairFirst(standing),
    ...memberRepairs(standing),
    staysOut(standing),
    noBastion(input, standing),
    raisedCap(input),
    wideBatch(standing, batches),
    ...narrowed(input, standing, batches, layout),
    ...strategyWarnings(input, standing, { batches, layout }),
  ];
  return all.filter((warning) => warning !== null);
}

function outage({ hostsTotal }: PoolStanding): string | null {
  return hostsTotal === 1 ? 'The pool has one host: users are not served while it is released.' : null;
}

function memberOutages({ hostsTotal, members }: PoolStanding): string[] {
  if (hostsTotal === 1) return [];
  return members.filter((member) => member.hostsTotal === 1).map(({ pool, hosts }) => `Pool ${pool} has one host, ${hosts[0]?.name ?? ''}: its users are not served while that host is released.`);
}

/** A sentence about servers of another pool that nothing can be done about here. */
export function unknownServers({ pool, servers, entry }: UnknownServers): string {
  return `Pool ${pool} names ${named(servers)}, which ${entry} does not know or does not check: ${servers.length === 1 ? 'it counts' : 'they count'} as out of service there, and nothing is taken out. Correct traffic.server of that pool, or the balancer.`;
}

function undrained({ pool, hosts }: SharedHosts): string {
  return `Pool ${pool} serves from ${named(hosts)}, too, behind another traffic entry: this release does not take ${hosts.length === 1 ? 'it' : 'them'} out there.`;
}

function first({ firstRelease }: WarningInput): string | null {
  return firstRelease === true ? 'Nothing was released to this pool before: a rollback stops the applications and leaves the hosts out of traffic.' : null;
}

function noWayBack({ irreversible = [] }: WarningInput): string | null {
  if (irreversible.length === 0) return null;
  return `${named(irreversible.map(markName))} cannot be undone: a failure behind it holds the release, and going back across it needs a person who says so.`;
}

function nobodyServes({ firstRelease }: WarningInput, { live }: PoolStanding): string | null {
  return live.length === 0 && firstRelease !== true ? 'No host of the pool is in service: nobody is served until the first ones join.' : null;
}

function outOfService({ live, returning, staying, hostsTotal }: PoolStanding): string | null {
  const out = [...returning, ...staying];
  return live.length > 0 && out.length > 0 ? `${out.length} of ${hostsTotal} hosts are out of service: ${listed(out)}.` : null;
}

function repairFirst({ repairFirst: needed, returning, floor }: PoolStanding): string | null {
  if (!needed) return null;
  return `No host in service can be spared (floor ${floor}): ${listed(returning)} must come back into service first, and the release waits at the floor if they do not.`;
}

function memberRepairs({ members }: PoolStanding): string[] {
  return members
    .filter((member) => member.repairFirst)
    .map(({ pool, returning, floor }) => `No host of pool ${pool} in service can be spared (floor ${floor}): ${listed(returning)} must come back into service first, and the release waits at the floor if they do not.`);
}

function staysOut({ staying }: PoolStanding): string | null {
  return staying.length > 0 ? `Released but left out of traffic, as somebody put them: ${listed(staying)}.` : null;
}

function noBastion({ pool, strategy, isProven }: WarningInput, { hostsTotal }: PoolStanding): string | null {
  if (hostsTotal === 1 || isProven === true || bastionCount(strategy.bastion, pool.environment) > 0) return null;
  const here = strategy.bastion.count > 0 ? ` in environment ${pool.environment ?? ''}` : '';
  return `The strategy has no bastion${here}: the first batch takes an unproven build into traffic.`;
}

function raisedCap({ batchCapPercent, reason }: WarningInput): string | null {
  if (batchCapPercent === null || batchCapPercent === undefined) return null;
  return `The cap per batch is raised from ${BATCH_CAP_PERCENT} to ${batchCapPercent} % of the pool: ${reason ?? ''}`;
}

/** A window takes as many as it has lanes. */
function wideBatch({ hostsTotal, isJoined }: PoolStanding, batches: readonly PlannedBatch[]): string | null {
  // What each joined pool may lose is capped by itself, and one host of a small one is as few as can be.
  if (isJoined) return null;
  const widest = Math.max(...batches.map(({ mode, hosts, lanes }) => (mode === 'window' ? lanes : hosts.length)));
  if (widest === 1 || widest * 100 <= BATCH_CAP_PERCENT * hostsTotal) return null;
  return `The widest batch takes ${widest} of ${hostsTotal} hosts, more than ${BATCH_CAP_PERCENT} %.`;
}

function narrowed({ strategy, batchCapPercent }: WarningInput, standing: PoolStanding, batches: readonly PlannedBatch[], layout: Layout | null): string[] {
  const { floor, hostsTotal, isJoined, members } = standing;
  const widths = new Map(layout?.cut.batches.map(({ index, width }) => [index, width]));
  const cap = isJoined ? hostsTotal : batchCap(batchCapPercent ?? BATCH_CAP_PERCENT, hostsTotal);
  const slow = batches.filter(({ index, lanes, hosts }) => lanes < Math.min(strategy.batches.maxParallel, widths.get(index) ?? hosts.length, cap));
  const which = (some: readonly PlannedBatch[]): string => some.map((batch) => batch.index).join(', ');
  const hostsOf = (lanes: number): string => `${lanes} ${lanes === 1 ? 'host' : 'hosts'}`;
  const [first] = slow;
  if (first === undefined) return [];
  // One floor narrows every batch to the same width, so the first speaks for all.
  if (members.length === 0) return [`The floor of ${floor} lets only ${hostsOf(first.lanes)} be out at a time in batch ${which(slow)}.`];
  const whose = `The floors${isJoined ? ' and shares' : ''} of ${members.map(({ pool }) => pool).join(', ')}`;
  return [...Map.groupBy(slow, ({ lanes }) => lanes)].map(([lanes, some]) => `${whose} let only ${hostsOf(lanes)} be out at a time in batch ${which(some)}.`);
}

function listed(hosts: readonly PlanHost[]): string {
  return named(hosts.map(({ name }) => name));
}

function named(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return more > 0 ? `${names.slice(0, NAMES_MAX).join(', ')} and ${more} more` : names.join(', ');
}
