/** How a pool stands right before its release: who serves, who could, how much the floor leaves. */
import { BATCH_CAP_PERCENT } from './batch-cap.ts';
import { capacityFloor } from './capacity.ts';
import { floorTogether, memberStandings } from './joined.ts';
import type { MemberStanding, PlanMember } from './joined.ts';
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
  /** of joined pools what their own floors make together: it is told, and theirs are kept */
  readonly floor: number;
  readonly live: readonly PlanHost[];
  /** out of service, expected in service once released */
  readonly returning: readonly PlanHost[];
  /** out of service, and staying so */
  readonly staying: readonly PlanHost[];
  /** hosts in service above the floor; not above 0 = none may be taken out yet. Joined pools have no such limit as a whole */
  readonly spare: number;
  /** hosts serve, none may be taken out, but repairing those out of service first makes room */
  readonly repairFirst: boolean;
  /** hosts serve, none may be taken out, and nothing the release does would change that */
  readonly stuck: boolean;
  /** the hosts that must come back before others go, for the pool's own floor or for that of another pool that counts */
  readonly repairs: readonly PlanHost[];
  readonly isJoined: boolean;
  /** other pools whose floor counts, as far as they hold hosts that are released to */
  readonly members: readonly MemberStanding[];
}

/** Other pools that count: all that are known, and the names of those that are joined. */
export interface CountedBeside {
  readonly members?: readonly PlanMember[];
  readonly joins?: readonly string[];
  readonly capPercent?: number;
}

/** A pool in which nobody serves is never stuck: hosts that are out may always be touched. */
export function standingOf(hosts: readonly PlanHost[], minInServicePercent: number, { members = [], joins = [], capPercent = BATCH_CAP_PERCENT }: CountedBeside = {}): PoolStanding {
  const beside = memberStandings({ hosts, members, joins, capPercent });
  const isJoined = joins.length > 0;
  const floor = isJoined ? floorTogether(joinedFloors(members, joins)) : capacityFloor(minInServicePercent, hosts.length);
  const live = hosts.filter((host) => host.inService);
  const returning = hosts.filter((host) => !host.inService && host.staysOut !== true);
  const staying = hosts.filter((host) => !host.inService && host.staysOut === true);
  const spare = isJoined ? hosts.length : live.length - floor;
  const blocked = targetsOf(live).length > 0 && spare < 1;
  const stuck = blocked && spare + targetsOf(returning).length < 1;
  const repairFirst = blocked && !stuck;
  const repairing = new Set(beside.flatMap((member) => (member.repairFirst ? member.returning : [])));
  for (const host of repairFirst ? returning : []) repairing.add(host);
  const repairs = hosts.filter((host) => repairing.has(host));
  return { hostsTotal: hosts.length, floor, live, returning, staying, spare, repairFirst, stuck, repairs, isJoined, members: beside };
}

function joinedFloors(members: readonly PlanMember[], joins: readonly string[]): { readonly hosts: readonly string[]; readonly floor: number }[] {
  return members.filter(({ name }) => joins.includes(name)).map(({ hosts, minInServicePercent }) => ({ hosts, floor: capacityFloor(minInServicePercent, hosts.length) }));
}
