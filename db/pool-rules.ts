/** What the rules of a pool's balancer are derived from: the pool, its applications and its hosts as they are declared now. */
import { getInventories, getInventory } from './inventory.ts';
import type { Queryable } from './client.ts';
import type { RulesInput } from '../domain/traffic-rules/rules.ts';

/** null: no such pool. Applications and hosts that do not exist are left out. */
export async function rulesInput(db: Queryable, name: string): Promise<RulesInput | null> {
  const pool = (await getInventory(db, 'pool', name))?.spec;
  if (pool === undefined) return null;
  const [applications, hosts] = await Promise.all([getInventories(db, 'application', pool.applications), getInventories(db, 'host', pool.hosts)]);
  return {
    pool,
    applications: pool.applications.flatMap((application) => applications.get(application)?.spec ?? []),
    hosts: pool.hosts.flatMap((host) => hosts.get(host)?.spec ?? []),
  };
}
