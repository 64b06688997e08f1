/** Planning the way back: which hosts in which order, and which steps on each. Everything starts from what is there, not from what was meant. */
import type { RollbackMode } from './inventory.ts';
import type { PlannedMember } from './plan/plan.ts';
import type { Observation, ObservedApplication, ObservedProcess, ObservedTraffic } from './release/target.ts';
import { isInForce } from './release/target.ts';
import { serversBeside, serversOf } from './traffic-beneath.ts';
import { STEPS } from './vocabulary.ts';
import type { Step } from './vocabulary.ts';

export interface RollbackInput {
  /** hosts any step was begun on, in the order of their begin */
  readonly begun: readonly string[];
  /** hosts of the pool that are out of service now, touched or not */
  readonly outOfService: readonly string[];
  readonly hostsTotal: number;
  readonly floor: number;
  readonly mode: RollbackMode;
  readonly batchPercent: number;
  /** other pools whose floor counts; those with a cap are joined, and each goes back by its own share */
  readonly members?: readonly PlannedMember[];
}

/**
 * The hosts to restore, batch by batch: exactly those that were begun, each once; hosts out of service first, for restoring them
 * costs nobody anything and gives capacity back, then the newest first.
 *
 * `regular` batches hold at most batchPercent of the pool, `emergency` ones as many hosts as the floor can spare in a full pool;
 * in both, a batch never takes more hosts out of service than stand above the floor once the batches before it are restored. Of joined
 * pools all this is said of each; of pools that merely share hosts only the floor. Where nothing stands above a floor the hosts in
 * service go alone, and the check at the drain decides.
 */
export function rollbackBatches(input: RollbackInput): string[][] {
  const out = new Set(input.outOfService);
  const newestFirst = [...new Set(input.begun)].reverse();
  let queue = [...newestFirst.filter((host) => out.has(host)), ...newestFirst.filter((host) => !out.has(host))];
  const limits = limitsOf(input);
  const batches: string[][] = [];
  while (queue.length > 0) {
    const batch = fitting(queue, out, limits);
    const taken = new Set(batch);
    queue = queue.filter((host) => !taken.has(host));
    for (const host of batch) out.delete(host);
    batches.push(batch);
  }
  return batches;
}

/** What one batch may take of one pool. */
interface BackLimit {
  /** null: every host of the release */
  readonly hosts: ReadonlySet<string> | null;
  /** hosts of one batch */
  readonly width: number;
  /** hosts above the floor in a full pool */
  readonly spare: number;
}

/** Joined pools have no limit as a whole. */
function limitsOf({ members = [], hostsTotal, floor, mode, batchPercent }: RollbackInput): BackLimit[] {
  const width = (hosts: number, least: number): number => Math.max(1, mode === 'emergency' ? hosts - least : Math.floor((batchPercent * hosts) / 100));
  const joined = members.some(({ cap }) => cap !== undefined);
  const own: BackLimit[] = joined ? [] : [{ hosts: null, width: width(hostsTotal, floor), spare: hostsTotal - floor }];
  const beside = members.map((member): BackLimit => ({
    hosts: new Set(member.hosts),
    width: member.cap === undefined ? Number.POSITIVE_INFINITY : width(member.hostsTotal, member.floor),
    spare: member.hostsTotal - member.floor,
  }));
  return [...own, ...beside];
}

/** The hosts of the queue that make one batch: each in turn, unless a pool that holds it has no room left; at least the first. */
function fitting(queue: readonly string[], out: ReadonlySet<string>, limits: readonly BackLimit[]): string[] {
  const rooms = limits.map(({ hosts, width, spare }) => ({ hosts, width, live: spare - [...out].filter((host) => hosts?.has(host) ?? true).length }));
  const batch = queue.filter((host) => {
    const own = rooms.filter(({ hosts }) => hosts?.has(host) ?? true);
    if (!own.every(({ width, live }) => width > 0 && (out.has(host) || live > 0))) return false;
    for (const room of own) {
      room.width -= 1;
      if (!out.has(host)) room.live -= 1;
    }
    return true;
  });
  return batch.length > 0 ? batch : queue.slice(0, 1);
}

/**
 * The steps that bring one target back to its pre-image, in order; empty when it stands there already.
 * `begun` is the last forward step that was begun on it, null for none: from `stop` on, another process than the one before is ours.
 *
 * A target that ran nothing before (a first install, or stopped by somebody) is stopped and switched back, never started, verified
 * or admitted: it stays out of traffic. Hosts in traffic, or that the balancer would take in as soon as they answer, are drained first.
 */
export function restoreSteps(preImage: Observation, observed: Observation, begun: Step | null): Step[] {
  const ran = preImage.applications.some(isInForce);
  if (mustReinstall(preImage, observed, begun)) {
    const inTraffic = serversOf(observed).some(({ traffic }) => traffic.inService || traffic.admin === 'ready');
    return [...(inTraffic ? ['drain' as const] : []), 'stop', 'switch', ...(ran ? (['start', 'verify', 'admit'] as const) : [])];
  }
  return ran && !isSamePlace(preImage, observed) ? ['admit'] : [];
}

/** True when the target shows what it showed before: releases, configuration, processes and its place in traffic. */
export function isUntouched(preImage: Observation, observed: Observation): boolean {
  return (
    isSamePlace(preImage, observed) &&
    preImage.applications.every((before) => {
      const now = find(observed, before);
      return now !== undefined && isSameInstall(before, now) && isSameProcess(before.process, now.process) && isInForce(before) === isInForce(now);
    })
  );
}

function mustReinstall(preImage: Observation, observed: Observation, begun: Step | null): boolean {
  const reachedSwitch = begun !== null && STEPS.indexOf(begun) >= STEPS.indexOf('switch');
  const reachedStop = begun !== null && STEPS.indexOf(begun) >= STEPS.indexOf('stop');
  return preImage.applications.some((before) => {
    const now = find(observed, before);
    if (now === undefined || !isSameInstall(before, now)) return true;
    const gone = isInForce(before) && !isInForce(now);
    // Whether a server of the host has read the files anew cannot be seen: what was begun is done again.
    return gone || (reachedSwitch && before.serves !== undefined) || (reachedStop && !isSameProcess(before.process, now.process));
  });
}

function find(observed: Observation, before: ObservedApplication): ObservedApplication | undefined {
  return observed.applications.find((now) => now.application === before.application);
}

function isSameInstall(before: ObservedApplication, now: ObservedApplication): boolean {
  return before.digest === now.digest && before.config === now.config;
}

function isSameProcess(before: ObservedProcess | null, now: ObservedProcess | null): boolean {
  if (before === null || now === null) return before === now;
  return before.pid === now.pid && before.startTicks === now.startTicks && before.bootId === now.bootId;
}

/** At every entry behind which it stood. */
function isSamePlace(preImage: Observation, observed: Observation): boolean {
  return serversBeside(preImage, observed).every(({ before, now }) => isSameTraffic(before.traffic, now.traffic));
}

/** The balancer's own verdict and its connections move by themselves; only the wish, the weight and a lost place in traffic count. */
function isSameTraffic(before: ObservedTraffic, now: ObservedTraffic): boolean {
  return before.admin === now.admin && before.weight === now.weight && (now.inService || !before.inService);
}
