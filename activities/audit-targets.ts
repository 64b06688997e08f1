/** After the watch: is every target what the log says it is, in version and in traffic. Then old releases are cleared from the hosts. */
import { appendTargetEvent } from '../db/events.ts';
import { rollbackDigests } from '../db/queries.ts';
import { serversBeside } from '../domain/traffic-beneath.ts';
import { isInForce } from '../domain/release/target.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { applicationsOf, hostOf, packageOf } from './facts.ts';
import { asTemporal, verdictOn } from './failures.ts';
import { alive, inLanes } from './heartbeat.ts';
import { observe, onHost } from './host-call.ts';
import { observeTrafficOf } from './seen-traffic.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';
import type { SeenTraffic } from './seen-traffic.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { AuditMismatch } from '../domain/release/events.ts';
import type { Observation } from '../domain/release/target.ts';

export interface AuditInput {
  readonly release: string;
  readonly epoch: number;
  readonly hosts: readonly string[];
}

const LANES = 10;
const TIMEOUT_MS = 30_000;
/** Kept on each host beside the current release and every rollback target. */
const KEPT = 5;

export function auditTargets(deps: ActivityDeps, { release, epoch, hosts }: AuditInput): Promise<{ readonly mismatches: readonly AuditMismatch[] }> {
  return alive(async (signal) => {
    try {
      const inventory = await deps.facts.inventory(release);
      const [protects, traffic] = await Promise.all([protectedDigests(deps, inventory, hosts), observeTrafficOf(deps, inventory, hosts, signal)]);
      const audited = await inLanes(hosts, LANES, async (host) => {
        const acting: Acting = { release, host: hostOf(inventory, host), epoch, direction: 'forward', round: 0, timeoutMs: TIMEOUT_MS, signal };
        return audit(deps, inventory, acting, { protects, traffic: traffic.get(host) });
      });
      return { mismatches: audited.flat() };
    } catch (error) {
      throw asTemporal(error);
    }
  });
}

/** application → host → digests that clearing must leave there */
type Protects = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

async function protectedDigests(deps: ActivityDeps, inventory: Inventory, hosts: readonly string[]): Promise<Protects> {
  const each = applicationsOf(inventory).map(async ({ name }) => [name, await rollbackDigests(deps.db, { hosts, application: name })] as const);
  return new Map(await Promise.all(each));
}

interface Known {
  readonly protects: Protects;
  readonly traffic: SeenTraffic | undefined;
}

async function audit(deps: ActivityDeps, inventory: Inventory, acting: Acting, { protects, traffic }: Known): Promise<readonly AuditMismatch[]> {
  const host = acting.host.name;
  try {
    const { observation } = await observe(deps, inventory, acting, { verb: 'observe', traffic });
    const mismatches = await differences(deps, inventory, acting, observation);
    if (mismatches.length === 0) await clean(deps, inventory, acting, { protects, observation });
    return mismatches;
  } catch (error) {
    const failure = verdictOn(error, host);
    if (failure === null) throw error;
    return [{ host, expected: 'a host that answers', observed: failure.message }];
  }
}

async function differences(deps: ActivityDeps, inventory: Inventory, acting: Acting, observation: Observation): Promise<readonly AuditMismatch[]> {
  const host = acting.host.name;
  const found: AuditMismatch[] = [];
  for (const { name } of applicationsOf(inventory)) {
    const spec = packageOf(inventory, name);
    const seen = observation.applications.find(({ application }) => application === name);
    if (spec === undefined || seen === undefined) continue;
    if (seen.digest !== spec.sha256) found.push({ host, expected: `${name} ${spec.version} (${spec.sha256.slice(0, 12)})`, observed: `${seen.version ?? 'nothing'} (${seen.digest?.slice(0, 12) ?? 'no release'})` });
    else if (!isInForce(seen)) found.push({ host, expected: `${name} running`, observed: 'no process' });
  }
  for (const { pool, before, now } of serversBeside(await deps.facts.preImage(acting.release, host), observation)) {
    // What a flag took out, or is about to bring in, is not the release's to answer for.
    if (before.traffic.admin !== 'ready' || now.traffic.admin === 'ready' || now.flags !== undefined) continue;
    found.push({ host, expected: 'in service', observed: `${now.traffic.admin} at the balancer${pool === null ? '' : ` of pool ${pool}`}` });
  }
  return found;
}

/** Clearing is housekeeping: a host that cannot be cleared now is cleared by its next release. */
async function clean(deps: ActivityDeps, inventory: Inventory, acting: Acting, { protects, observation }: { readonly protects: Protects; readonly observation: Observation }): Promise<void> {
  const kept: Record<string, readonly string[]> = {};
  for (const { name } of applicationsOf(inventory)) {
    const protect = protects.get(name)?.get(acting.host.name) ?? [];
    const result = await onHost(deps, acting, 'clean', { application: name, step: 'clean' }, { keep: String(KEPT), protect: protect.join(',') }).catch(() => null);
    const before = observation.applications.find(({ application }) => application === name)?.kept;
    const removed: readonly unknown[] = Array.isArray(result?.['removed']) ? result['removed'] : [];
    if (before !== undefined && removed.length > 0) kept[name] = before.filter((digest) => !removed.includes(digest));
  }
  if (Object.keys(kept).length === 0) return;
  const { release, epoch, host: { name: host } } = acting;
  await appendTargetEvent(deps.db, { release, opId: `${host}/cleaned`, actor: SIGNALBOX, event: { type: 'target-cleaned', data: { host, epoch, kept } } });
}
