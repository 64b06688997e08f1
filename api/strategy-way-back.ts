/** Where a strategy sends rollbacks, asked before a release of it is started: can every host be brought there, going by what the log knows. */
import { quarantinedVersions } from '../db/blocks.ts';
import { hostPasts } from '../db/host-history.ts';
import { waysTo } from '../domain/strategy-way-back.ts';
import { chooseAhead } from '../domain/way-back.ts';
import { Problem } from './problem.ts';
import type { Queryable } from '../db/client.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Goal } from '../domain/way-back.ts';

/**
 * What every host would get, application by application; empty where rollbacks lead to what each host ran before. Throws a 409 Problem
 * with the versions that can be had when some host could not be brought there, or nobody should.
 */
export async function goalsAhead(db: Queryable, { strategy, hosts, packages }: Inventory): Promise<readonly Goal[]> {
  const to = waysTo(strategy.rollback.to ?? 'previous', packages);
  if (to === 'previous') return [];
  const goals: Goal[] = [];
  for (const [application, version] of Object.entries(to)) {
    const [pasts, quarantined] = await Promise.all([hostPasts(db, { hosts: hosts.map(({ name }) => name), application }), quarantinedVersions(db, application)]);
    const bringing = packages.find((one) => one.application === application)?.version ?? null;
    const chosen = chooseAhead({ application, to: version, pasts, quarantined }, bringing);
    if ('goals' in chosen) goals.push(...chosen.goals);
    else throw noWayBack(strategy.name, application, chosen.refusal);
  }
  return goals;
}

function noWayBack(strategy: string, application: string, { code, message, available }: { readonly code: string; readonly message: string; readonly available: readonly string[] }): Problem {
  const choice = available.length === 0 ? 'No version can be had on every host: release with a strategy whose rollback.to is previous.' : `Versions that can be had on every host: ${available.join(', ')}.`;
  return new Problem('no-way-back', { detail: `Strategy ${strategy} sends rollbacks where they cannot lead. ${message} ${choice}`, extra: { code, available: available.map((version) => `${application}@${version}`) } });
}
