/** How a pool stands right before its release: who serves, who could, how much the floor leaves. */
import { capacityFloor } from './capacity.ts';
import type { Variables } from '../inventory.ts';
import type { PlannedHost } from './plan.ts';

/** `staysOut`: out of service by somebody else's wish, which the release will not overrule; so installing it gives no capacity back. */
export interface PlanHost extends PlannedHost {
  readonly staysOut?: boolean;
  /** a strategy may choose its bastion by them; absent: none */
  readonly labels?: Variables;
  /** why the host is passed untouched; absent: it is released to */
  readonly skip?: string;
}

/** The hosts a release is for; the others only count. */
export function targetsOf<H extends PlanHost>(hosts: readonly H[]): H[] {
  return hosts.filter(({ skip }) => skip === undefined);
}

/** Lists are in declared order. */
export interface PoolStanding {
  readonly hostsTotal: number;
  readonly floor: number;
  readonly live: readonly PlanHost[];
  /** out of service, expected in service once released */
  readonly returning: readonly PlanHost[];
  /** out of service, and staying so */
  readonly staying: readonly PlanHost[];
  /** hosts in service above the floor; not above 0 = none may be taken out yet */
  readonly spare: number;
  /** hosts serve, none may be taken out, but repairing those out of service first makes room */
  readonly repairFirst: boolean;
  /** hosts serve, none may be taken out, and nothing the release does would change that */
  readonly stuck: boolean;
}

/** A pool in which nobody serves is never stuck: hosts that are out may always be touched. */
export function standingOf(hosts: readonly PlanHost[], minInServicePercent: number): PoolStanding {
  const floor = capacityFloor(minInServicePercent, hosts.length);
  const live = hosts.filter((host) => host.inService);
  const returning = hosts.filter((host) => !host.inService && host.staysOut !== true);
  const staying = hosts.filter((host) => !host.inService && host.staysOut === true);
  const spare = live.length - floor;
  const blocked = targetsOf(live).length > 0 && spare < 1;
  const stuck = blocked && spare + targetsOf(returning).length < 1;
  return { hostsTotal: hosts.length, floor, live, returning, staying, spare, repairFirst: blocked && !stuck, stuck };
}
