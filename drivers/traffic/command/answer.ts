/** What a script says of servers, believed only where it can be so. Pure. */
import type { ObservedTraffic } from '../../../domain/release/target.ts';
import type { BalancerIdentity } from '../port.ts';

const ADMIN: readonly unknown[] = ['ready', 'drain', 'maint'];
const OPERATIONAL: readonly unknown[] = ['up', 'down', 'unknown'];
const NUMBER_MAX = 1_000_000_000;

export type StateAnswer = { readonly servers: ReadonlyMap<string, ObservedTraffic>; readonly balancer: BalancerIdentity | null } | { readonly wrong: string };

/** `{"servers": {NAME: {admin, operational?, weight?, connections}}, "balancer"?: {pid, uptimeSeconds}}`; `wrong` says what is not so. */
export function readState(answer: Readonly<Record<string, unknown>>): StateAnswer {
  const { servers, balancer } = answer;
  if (!isRecord(servers)) return { wrong: 'no object `servers`' };
  const read = new Map<string, ObservedTraffic>();
  for (const [name, value] of Object.entries(servers)) {
    const server = isRecord(value) ? readServer(value) : null;
    if (server === null) return { wrong: `of ${name} ${JSON.stringify(value).slice(0, 200)}, which is no state` };
    read.set(name, server);
  }
  if (balancer === undefined || balancer === null) return { servers: read, balancer: null };
  if (!isRecord(balancer) || !isCount(balancer['pid']) || !isCount(balancer['uptimeSeconds'])) return { wrong: 'a `balancer` without the numbers pid and uptimeSeconds' };
  return { servers: read, balancer: { pid: balancer['pid'], uptimeSeconds: balancer['uptimeSeconds'] } };
}

function readServer({ admin, operational = 'unknown', weight = null, connections }: Readonly<Record<string, unknown>>): ObservedTraffic | null {
  if (!isAdmin(admin) || !isOperational(operational) || !isCount(connections) || !(weight === null || isCount(weight))) return null;
  return { admin, operational, weight, connections, inService: admin === 'ready' && operational !== 'down' && weight !== 0 };
}

function isAdmin(value: unknown): value is 'ready' | 'drain' | 'maint' {
  return ADMIN.includes(value);
}

function isOperational(value: unknown): value is ObservedTraffic['operational'] {
  return OPERATIONAL.includes(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
