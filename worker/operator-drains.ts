/** Answers an operator who asks whether a host may go: yes only if every pool it serves in keeps its floor. */
import { applyDrain, refuseDrain } from '../db/drain-requests.ts';
import { poolsOfHost } from '../db/flag-work.ts';
import { withPoolTurn } from '../db/pool-turn.ts';
import { countedPool } from '../domain/joined-pool.ts';
import { drainRefusal } from '../domain/operator-drain.ts';
import { isSameServer, serverKeys } from '../domain/traffic-entry.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import { countingOf } from '../drivers/traffic/several.ts';
import { serverName } from '../domain/server-name.ts';
import { drainInTurn, poolsLosing } from './flag-acts.ts';
import type { Database } from '../db/client.ts';
import type { DrainRequest } from '../db/drain-requests.ts';

/**
 * All pools that lose the host are asked together, under the turns of all their entries, and in the same turn the flag is lowered and
 * carried out. Throws while a balancer does not answer: the request then stays asked.
 */
export async function settleDrain({ db }: { readonly db: Database }, asked: DrainRequest, signal: AbortSignal): Promise<void> {
  const { host } = asked;
  const named = (await poolsOfHost(db, host, asked.pool)).filter(({ traffic }) => traffic.driver !== 'none');
  if (named.length === 0) return void (await applyDrain(db, asked));
  const losing = (await Promise.all(named.map((pool) => poolsLosing(db, pool, host)))).flat();
  const pools = [...new Map(losing.map((pool) => [pool.name, countedPool(pool)])).values()];
  const servers = named.filter(({ traffic }, index) => !named.slice(0, index).some((earlier) => isSameServer(earlier.traffic, traffic)));
  const refusal = await withPoolTurn(db, {
    ...countingOf(pools, createTraffic, signal),
    take: async (serving) => {
      const refused = drainRefusal(pools, { host, serving });
      if (refused !== null) return refused;
      for (const { traffic } of servers) serving.delete(serverKeys(traffic)(host));
      if (await applyDrain(db, asked)) for (const pool of servers) await drainInTurn(db, { pool, host, server: serverName(pool.traffic, host), traffic: createTraffic(pool.traffic), signal });
      return null;
    },
  });
  if (refusal !== null) await refuseDrain(db, asked.id, refusal);
}
