/** Why the bastion a strategy wants cannot be had in this pool. */
import { BATCH_CAP_PERCENT, batchCap } from './batch-cap.ts';
import { bastionChoice, bastionsMax, bastionsWanted } from './bastion.ts';
import type { PlanRefusal } from './plan.ts';
import type { RefusalInput } from './refusals.ts';
import type { PoolStanding } from './standing.ts';

/** Empty where there is no bastion: in the environments the strategy skips, and in a pool of one whose names are right. */
export function bastionRefusals(input: RefusalInput, standing: PoolStanding): PlanRefusal[] {
  const { pool, strategy } = input;
  const wanted = bastionsWanted(strategy.bastion, pool.environment, standing);
  if (wanted === 0) return [];
  const strangers = notInPool(input);
  if (strangers !== null) return [strangers];
  if (standing.hostsTotal === 1) return [];
  return [nobodyLabelled(input, standing) ?? tooLarge(input, standing, wanted)].filter((refusal) => refusal !== null);
}

function notInPool({ pool, strategy, hosts }: RefusalInput): PlanRefusal | null {
  const own = new Set(hosts.map(({ name }) => name));
  const strangers = (strategy.bastion.hosts ?? []).filter((name) => !own.has(name));
  if (strangers.length === 0) return null;
  return {
    code: 'bastion-not-in-pool',
    message: `Strategy ${strategy.name} names ${strangers.join(', ')} as bastion; pool ${pool.name} has no such host.`,
    next: 'Name hosts of the pool in bastion.hosts, or choose the bastion by a label.',
  };
}

function nobodyLabelled({ pool, strategy }: RefusalInput, { live, returning, staying }: PoolStanding): PlanRefusal | null {
  const { label } = strategy.bastion;
  if (label === null || label === undefined || bastionChoice(strategy.bastion)([...live, ...returning, ...staying]).length > 0) return null;
  const wanted = Object.entries(label).map(([key, value]) => `${key}=${value}`).join(', ');
  return {
    code: 'bastion-not-in-pool',
    message: `Strategy ${strategy.name} chooses its bastion by the label ${wanted}; no host of pool ${pool.name} has it.`,
    next: 'Give a host of the pool this label, or change bastion.label.',
  };
}

function tooLarge({ pool, strategy, batchCapPercent }: RefusalInput, standing: PoolStanding, wanted: number): PlanRefusal | null {
  const { hostsTotal, live, floor, isJoined, members } = standing;
  const choose = bastionChoice(strategy.bastion);
  const percent = batchCapPercent ?? BATCH_CAP_PERCENT;
  const spared = bastionsMax(standing, choose);
  const most = isJoined ? spared : Math.min(spared, batchCap(percent, hostsTotal));
  // A pool that is stuck says so itself; that no bastion fits either would only repeat it.
  if (wanted <= most || standing.stuck || members.some(({ isStuck }) => isStuck)) return null;
  const whose = spared < bastionsMax(standing) ? ', of the hosts its bastion is chosen among' : '';
  const limit = limitOf();
  return {
    code: 'bastion-too-large',
    message: `Strategy ${strategy.name} wants ${wanted} ${wanted === 1 ? 'bastion' : 'bastions'} out of traffic at once; pool ${pool.name} ${limit}.`,
    next: most === 0 ? 'Choose the bastion among other hosts, or bring hosts of the pool back into service.' : `Set bastion.count to at most ${most}.`,
  };

  function limitOf(): string {
    if (most < spared) return `allows ${most}: no batch may take more than ${percent} % of it`;
    if (members.length > 0) return `allows ${most}${whose}, with the floors${isJoined ? ` and caps (${percent} %)` : ''} of ${members.map(({ pool: name }) => name).join(', ')}`;
    return `(${live.length} of ${hostsTotal} hosts in service, floor ${floor}) allows ${most}${whose}`;
  }
}
