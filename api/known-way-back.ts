/** What a rollback of a planned release would lead to, as far as the log knows it: nobody has looked at the hosts yet. */
import { hostPasts } from '../db/host-history.ts';
import type { Queryable } from '../db/client.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { Install } from '../domain/rollback-plan.ts';

export interface KnownWayBack {
  readonly host: string;
  /** what each application runs now, as last told; an application nobody was told of is left out */
  readonly applications: readonly Install[];
  /** false where the host was last seen without the release it runs */
  readonly feasible: boolean;
}

/** One entry per host of the pool, in declared order. */
export async function knownWayBack(db: Queryable, { hosts, applications }: Inventory): Promise<readonly KnownWayBack[]> {
  const names = hosts.map(({ name }) => name);
  const pasts = (await Promise.all(applications.map(({ name }) => hostPasts(db, { hosts: names, application: name })))).flat();
  return names.map((host) => {
    const own = pasts.filter((past) => past.host === host).flatMap(({ installs, kept }) => {
      const now = installs.at(-1);
      return now === undefined ? [] : [{ now, isKept: now.digest === null || kept === null || kept.includes(now.digest) }];
    });
    return { host, applications: own.map(({ now }) => now), feasible: own.every(({ isKept }) => isKept) };
  });
}
