/** The parts of a fleet check: which hosts there are, a look at some of them, and the end. */
import { beginFleetCheck, finishFleetCheck, hostRanges, hostsInRange } from '../db/fleet-checks.ts';
import { tellLooks } from '../db/findings.ts';
import { forgetGoneHosts } from '../db/liveness.ts';
import { existingHosts } from '../db/host-watch.ts';
import { FLAPPING } from '../domain/keep-alive.ts';
import { HOST_KINDS } from '../domain/watchdog/hosts.ts';
import { VITAL_KINDS } from '../domain/watchdog/vitals.ts';
import { alive } from './heartbeat.ts';
import { lookAtHosts } from './look-at-hosts.ts';
import type { FleetCheckCounts, HostRange } from '../db/fleet-checks.ts';
import type { ActivityDeps } from './deps.ts';

export interface FleetChunks {
  readonly ranges: readonly HostRange[];
  readonly more: boolean;
}

/** So many hosts in one activity, asked so many at a time. */
const HOSTS_PER_CHUNK = 50;
const LANES = 16;
const TIMEOUT_MS = 10_000;
const TRIES = 2;

/** The next chunks behind `after`; said to have begun with the first. */
export async function planFleetCheck({ db }: ActivityDeps, { check, after, chunks }: { readonly check: string; readonly after: string; readonly chunks: number }): Promise<FleetChunks> {
  if (after === '') await beginFleetCheck(db, check);
  return hostRanges(db, { after, size: HOSTS_PER_CHUNK, count: chunks });
}

/** Repeated it looks again, which harms nothing. */
export function checkHosts(deps: ActivityDeps, { range }: { readonly range: HostRange }): Promise<FleetCheckCounts> {
  return alive(async (signal) => {
    const hosts = await hostsInRange(deps.db, range);
    const looked = await lookAtHosts(deps, hosts, { lanes: LANES, timeoutMs: TIMEOUT_MS, tries: TRIES, withVitals: true, signal });
    return { hosts: hosts.length, dead: looked.filter(({ probe }) => !probe.answered).length, unjudged: hosts.length - looked.length };
  });
}

/** Hosts that left the inventory take their findings along. */
export async function finishCheck({ db }: ActivityDeps, { check, counts }: { readonly check: string; readonly counts: FleetCheckCounts }): Promise<void> {
  const hosts = await existingHosts(db);
  await forgetGoneHosts(db);
  await tellLooks(db, [{ kinds: [...VITAL_KINDS, ...HOST_KINDS, FLAPPING], found: [], isUnjudged: (id) => hosts.has(id.split('/')[1] ?? '') }]);
  await finishFleetCheck(db, check, counts);
}
