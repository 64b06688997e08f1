/** Who is the bastion and which batches follow: the part of a plan that does not yet know of bakes, lanes and refusals. */
import type { PoolSpec, StrategySpec } from '../inventory.ts';
import { bastionCandidates, bastionChoice, bastionsWanted } from './bastion.ts';
import { cutBatches } from './cut.ts';
import { segmentsOf } from './segments.ts';
import { targetsOf } from './standing.ts';
import type { BastionChoice } from './bastion.ts';
import type { Cut } from './cut.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

export interface Layout {
  /** how many bastions the strategy wants in this environment, and among whom it chooses */
  readonly bastionsWanted: number;
  readonly choose: BastionChoice;
  /** fewer than wanted where the pool cannot spare them: then there is no plan */
  readonly bastions: readonly PlanHost[];
  readonly cut: Cut;
}

interface LayoutInput {
  readonly pool: Partial<Pick<PoolSpec, 'environment'>>;
  readonly strategy: StrategySpec;
  readonly hosts: readonly PlanHost[];
}

/** Every host that is not passed in the bastion or in exactly one batch; parts are parts of the whole pool. The strategy must not contradict itself. */
export function layOut({ pool, strategy, hosts }: LayoutInput, standing: PoolStanding): Layout {
  const { bastion, batches } = strategy;
  const choose = bastionChoice(bastion);
  const wanted = bastionsWanted(bastion, pool.environment, standing);
  // At least one host is left to release to; a strategy that wants them all is refused elsewhere.
  const bastions = bastionCandidates(standing, choose).slice(0, Math.min(wanted, hosts.length - 1));
  const segments = segmentsOf({ batches, hosts: targetsOf(hosts), bastions, standing });
  return { bastionsWanted: wanted, choose, bastions, cut: cutBatches({ policy: batches, segments, hostsTotal: hosts.length, bastions, mix: standing.isJoined ? standing.members : null }) };
}
