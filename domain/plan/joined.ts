/**
 * Other pools whose capacity counts in the release of one: those that are joined into it, and those that merely share hosts with it.
 * Each keeps its own floor, counted at its own traffic entry. Of a joined pool each also loses no more than its share per batch: the greedy
 * mix takes host after host, and one that a member of it cannot spare any more waits for the next batch.
 */
import type { MemberPool } from '../inventory.ts';
import { batchCap } from './batch-cap.ts';
import { sizeOf } from './batch-sizes.ts';
import { capacityFloor } from './capacity.ts';
import type { Part } from './batch-sizes.ts';
import type { PlannedMember } from './plan.ts';
import type { PlanHost } from './standing.ts';

/** `servingElsewhere`: hosts of it outside the release that are in service. */
export interface PlanMember extends MemberPool {
  readonly servingElsewhere: number;
  /** how hosts of the release stand at the entry of this pool, where that is another one than the release's own; those not named are not to be had there */
  readonly standing?: Readonly<Record<string, MemberHost>>;
}

/** Servers that the balancer of a pool does not know: they count as out of service, and there is nothing to take out. */
export interface UnknownServers {
  readonly pool: string;
  readonly servers: readonly string[];
  /** as a person would look for it */
  readonly entry: string;
}

/** A host at the entry of a pool that counts. */
export type MemberHost = Pick<PlanHost, 'inService' | 'staysOut'>;

/** How one of these pools stands right before the release; lists hold hosts of the release alone, in declared order. */
export interface MemberStanding {
  readonly pool: string;
  /** it is released here and keeps its share; else it merely shares hosts and keeps its floor */
  readonly isJoined: boolean;
  readonly hosts: readonly PlanHost[];
  /** all its hosts, and those of them in service, outside the release too */
  readonly hostsTotal: number;
  readonly inService: number;
  readonly floor: number;
  /** hosts in service above the floor */
  readonly spare: number;
  readonly live: readonly PlanHost[];
  /** out of service, expected in service once released */
  readonly returning: readonly PlanHost[];
  readonly staying: readonly PlanHost[];
  /** the most of its hosts in one batch, and of which percentage that is */
  readonly cap: number;
  /** none of its hosts may be taken out before others of the release are repaired, or at all */
  readonly repairFirst: boolean;
  readonly isStuck: boolean;
}

interface MemberInput {
  readonly hosts: readonly PlanHost[];
  readonly members: readonly PlanMember[];
  /** names of those that are joined */
  readonly joins: readonly string[];
  readonly capPercent: number;
}

/** Only pools with a host that is released to: what is not touched needs no floor. */
export function memberStandings({ hosts, members, joins, capPercent }: MemberInput): MemberStanding[] {
  return members.flatMap((member) => {
    const own = new Set(member.hosts);
    const held = hosts.filter(({ name }) => own.has(name));
    return held.some(isTarget) ? [standingOfMember(member, held, { isJoined: joins.includes(member.name), capPercent })] : [];
  });
}

function standingOfMember(member: PlanMember, hosts: readonly PlanHost[], { isJoined, capPercent }: { readonly isJoined: boolean; readonly capPercent: number }): MemberStanding {
  const hostsTotal = member.hosts.length;
  const floor = capacityFloor(member.minInServicePercent, hostsTotal);
  const here = (host: PlanHost): MemberHost => (member.standing === undefined ? host : (member.standing[host.name] ?? NOT_THERE));
  const live = hosts.filter((host) => here(host).inService);
  const returning = hosts.filter((host) => !here(host).inService && here(host).staysOut !== true);
  const staying = hosts.filter((host) => !here(host).inService && here(host).staysOut === true);
  const inService = live.length + member.servingElsewhere;
  const spare = inService - floor;
  const isBlocked = live.some(isTarget) && spare < 1;
  const isStuck = isBlocked && spare + returning.filter(isTarget).length < 1;
  return { pool: member.name, isJoined, hosts, hostsTotal, inService, floor, spare, live, returning, staying, cap: batchCap(capPercent, hostsTotal), repairFirst: isBlocked && !isStuck, isStuck };
}

/** The balancer does not know its server: no release brings it into service there. */
const NOT_THERE: MemberHost = { inService: false, staysOut: true };

/** Hosts that serve at every moment when each of these pools keeps its floor; pools that share hosts are not added up. */
export function floorTogether(members: readonly { readonly hosts: readonly string[]; readonly floor: number }[]): number {
  const counted = new Set<string>();
  let floor = 0;
  for (const member of members.toSorted((one, other) => other.floor - one.floor)) {
    if (member.hosts.some((host) => counted.has(host))) continue;
    for (const host of member.hosts) counted.add(host);
    floor += member.floor;
  }
  return floor;
}

