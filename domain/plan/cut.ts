/** Segments of hosts → batches, each with the override that counts for it. Bakes, pauses and lanes come later (settle.ts). */
import type { BatchMode, BatchOverride, BatchPolicy } from '../inventory.ts';
import { sizeOf } from './batch-sizes.ts';
import { mixedPart } from './joined.ts';
import type { Part } from './batch-sizes.ts';
import type { MemberStanding } from './joined.ts';
import type { Segment } from './segments.ts';
import type { PlanHost } from './standing.ts';

export interface CutBatch {
  readonly index: number;
  readonly hosts: readonly PlanHost[];
  readonly mode: BatchMode;
  /** hosts of the first part: all of a barrier batch, the width of a window */
  readonly width: number;
  /** what the first part was said to be */
  readonly part: Part;
  readonly zone: string | null;
  readonly override: BatchOverride | null;
}

export interface Cut {
  readonly batches: readonly CutBatch[];
  /** overrides whose part went into the window before it, so that nothing but their mode and size counted */
  readonly joined: readonly BatchOverride[];
  /** overrides for batches that do not exist */
  readonly unused: readonly BatchOverride[];
}

interface CutInput {
  readonly policy: Pick<BatchPolicy, 'mode' | 'each' | 'percent'>;
  readonly segments: readonly Segment[];
  readonly hostsTotal: number;
  readonly bastions: readonly PlanHost[];
  /** pools that are released as one, whose hosts are mixed; null: the parts are taken as they come */
  readonly mix: readonly MemberStanding[] | null;
}

type Growing = Omit<CutBatch, 'hosts'> & { readonly hosts: PlanHost[] };

/**
 * Takes part after part. A window part goes into the window before it, so a window ends where its zone does or where a barrier batch
 * begins. An override counts for the batch that has its index in the plan. One that makes a window of a part that then goes into the
 * window before it has done its work: the batch that gets the index afterwards is another one.
 */
export function cutBatches({ policy, segments, hostsTotal, bastions, mix }: CutInput): Cut {
  const first = bastions.length > 0 ? 1 : 0;
  const placed = [...bastions];
  const overrides = new Map((policy.each ?? []).map((override) => [override.index, override]));
  const batches: Growing[] = [];
  const joined: BatchOverride[] = [];
  for (const { zone, hosts, parts } of segments) {
    let left = hosts;
    for (let position = 0; left.length > 0; ) {
      const index = first + batches.length;
      const own = overrides.get(index);
      const mode = own?.mode ?? policy.mode;
      const window = mode === 'window' ? openWindow(batches, zone) : null;
      // Where everything is a window, the parts behind the first are no batches, and an override for the next index is not meant for them.
      const override = window !== null && policy.mode === 'window' ? undefined : own;
      const said = partOf(override);
      const part = said ?? parts(position);
      const taken = mix === null ? left.slice(0, sizeOf(part, hostsTotal)) : mixedPart(left, { part, members: mix, placed });
      // A set for each of hundreds of batches is felt in a large pool; only a mix takes hosts from the middle.
      left = mix === null ? left.slice(taken.length) : without(left, taken);
      placed.push(...taken);
      // Other sizes take the place of one of several parts; a single percentage goes on repeating behind them.
      if (said === null || policy.percent.length !== 1) position += 1;
      if (window === null) batches.push({ index, hosts: [...taken], mode, width: taken.length, part, zone, override: own ?? null });
      else window.hosts.push(...taken);
      if (window !== null && override !== undefined) {
        joined.push(override);
        overrides.delete(index);
      }
    }
  }
  const last = first + batches.length;
  return { batches, joined, unused: [...overrides.values()].filter(({ index }) => index >= last) };
}

function openWindow(batches: readonly Growing[], zone: string | null): Growing | null {
  const last = batches.at(-1);
  return last?.mode === 'window' && last.zone === zone ? last : null;
}

function partOf(override: BatchOverride | undefined): Part | null {
  if (override?.count !== undefined) return { count: override.count };
  return override?.percent === undefined ? null : { percent: override.percent };
}

function without(hosts: readonly PlanHost[], taken: readonly PlanHost[]): readonly PlanHost[] {
  const gone = new Set(taken);
  return hosts.filter((host) => !gone.has(host));
}
