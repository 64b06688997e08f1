/** What the log says of hosts that no release owns, and what adopting one of them after break-glass changes in it. */
import { sql } from 'kysely';
import { wasLeftRunning, type LeftInstall } from '../domain/keep-alive.ts';
import { isHeldOut } from '../domain/release-hold.ts';
import { nextEpoch } from './append-release.ts';
import { inTransaction, type Database, type Queryable } from './client.ts';
import { hostPasts } from './host-history.ts';
import type { HostSpec, PoolSpec } from '../domain/inventory.ts';
import type { TargetState } from '../domain/release/target.ts';


export interface WatchedHost {
  readonly host: HostSpec;
  /** the first pool that has it, by name */
  readonly pool: PoolSpec;
}

/** Hosts of pools that no release owns now, by name, each once. */
export async function unownedHosts(db: Queryable): Promise<readonly WatchedHost[]> {
  const { rows } = await sql<WatchedHost>`
    select distinct on (h.name) h.spec as host, p.spec as pool from inventory h
    join inventory p on p.kind = 'pool' and p.spec -> 'joins' is null and p.spec::jsonb -> 'hosts' ? h.name
    where h.kind = 'host' and not exists (select from host_locks l where l.host = h.name and l.release is not null)
    order by h.name, p.name`.execute(db.kysely);
  return rows;
}

export async function isOwned(db: Queryable, host: string): Promise<boolean> {
  const lock = await db.kysely.selectFrom('host_locks').select('release').where('host', '=', host).executeTakeFirst();
  return lock !== undefined && lock.release !== null;
}

/** Names of every host of the inventory. */
export async function existingHosts(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.kysely.selectFrom('inventory').select('name').where('kind', '=', 'host').execute();
  return new Set(rows.map(({ name }) => name));
}

/** What each application of the pool runs there by the log; empty where no release came, or the last one left the host out. */
export async function expectedInstalls(db: Queryable, { host, pool }: WatchedHost): Promise<readonly LeftInstall[]> {
  const last = await db.kysely
    .selectFrom('release_targets')
    .innerJoin('releases', 'releases.id', 'release_targets.release')
    .select('release_targets.state')
    .where('release_targets.host', '=', host.name)
    .where('release_targets.touched', '=', true)
    .orderBy('releases.created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last === undefined || isHeldOut(last.state satisfies TargetState)) return [];
  const expected: LeftInstall[] = [];
  for (const application of pool.applications) {
    const [past] = await hostPasts(db, { hosts: [host.name], application });
    const now = past?.installs.at(-1);
    if (now !== undefined) expected.push({ application, version: now.version, digest: now.digest, leftRunning: wasLeftRunning(last.state, application) });
  }
  return expected;
}

/** Gives a host that nobody owns a new epoch, above the one it has seen; null while a release owns it. */
export async function raiseUnowned(db: Database, host: string, seen: number): Promise<number | null> {
  return inTransaction(db, async (tx) => {
    await sql`insert into host_locks (host) values (${host}) on conflict do nothing`.execute(tx.kysely);
    const lock = await tx.kysely.selectFrom('host_locks').select(['epoch', 'release']).where('host', '=', host).forNoKeyUpdate().executeTakeFirst();
    if (lock === undefined || lock.release !== null) return null;
    const epoch = await nextEpoch(tx, Math.max(seen, lock.epoch));
    await tx.kysely.updateTable('host_locks').set({ epoch }).where('host', '=', host).execute();
    return epoch;
  });
}