/** As the plan keeps them. */
export function plannedMembers(members: readonly MemberStanding[]): PlannedMember[] {
  return members.map(({ pool, isJoined, hosts, hostsTotal, inService, floor, cap }) => ({ pool, hosts: hosts.map(({ name }) => name), hostsTotal, inService, floor, ...(isJoined ? { cap } : {}) }));
}

/** What each joined pool loses to a batch, in the order of the pools; those that lose nothing are left out. */
export function lossesOf(members: readonly PlannedMember[], hosts: readonly string[]): { readonly pool: string; readonly hosts: number }[] {
  const batch = new Set(hosts);
  return members.flatMap((member) => {
    const lost = member.hosts.filter((host) => batch.has(host)).length;
    return lost === 0 ? [] : [{ pool: member.pool, hosts: lost }];
  });
}

/** The hosts of a part that a joined pool may lose: its own part of a percentage, at least 1, else the cap. */
export function shareOf({ hostsTotal, cap }: Pick<MemberStanding, 'hostsTotal' | 'cap'>, part: Part): number {
  return part !== 'all' && 'percent' in part ? sizeOf(part, hostsTotal) : cap;
}

interface MixInput {
  readonly part: Part;
  readonly members: readonly MemberStanding[];
  /** hosts of earlier batches */
  readonly placed: readonly PlanHost[];
}

/**
 * The hosts of the next part, in their order, at least the first of those that are left. A percentage is one of each joined pool, a count
 * is one of all together. A host in service is never placed before the hosts whose repair must make room for it.
 */
export function mixedPart(left: readonly PlanHost[], { part, members, placed }: MixInput): PlanHost[] {
  const most = part !== 'all' && 'count' in part ? part.count : Number.POSITIVE_INFINITY;
  const rooms = members.map((member) => roomOf(member, part === 'all' ? Number.POSITIVE_INFINITY : shareOf(member, part), placed));
  const taken: PlanHost[] = [];
  for (const host of left) {
    if (taken.length >= most) break;
    const own = rooms.filter(({ names }) => names.has(host.name));
    if (!own.every((room) => room.share > 0 && (part === 'all' || !room.live.has(host) || room.credit > 0))) continue;
    taken.push(host);
    for (const room of own) {
      room.share -= 1;
      if (room.returning.has(host)) room.credit += 1;
    }
  }
  return taken.length > 0 ? taken : left.slice(0, 1);
}

interface Room {
  readonly names: ReadonlySet<string>;
  readonly live: ReadonlySet<PlanHost>;
  readonly returning: ReadonlySet<PlanHost>;
  /** hosts it may still lose to this part */
  share: number;
  /** above its floor as soon as the hosts before are done; not above 0 = none of its hosts may go yet */
  credit: number;
}

function roomOf(member: MemberStanding, share: number, placed: readonly PlanHost[]): Room {
  const returning = new Set(member.returning);
  const back = placed.filter((host) => returning.has(host)).length;
  return { names: new Set(member.hosts.map(({ name }) => name)), live: new Set(member.live), returning, share: member.isJoined ? share : Number.POSITIVE_INFINITY, credit: member.spare + back };
}

/**
 * Lanes that keep every pool at its floor: as many as it can spare, where the batch takes more of its hosts in service than that. In a
 * window any of its hosts may be in work together, so there no joined pool gets more lanes than its share.
 */
export function memberLanes(hosts: readonly PlanHost[], members: readonly MemberStanding[], { widest, window }: { readonly widest: number; readonly window: Part | null }): number {
  const batch = new Set(hosts.map(({ name }) => name));
  const limits = members.map(({ hosts: held, live, isJoined, spare, hostsTotal, cap }) => {
    const own = held.filter(({ name }) => batch.has(name));
    const bySpare = live.filter(({ name }) => batch.has(name)).length > Math.max(0, spare) ? spare : widest;
    const share = window === null || !isJoined ? widest : Math.min(cap, shareOf({ hostsTotal, cap }, window));
    return Math.min(bySpare, own.length > share ? share : widest);
  });
  return Math.max(1, Math.min(widest, ...limits));
}

/** Of hosts that could be out together, those that floors and caps allow, in their order. */
export function sparedTogether(hosts: readonly PlanHost[], members: readonly MemberStanding[]): PlanHost[] {
  const rooms = members.map(({ hosts: held, live, isJoined, spare, cap }) => ({ names: new Set(held.map(({ name }) => name)), serving: new Set(live.map(({ name }) => name)), live: Math.max(0, spare), all: isJoined ? cap : Number.POSITIVE_INFINITY }));
  return hosts.filter((host) => {
    const own = rooms.filter(({ names }) => names.has(host.name));
    if (!own.every(({ serving, live, all }) => all > 0 && (!serving.has(host.name) || live > 0))) return false;
    for (const room of own) {
      room.all -= 1;
      if (room.serving.has(host.name)) room.live -= 1;
    }
    return true;
  });
}

function isTarget({ skip }: PlanHost): boolean {
  return skip === undefined;
}
