/** Why no plan can be made: every complaint at once, each with what to do. */
import type { StrategySpec } from '../inventory.ts';
import { BATCH_CAP_RAISED } from './batch-cap.ts';
import { percentagesComplaint } from './batch-sizes.ts';
import { planContradictions } from './contradictions.ts';
import type { MemberStanding } from './joined.ts';
import type { PlanRefusal } from './plan.ts';
import type { PoolStanding } from './standing.ts';

/** The part of a PlanInput that refusals speak of. */
export interface RefusalInput {
  readonly pool: { readonly name: string; readonly environment?: string };
  readonly strategy: StrategySpec;
  readonly hosts: readonly { readonly name: string }[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  readonly batchCapPercent?: number | null;
}

/** What is wrong with a strategy whatever the pool; while there is any, it says nothing that batches could be cut by. */
export function strategyRefusals(strategy: StrategySpec): PlanRefusal[] {
  return [...planContradictions(strategy).map(({ path, message }) => contradiction(strategy, path, message)), percentages(strategy)].filter((refusal) => refusal !== null);
}

/** What is wrong with the pool as it stands, and with what the release asked for. An empty pool is the only complaint about itself. */
export function poolRefusals(input: RefusalInput, standing: PoolStanding): PlanRefusal[] {
  const { hostsTotal, members } = standing;
  const own = hostsTotal === 1 ? outageNotAllowed(input) : capacityFloor(input, standing);
  const beside = members.map((member) => (hostsTotal === 1 ? null : memberOutage(input, member)) ?? memberFloor(member));
  return [own, ...beside, batchCapNotAllowed(input)].filter((refusal) => refusal !== null);
}

export function emptyPool({ pool }: RefusalInput): PlanRefusal {
  return { code: 'empty-pool', message: `Pool ${pool.name} has no hosts.`, next: 'Add hosts to the pool, then release again.' };
}

function contradiction(strategy: StrategySpec, path: readonly (string | number)[], message: string): PlanRefusal {
  return { code: 'contradiction', message: `Strategy ${strategy.name} contradicts itself at /${path.join('/')}: ${message}.`, next: 'Change the strategy, then release again.' };
}

function percentages({ name, batches }: StrategySpec): PlanRefusal | null {
  const { percent, count = [], hosts = [] } = batches;
  if (percent.length === 0 && count.length + hosts.length > 0) return null;
  const complaint = percentagesComplaint(percent);
  if (complaint === null) return null;
  return {
    code: 'percentages',
    message: `The batch percentages of strategy ${name} make no plan: ${complaint}.`,
    next: 'Give one percentage, or several that add up to 100.',
  };
}

function outageNotAllowed({ pool, allowOutage, reason }: RefusalInput): PlanRefusal | null {
  if (allowOutage && isSaid(reason)) return null;
  return {
    code: 'outage-not-allowed',
    message: `Pool ${pool.name} has one host: releasing to it takes the pool out of service.`,
    next: 'Add a second host, or release with allowOutage: true and a reason.',
  };
}

function capacityFloor({ pool }: RefusalInput, { stuck, live, hostsTotal, floor, staying }: PoolStanding): PlanRefusal | null {
  if (!stuck) return null;
  const away = staying.map((host) => host.name).join(', ');
  return {
    code: 'capacity-floor',
    message: `${live.length} of ${hostsTotal} hosts of pool ${pool.name} are in service and the floor is ${floor}: none can be taken out. Out of service and staying so: ${away}.`,
    next: 'Put one of these hosts back into service, or lower capacity.minInServicePercent of the pool.',
  };
}

/** A pool with this one host is out while the host is. */
function memberOutage({ allowOutage, reason }: RefusalInput, { pool, hosts, hostsTotal }: MemberStanding): PlanRefusal | null {
  if (hostsTotal > 1 || (allowOutage && isSaid(reason))) return null;
  return {
    code: 'outage-not-allowed',
    message: `Pool ${pool} has one host, ${hosts[0]?.name ?? ''}: releasing to it takes that pool out of service.`,
    next: `Add a second host to pool ${pool}, or release with allowOutage: true and a reason.`,
  };
}

function memberFloor({ pool, isStuck, inService, hostsTotal, floor, staying }: MemberStanding): PlanRefusal | null {
  if (!isStuck) return null;
  const away = staying.length === 0 ? '' : ` Out of service and staying so: ${staying.map((host) => host.name).join(', ')}.`;
  return {
    code: 'capacity-floor',
    message: `${inService} of ${hostsTotal} hosts of pool ${pool} are in service and its floor is ${floor}: none of them can be taken out.${away}`,
    next: `Put hosts of pool ${pool} back into service, or lower its capacity.minInServicePercent.`,
  };
}

function batchCapNotAllowed({ batchCapPercent, reason }: RefusalInput): PlanRefusal | null {
  if (batchCapPercent === null || batchCapPercent === undefined) return null;
  const { least, most } = BATCH_CAP_RAISED;
  if (batchCapPercent >= least && batchCapPercent <= most && isSaid(reason)) return null;
  const message = isSaid(reason)
    ? `The cap per batch can be raised to ${least} to ${most} % of the pool, not to ${batchCapPercent} %.`
    : `The cap per batch is to be raised to ${batchCapPercent} % of the pool, but nobody says why.`;
  return { code: 'batch-cap-not-allowed', message, next: `Release with batchCapPercent from ${least} to ${most} and a reason, or without it.` };
}

function isSaid(reason: string | null): boolean {
  return reason !== null && reason.trim() !== '';
}
