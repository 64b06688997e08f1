/** The shape of a plan: computed once, stored as an event, never recomputed. makePlan (make-plan.ts) is the only maker. */

import type { BatchMode, Verification } from '../inventory.ts';
import type { IrreversibleMark } from '../irreversible.ts';

export interface Plan {
  readonly batches: readonly PlannedBatch[];
  readonly capacity: CapacityLine;
  /** applications in the order in which they are switched on each target, with the version and digest each goes to */
  readonly changes: readonly PlannedChange[];
  readonly rollback: { readonly batchPercent: number };
  /** the most hosts a batch of this plan may hold and the most lanes a window may have, and of which percentage of the pool that is; absent: nobody counted */
  readonly batchCap?: { readonly percent: number; readonly hosts: number };
  /** only in the plan of a `rollback` release: the hosts whose pre-images are restored, in the order they were begun */
  readonly restore?: readonly string[];
  /** hosts of the pool that are passed untouched, in declared order; absent: none. They are in no batch, but count for floor and percentages */
  readonly skipped?: readonly SkippedHost[];
  /** at the end the hosts of this release are compared with those its pool has by then; absent in plans of earlier builds, which end without that look */
  readonly comparesPool?: true;
  /** hosts out of service that must come back before any that serves is taken out, for the pool's own floor or for another one's; absent: the order of the batches does not hang on it */
  readonly repairs?: readonly string[];
  /** other pools whose floor counts, those that are joined and those that merely share hosts; absent: none */
  readonly members?: readonly PlannedMember[];
  /** steps and hooks that no rollback undoes, in the order a target comes by them; absent: none */
  readonly irreversible?: readonly IrreversibleMark[];
  /** things an operator should read before starting, one sentence each */
  readonly warnings: readonly string[];
}

/** A pool whose capacity counts in the release of another one. */
export interface PlannedMember {
  readonly pool: string;
  /** hosts of this release that it holds, in its own order */
  readonly hosts: readonly string[];
  /** all its hosts, those outside this release too: what its percentages are of */
  readonly hostsTotal: number;
  readonly inService: number;
  readonly floor: number;
  /** the most hosts it loses in one batch; absent: it merely shares hosts, and only its floor counts */
  readonly cap?: number;
}

/** `why` reads after the host's name: "web-01 runs web 2.0.0 already". */
export interface SkippedHost {
  readonly host: string;
  readonly why: string;
}

/** `index` 0 is the bastion when the strategy has one. */
export interface PlannedBatch {
  readonly index: number;
  readonly kind: 'bastion' | 'batch';
  readonly hosts: readonly string[];
  /** targets in work at the same time; never so many that the floor could be touched */
  readonly lanes: number;
  readonly bakeSeconds: number;
  /** waits for `promote` before the next batch */
  readonly manual: boolean;
  /** absent: `barrier`. A window's hosts follow one another without a barrier between them; `lanes` is its width */
  readonly mode?: BatchMode;
  /** rest after the bake, before the next batch; absent: 0 */
  readonly pauseSeconds?: number;
  /** absent: `required` */
  readonly verification?: Verification;
  /** failed targets allowed in this batch; absent: as the strategy's `tolerance.perBatch` */
  readonly tolerance?: number;
  /** only where the strategy goes zone by zone */
  readonly zone?: string;
}

/** Floor = min(ceil(minInServicePercent × hosts / 100), hosts − 1); hosts = the whole pool. Of joined pools: what their own floors make together. */
export interface CapacityLine {
  readonly hosts: number;
  readonly inService: number;
  readonly floor: number;
  /** a pool of one with `allowOutage`: it bakes in traffic */
  readonly outageAllowed: boolean;
}

export interface PlannedChange {
  readonly application: string;
  readonly version: string;
  readonly sha256: string;
}

/** What planning knows of a host: its place and whether it was seen in service just now. */
export interface PlannedHost {
  readonly name: string;
  readonly zone: string;
  readonly inService: boolean;
}

/** `contradiction`: the strategy itself; `floor-order`: its lists take hosts in service before those whose repair must make room. */
export type RefusalCode =
  | 'empty-pool'
  | 'capacity-floor'
  | 'outage-not-allowed'
  | 'contradiction'
  | 'percentages'
  | 'bastion-not-in-pool'
  | 'bastion-too-large'
  | 'hosts-not-in-pool'
  | 'batch-above-cap'
  | 'batch-cap-not-allowed'
  | 'floor-order';

/** A plan that cannot be made, each complaint a sentence with what to do. */
export interface PlanRefusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly next: string;
}
