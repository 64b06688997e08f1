/** What an operator should read before starting: one sentence each, in the order of their weight. */
import type { StrategySpec } from '../inventory.ts';
import type { PlannedBatch } from './plan.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

interface WarningInput {
  readonly strategy: StrategySpec;
  readonly firstRelease?: boolean;
  readonly isProven?: boolean;
}

/** More of a pool than this in one batch is worth a second look, even where the floor allows it. */
const BATCH_PERCENT_MAX = 33;
const NAMES_MAX = 5;

/** Empty for an ordinary release of a healthy pool. */
export function warningsOf(input: WarningInput, standing: PoolStanding, batches: readonly PlannedBatch[]): string[] {
  const all = [
    outage(standing),
    first(input),
    nobodyServes(input, standing),
    outOfService(standing),
    repairFirst(standing),
    staysOut(standing),
    noBastion(input, standing),
    wideBatch(standing, batches),
    narrowed(input, standing, batches),
  ];
  return all.filter((warning) => warning !== null);
}

function outage({ hostsTotal }: PoolStanding): string | null {
  return hostsTotal === 1 ? 'The pool has one host: users are not served while it is released.' : null;
}

function first({ firstRelease }: WarningInput): string | null {
  return firstRelease === true ? 'Nothing was released to this pool before: a rollback stops the applications and leaves the hosts out of traffic.' : null;
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

function staysOut({ staying }: PoolStanding): string | null {
  return staying.length > 0 ? `Released but left out of traffic, as somebody put them: ${listed(staying)}.` : null;
}

function noBastion({ strategy, isProven }: WarningInput, { hostsTotal }: PoolStanding): string | null {
  return strategy.bastion.count === 0 && hostsTotal > 1 && isProven !== true ? 'The strategy has no bastion: the first batch takes an unproven build into traffic.' : null;
}

function wideBatch({ hostsTotal }: PoolStanding, batches: readonly PlannedBatch[]): string | null {
  const widest = Math.max(...batches.map((batch) => batch.hosts.length));
  if (widest === 1 || widest * 100 <= BATCH_PERCENT_MAX * hostsTotal) return null;
  return `The widest batch takes ${widest} of ${hostsTotal} hosts, more than ${BATCH_PERCENT_MAX} %.`;
}

function narrowed({ strategy }: WarningInput, { floor }: PoolStanding, batches: readonly PlannedBatch[]): string | null {
  const slow = batches.filter((batch) => batch.lanes < Math.min(strategy.batches.maxParallel, batch.hosts.length));
  const [first] = slow;
  if (first === undefined) return null;
  const which = slow.map((batch) => batch.index).join(', ');
  // The floor narrows every batch to the same width, so the first speaks for all.
  const { lanes } = first;
  return `The floor of ${floor} lets only ${lanes} ${lanes === 1 ? 'host' : 'hosts'} be out at a time in batch ${which}.`;
}

function listed(hosts: readonly PlanHost[]): string {
  const names = hosts.slice(0, NAMES_MAX).map((host) => host.name);
  const more = hosts.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
