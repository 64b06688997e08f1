/** The plan that is made before a release, when nobody has looked at the hosts yet. */
import { irreversibleIn } from '../irreversible.ts';
import { makePlan } from './make-plan.ts';
import type { Inventory } from '../inventory.ts';
import type { PlanInput, PlanResult } from './make-plan.ts';
import type { PlannedChange } from './plan.ts';

type Asked = Pick<PlanInput, 'allowOutage' | 'reason' | 'batchCapPercent' | 'isProven'>;

/** Every host of the pool is taken to be in service, which refuses nothing that could be released. */
export function planAhead(inventory: Inventory, { allowOutage, reason, batchCapPercent = null, isProven = false }: Asked): PlanResult {
  const { pool, strategy, hosts, members = [], undrained = [] } = inventory;
  const seen = hosts.map(({ name, zone, labels }) => ({ name, zone, labels, inService: true }));
  const own = new Set(pool.hosts);
  const beside = members.map((member) => ({ ...member, servingElsewhere: member.hosts.filter((host) => !own.has(host)).length }));
  return makePlan({ pool, strategy, hosts: seen, members: beside, undrained, changes: changesOf(inventory), allowOutage, reason, batchCapPercent, isProven, irreversible: irreversibleIn(inventory) });
}

/** What is released, in the order in which the pool names its applications. */
export function changesOf({ pool, packages }: Inventory): readonly PlannedChange[] {
  return pool.applications.flatMap((name) => packages.filter(({ application }) => application === name).map(({ application, version, sha256 }) => ({ application, version, sha256 })));
}
