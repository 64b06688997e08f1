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
  return [aboveCap(input, standing, cut.batches), floorOrder(input, standing, bastions, cut.batches)].filter((refusal) => refusal !== null);
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

/**
 * Explicit lists are taken as they stand, also where no host can be spared before others are repaired. The release would then wait
 * at the floor for a host that comes back only in a later batch. Every other order is made so that this cannot be.
 */
function floorOrder({ pool, strategy }: RefusalInput, standing: PoolStanding, bastions: readonly PlanHost[], batches: readonly CutBatch[]): PlanRefusal | null {
  if (!standing.repairFirst) return null;
  const back = new Set(standing.returning);
  let spare = standing.spare + bastions.filter((host) => back.has(host)).length;
  for (const { index, hosts } of batches) {
    for (const host of hosts) {
      if (host.inService && spare < 1) return tooEarly(index, host);
      if (back.has(host)) spare += 1;
    }
  }
  return null;

  function tooEarly(index: number, host: PlanHost): PlanRefusal {
    const { live, hostsTotal, floor, returning } = standing;
    return {
      code: 'floor-order',
      message: `Strategy ${strategy.name} takes ${host.name} out of service in batch ${index}; ${live.length} of ${hostsTotal} hosts of pool ${pool.name} are in service and the floor is ${floor}: others must come back first.`,
      next: `List hosts that are out of service (${some(returning.map(({ name }) => name))}) before it, or lower capacity.minInServicePercent of the pool.`,
    };
  }
}

function some(parts: readonly string[]): string {
  const more = parts.length - NAMED_MAX;
  return more > 0 ? `${parts.slice(0, NAMED_MAX).join(', ')} and ${more} more` : parts.join(', ');
}
