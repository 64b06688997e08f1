/** Answers an operator who asks whether a host may go: yes only if every pool it serves in keeps its floor. */
import { applyDrain, refuseDrain } from '../db/drain-requests.ts';
import { poolsOfHost } from '../db/flag-work.ts';
import { withPoolTurn } from '../db/pool-turn.ts';
import { drainRefusalOfAny } from '../domain/operator-drain.ts';
import { isSameServer } from '../domain/joined-pool.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import { serverName } from '../domain/server-name.ts';
import { countingOf, drainInTurn, poolsLosing } from './flag-acts.ts';
import type { Database } from '../db/client.ts';
import type { DrainRequest } from '../db/drain-requests.ts';
import type { DrainRefusal } from '../domain/operator-drain.ts';
import type { PoolSpec } from '../domain/inventory.ts';

/**
 * Entries are asked one after the other, each in its turn, since turns do not nest; all pools that lose the same server are asked together.
 * In the turn of the last one the flag is lowered and carried out. Whoever carries it out elsewhere checks the floor there again, so what
 * happens between two turns breaks none. Throws while a balancer does not answer: the request then stays asked.
 */
export async function settleDrain({ db }: { readonly db: Database }, asked: DrainRequest, signal: AbortSignal): Promise<void> {
  const pools = (await poolsOfHost(db, asked.host, asked.pool)).filter(({ traffic }) => traffic.driver !== 'none');
  const servers = pools.filter((pool, index) => !pools.slice(0, index).some((earlier) => isSameServer(earlier.traffic, pool.traffic)));
  for (const [index, pool] of servers.entries()) {
    const isLast = index === servers.length - 1;
    const refusal = await askPools(db, pool, { asked, isLast, signal });
    if (refusal !== null) return refuseDrain(db, asked.id, refusal);
  }
  if (pools.length === 0) await applyDrain(db, asked);
}

async function askPools(db: Database, pool: PoolSpec, { asked, isLast, signal }: { readonly asked: DrainRequest; readonly isLast: boolean; readonly signal: AbortSignal }): Promise<DrainRefusal | null> {
  const traffic = createTraffic(pool.traffic);
  const pools = await poolsLosing(db, pool, asked.host);
  return withPoolTurn(db, {
    ...countingOf(pools, pool.traffic, { traffic, signal }),
    take: async (inService) => {
      const refusal = drainRefusalOfAny({ pools, host: asked.host, inService });
      if (refusal !== null) return refusal;
      inService.delete(asked.host);
      if (isLast && (await applyDrain(db, asked))) await drainInTurn(db, { pool, host: asked.host, server: serverName(pool.traffic, asked.host), traffic, signal });
      return null;
    },
  });
}
