/** What a rollback of a planned release would lead to, as far as the log knows it: nobody has looked at the hosts yet. */
import { hostPasts } from '../db/host-history.ts';
import type { Queryable } from '../db/client.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Install } from '../domain/rollback-plan.ts';
import type { Goal } from '../domain/way-back.ts';

export interface KnownWayBack {
  readonly host: string;
  /** what each application would go back to: what runs now, as last told, or where the strategy sends it; an application nobody was told of is left out */
  readonly applications: readonly Install[];
  /** false where the host was last seen without the release it runs */
  readonly feasible: boolean;
}

/** One entry per host of the pool, in declared order. `goals`: where the strategy sends rollbacks; all else stays what runs now. */
export async function knownWayBack(db: Queryable, { hosts, applications }: Inventory, goals: readonly Goal[]): Promise<readonly KnownWayBack[]> {
  const sent = new Map(goals.map(({ host, install }) => [`${host} ${install.application}`, install]));
  const names = hosts.map(({ name }) => name);
  const byApplication = await Promise.all(applications.map(({ name }) => hostPasts(db, { hosts: names, application: name })));
  return names.map((host, index) => {
    const own = byApplication.flatMap((pasts) => pasts[index] ?? []).flatMap(({ application, installs, kept }) => {
      const goal = sent.get(`${host} ${application}`);
      if (goal !== undefined) return [{ goal, isKept: true }];
      const now = installs.at(-1);
      return now === undefined ? [] : [{ goal: now, isKept: now.digest === null || kept === null || kept.includes(now.digest) }];
    });
    return { host, applications: own.map(({ goal }) => goal), feasible: own.every(({ isKept }) => isKept) };
  });
}
