/**
 * What a balancer's process can know of a wish. It is read from two ages, so that it does not matter which worker looks, or since when:
 * the process's own and the wish's. For a moment around a reload the old process still takes writes, so wishes of that moment count as
 * untold too.
 */
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Traffic } from '../drivers/traffic/port.ts';

/** how long after its start another process may have taken the writes meant for it */
const OVERLAP_MS = 5000;
/** uptimes are whole seconds, rounded down */
const UPTIME_STEP_MS = 1000;

export interface MemoryLook {
  /** of the servers asked, in their order */
  readonly states: readonly ObservedTraffic[];
  /** whether the process that answers may never have been told a wish of this age */
  readonly isUntold: (wishAgeMs: number) => boolean;
  /** the process is old enough to be alone: what it shows is its own word */
  readonly hasSettled: boolean;
}

/** Null where the driver has no process of its own: nothing is ever forgotten there. Throws what the driver throws. */
export async function lookWithMemory(traffic: Traffic, servers: readonly string[], signal: AbortSignal): Promise<MemoryLook | null> {
  const before = await traffic.identity(signal);
  if (before === null) return null;
  const states = await traffic.observe(servers, signal);
  const after = await traffic.identity(signal);
  // Two processes answer in turns: what was seen may be the word of either, so nothing is concluded from it.
  const isOne = after?.pid === before.pid;
  const ageMs = before.uptimeSeconds * 1000;
  return { states, isUntold: (wishAgeMs) => !isOne || wishAgeMs > ageMs - OVERLAP_MS, hasSettled: isOne && ageMs > OVERLAP_MS + UPTIME_STEP_MS };
}
