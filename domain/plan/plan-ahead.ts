/** The plan that is made before a release, when nobody has looked at the hosts yet. */
import { makePlan } from './make-plan.ts';
import type { Inventory } from '../inventory.ts';
import type { PlanResult } from './make-plan.ts';
import type { PlannedChange } from './plan.ts';

/** Every host of the pool is taken to be in service, which refuses nothing that could be released. */
export function planAhead(inventory: Inventory, { allowOutage, reason }: { readonly allowOutage: boolean; readonly reason: string | null }): PlanResult {
  const { pool, strategy, hosts } = inventory;
  return makePlan({ pool, strategy, hosts: hosts.map(({ name, zone }) => ({ name, zone, inService: true })), changes: changesOf(inventory), allowOutage, reason });
}

/** What is released, in the order in which the pool names its applications. */
export function changesOf({ pool, packages }: Inventory): readonly PlannedChange[] {
  return pool.applications.flatMap((name) => packages.filter(({ application }) => application === name).map(({ application, version, sha256 }) => ({ application, version, sha256 })));
}
