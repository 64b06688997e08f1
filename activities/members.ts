/** Who serves of the other pools whose floor counts, outside the release itself. */
import { serverName } from '../domain/server-name.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { PlanMember } from '../domain/plan/joined.ts';

const TIMEOUT_MS = 10_000;

/** One look at the entry, and none where every host of these pools is released to as well. Throws what the balancer's driver throws. */
export async function membersNow(deps: ActivityDeps, { pool, hosts, members = [] }: Inventory): Promise<readonly PlanMember[]> {
  const own = new Set(hosts.map(({ name }) => name));
  const elsewhere = [...new Set(members.flatMap((member) => member.hosts.filter((host) => !own.has(host))))];
  const states = elsewhere.length === 0 ? [] : await deps.trafficFor(pool.traffic).observe(elsewhere.map((host) => serverName(pool.traffic, host)), AbortSignal.timeout(TIMEOUT_MS));
  const serving = new Set(elsewhere.filter((_, index) => states[index]?.inService === true));
  return members.map((member) => ({ ...member, servingElsewhere: member.hosts.filter((host) => serving.has(host)).length }));
}
