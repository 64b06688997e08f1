/** Why the batches a strategy describes cannot be had in this pool. */
import { BATCH_CAP_PERCENT, batchCap, capNeeded } from './batch-cap.ts';
import type { CutBatch } from './cut.ts';
import type { Layout } from './layout.ts';
import type { PlanRefusal } from './plan.ts';
import type { RefusalInput } from './refusals.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

const NAMED_MAX = 5;

/** Names in the strategy's lists that the pool does not have. */
export function listRefusals({ pool, strategy, hosts }: RefusalInput): PlanRefusal[] {
  const own = new Set(hosts.map(({ name }) => name));
  const strangers = (strategy.batches.hosts ?? []).flat().filter((name) => !own.has(name));
  if (strangers.length === 0) return [];
  return [
    {
      code: 'hosts-not-in-pool',
      message: `Strategy ${strategy.name} lists ${some(strangers)} in batches.hosts; pool ${pool.name} has no such ${strangers.length === 1 ? 'host' : 'hosts'}.`,
      next: 'List hosts of the pool only, or use another strategy for this pool.',
    },
  ];
}

/** Batches that are too large, or in an order that the floor would never let begin. */
export function batchRefusals(input: RefusalInput, standing: PoolStanding, { bastions, cut }: Layout): PlanRefusal[] {
  const above = standing.isJoined ? joinedAboveCap(input, standing, cut.batches) : aboveCap(input, standing, cut.batches);
  return [above, floorOrder(input, standing, bastions, cut.batches)].filter((refusal) => refusal !== null);
}

function aboveCap({ pool, strategy, batchCapPercent }: RefusalInput, { hostsTotal }: PoolStanding, batches: readonly CutBatch[]): PlanRefusal | null {
  const percent = batchCapPercent ?? BATCH_CAP_PERCENT;
  const cap = batchCap(percent, hostsTotal);
  // A window is narrowed to the cap: it holds many hosts, but never has more of them in work.
  const above = batches.filter(({ mode, hosts }) => mode === 'barrier' && hosts.length > cap);
  const [first] = above;
  if (first === undefined) return null;
  const widest = Math.max(...above.map(({ hosts }) => hosts.length));
  const needed = capNeeded(widest, hostsTotal);
  const raise = needed === null ? '' : `, or release with batchCapPercent: ${needed} and a reason`;
  return {
    code: 'batch-above-cap',
    message: `Strategy ${strategy.name} puts ${some(above.map(({ index, hosts }) => `${hosts.length} hosts into batch ${index}`))}; no batch of pool ${pool.name} may take more than ${cap} of its ${hostsTotal} hosts (${percent} %).`,
    next: `Make batches of at most ${cap} ${cap === 1 ? 'host' : 'hosts'}${raise}.`,
  };
}

/** The cap is one of each joined pool: the largest of them would otherwise lend its size to the smallest. */
function joinedAboveCap({ strategy, batchCapPercent }: RefusalInput, { members }: PoolStanding, batches: readonly CutBatch[]): PlanRefusal | null {
  const percent = batchCapPercent ?? BATCH_CAP_PERCENT;
  const above = batches.flatMap(({ index, mode, hosts }) => {
    if (mode === 'window') return [];
    const batch = new Set(hosts);
    return members.flatMap(({ pool, isJoined, hosts: held, hostsTotal, cap }) => {
      const lost = held.filter((host) => batch.has(host)).length;
      return isJoined && lost > cap ? [{ index, pool, lost, hostsTotal, cap }] : [];
    });
  });
  if (above.length === 0) return null;
  const needed = above.map(({ lost, hostsTotal }) => capNeeded(lost, hostsTotal));
  const raise = needed.some((one) => one === null) ? '' : `, or release with batchCapPercent: ${Math.max(...needed.map(Number))} and a reason`;
  return {
    code: 'batch-above-cap',
    message: `Strategy ${strategy.name} takes ${some(above.map(({ index, pool, lost, hostsTotal, cap }) => `${lost} of ${hostsTotal} hosts of pool ${pool} into batch ${index}, which may take ${cap}`))} (${percent} %).`,
    next: `Make smaller batches${raise}.`,
  };
}

/** Whose floor an order of hosts must keep: the pool's own, or that of another pool that counts. */
interface OrderedPool {
  readonly pool: string;
  /** its hosts in service, which may be taken out only while it can spare one */
  readonly live: ReadonlySet<PlanHost>;
  readonly returning: readonly PlanHost[];
  readonly inService: number;
  readonly hostsTotal: number;
  readonly floor: number;
  readonly spare: number;
}

/**
 * Explicit lists are taken as they stand, also where no host can be spared before others are repaired. The release would then wait
 * at the floor for a host that comes back only in a later batch. Every other order is made so that this cannot be.
 */
function floorOrder(input: RefusalInput, standing: PoolStanding, bastions: readonly PlanHost[], batches: readonly CutBatch[]): PlanRefusal | null {
  const { live, returning, hostsTotal, floor, spare, repairFirst, members } = standing;
  const own = { pool: input.pool.name, live: new Set(live), returning, inService: live.length, hostsTotal, floor, spare };
  const lines: OrderedPool[] = [...(repairFirst ? [own] : []), ...members.filter((member) => member.repairFirst).map((member) => ({ ...member, live: new Set(member.live) }))];
  for (const line of lines) {
    const early = takenTooEarly(line, bastions, batches);
    if (early !== null) return tooEarly(input, line, early);
  }
  return null;
}

function takenTooEarly({ live, returning, spare: before }: OrderedPool, bastions: readonly PlanHost[], batches: readonly CutBatch[]): { readonly index: number; readonly host: PlanHost } | null {
  const back = new Set(returning);
  let spare = before + bastions.filter((host) => back.has(host)).length;
  for (const { index, hosts } of batches) {
    for (const host of hosts) {
      if (live.has(host) && spare < 1) return { index, host };
      if (back.has(host)) spare += 1;
    }
  }
  return null;
}

function tooEarly({ strategy }: RefusalInput, { pool, inService, hostsTotal, floor, returning }: OrderedPool, { index, host }: { readonly index: number; readonly host: PlanHost }): PlanRefusal {
  return {
    code: 'floor-order',
    message: `Strategy ${strategy.name} takes ${host.name} out of service in batch ${index}; ${inService} of ${hostsTotal} hosts of pool ${pool} are in service and the floor is ${floor}: others must come back first.`,
    next: `List hosts that are out of service (${some(returning.map(({ name }) => name))}) before it, or lower capacity.minInServicePercent of the pool.`,
  };
}

function some(parts: readonly string[]): string {
  const more = parts.length - NAMED_MAX;
  return more > 0 ? `${parts.slice(0, NAMED_MAX).join(', ')} and ${more} more` : parts.join(', ');
}
