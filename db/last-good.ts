/** The last release of a pool that went well, and the hosts that a release left out of service. */
import { sql } from 'kysely';
import { isHeldOut } from '../domain/release-hold.ts';
import { planOf } from '../domain/release/evolve.ts';
import type { LastGood } from '../domain/release/different.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { TargetState } from '../domain/release/target.ts';
import type { Queryable } from './client.ts';

/** null when nothing was released well to this pool yet. */
export async function lastGoodRelease(db: Queryable, pool: string): Promise<LastGood | null> {
  const { rows } = await sql<{ id: string; created_at: string; finished_at: string; core: ReleaseState; inventory: Inventory }>`
    select r.id, r.created_at, r.finished_at, r.core, i.inventory from releases r join release_inventory i on i.release = r.id
    where r.pool = ${pool} and r.status = 'succeeded' and r.kind <> 'rollback' order by r.created_at desc, r.id desc limit 1`.execute(db.kysely);
  const [row] = rows;
  if (row === undefined) return null;
  const seconds = Math.round((Date.parse(row.finished_at) - Date.parse(row.created_at)) / 100) / 10;
  return { release: row.id, finishedAt: row.finished_at, inventory: row.inventory, batches: planOf(row.core.situation)?.batches.length ?? 0, seconds };
}

/** Hosts that the last ended release to touch them took out of service and did not bring back, in the order given. */
export async function hostsLeftOut(db: Queryable, hosts: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ host: string; state: TargetState }>`
    select distinct on (t.host) t.host, t.state from release_targets t join releases r on r.id = t.release
    where t.host = any(${hosts}) and t.touched and r.finished_at is not null order by t.host, r.created_at desc`.execute(db.kysely);
  const out = new Set(rows.filter(({ state }) => isHeldOut(state)).map(({ host }) => host));
  return hosts.filter((host) => out.has(host));
}
