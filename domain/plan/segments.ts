/** The hosts behind the bastion, in their order, as the stretches that are cut into batches one after the other. */
import type { BatchPolicy } from '../inventory.ts';
import { LEFTOVERS, partPattern } from './batch-sizes.ts';
import { inOrder } from './host-order.ts';
import type { PartPattern } from './batch-sizes.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

/** No part reaches over the end of a segment, and the pattern of sizes begins anew in each; only a window goes on, from one list to the next. Never empty. */
export interface Segment {
  /** only where the strategy goes zone by zone */
  readonly zone: string | null;
  readonly hosts: readonly PlanHost[];
  readonly parts: PartPattern;
}

interface SegmentsInput {
  readonly batches: BatchPolicy;
  /** the hosts to release to, in declared order, and which of them are the bastion */
  readonly hosts: readonly PlanHost[];
  readonly bastions: readonly PlanHost[];
  readonly standing: PoolStanding;
}

export function segmentsOf(input: SegmentsInput): Segment[] {
  const { batches, hosts, bastions, standing } = input;
  const taken = new Set(bastions.map(({ name }) => name));
  const rest = hosts.filter(({ name }) => !taken.has(name));
  if ((batches.hosts ?? []).length > 0) return listed(input, rest);
  const parts = partPattern(batches);
  if (batches.by === 'spread') return [{ zone: null, hosts: repairedFirst(rest, standing, (some) => inOrder(batches.order, some)), parts }].filter(isNotEmpty);
  const zones = [...new Set(hosts.map(({ zone }) => zone))];
  const zoneByZone = (some: readonly PlanHost[]): readonly PlanHost[] => {
    const byZone = Map.groupBy(some, ({ zone }) => zone);
    return zones.flatMap((zone) => inOrder(batches.order, byZone.get(zone) ?? []));
  };
  return stretches(repairedFirst(rest, standing, zoneByZone)).map((stretch) => ({ zone: stretch[0]?.zone ?? null, hosts: stretch, parts }));
}

/** Each list a batch of its own, without the hosts that are the bastion already; what no list names follows in parts of 25 %. */
function listed({ batches }: SegmentsInput, rest: readonly PlanHost[]): Segment[] {
  const left = new Map(rest.map((host) => [host.name, host]));
  const lists = (batches.hosts ?? []).map((names) => names.flatMap((name) => take(left, name)));
  const segments = lists.map((list): Segment => ({ zone: null, hosts: list, parts: () => 'all' }));
  return [...segments, { zone: null, hosts: inOrder('interleave', [...left.values()]), parts: LEFTOVERS }].filter(isNotEmpty);
}

function take(left: Map<string, PlanHost>, name: string): readonly PlanHost[] {
  const host = left.get(name);
  left.delete(name);
  return host === undefined ? [] : [host];
}

/** Where no host can be spared, those that come back go before any that serves, and the floor is respected by the order itself. */
function repairedFirst(rest: readonly PlanHost[], { repairs }: PoolStanding, order: (some: readonly PlanHost[]) => readonly PlanHost[]): readonly PlanHost[] {
  if (repairs.length === 0) return order(rest);
  const back = new Set(repairs);
  return [...order(rest.filter((host) => back.has(host))), ...order(rest.filter((host) => !back.has(host)))];
}

/** Neighbours of one zone together. A zone comes twice only where hosts of several zones have to be repaired first. */
function stretches(hosts: readonly PlanHost[]): PlanHost[][] {
  const all: PlanHost[][] = [];
  for (const host of hosts) {
    const last = all.at(-1);
    if (last?.[0]?.zone === host.zone) last.push(host);
    else all.push([host]);
  }
  return all;
}

function isNotEmpty({ hosts }: Segment): boolean {
  return hosts.length > 0;
}
