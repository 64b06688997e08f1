/** What is done at a balancer for the flags of one host, each write under the host's row lock, a drain under its pool's turn besides. */
import { confirmDrain, forgetDrain, forgetStandingDrain, rememberDrain, unconfirmDrain } from '../db/flag-drains.ts';
import { withHostLock } from '../db/flag-fence.ts';
import { withPoolTurn } from '../db/pool-turn.ts';
import { releaseFlag } from '../db/release-flag.ts';
import { drainRefusal } from '../domain/operator-drain.ts';
import { countedPool } from '../domain/joined-pool.ts';
import { isSameServer, serverKeys } from '../domain/traffic-entry.ts';
import { countingOf } from '../drivers/traffic/several.ts';
import { poolsOfHost } from '../db/flag-work.ts';
import type { Database } from '../db/client.ts';
import type { FlagWork } from '../db/flag-work.ts';
import type { Keeping } from '../domain/flag-keeping.ts';
import type { DrainRefusal } from '../domain/operator-drain.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Fence, Traffic } from '../drivers/traffic/port.ts';
import type { Trouble } from './flag-findings.ts';

/** One server of one pool. */
export interface Place {
  readonly pool: PoolSpec;
  readonly host: string;
  readonly server: string;
  readonly traffic: Traffic;
  readonly signal: AbortSignal;
}

export interface Act {
  readonly keeping: Keeping;
  readonly work: FlagWork;
  readonly seen: ObservedTraffic;
  readonly hasSettled: boolean;
}

/** `shown`: what the balancer shows afterwards. */
export interface Done {
  readonly trouble: Trouble | null;
  readonly shown: ObservedTraffic;
}

/** Throws what the balancer or its driver throws; what merely has to wait is a trouble. */
export async function carryOut(db: Database, place: Place, { keeping, work, seen, hasSettled }: Act): Promise<Done> {
  const at = { host: place.host, pool: place.pool.name };
  const asSeen = { trouble: null, shown: seen };
  switch (keeping) {
    case 'nothing':
      return asSeen;
    case 'take-out':
      return takeOut(db, place, { weight: seen.weight, floor: work.forced ? 'ignored' : 'kept' });
    case 'drain-again':
      return takeOut(db, place, { weight: work.drain?.weight ?? seen.weight, floor: 'ignored' });
    case 'confirm':
      // A process that is not alone yet may speak for one that is going: then it is only known that the drain was written.
      if (hasSettled || work.drain?.confirmed === false) await confirmDrain(db, at);
      return asSeen;
    case 'bring-back':
      return bringBack(db, place, { weight: work.drain?.weight ?? null, seen });
    case 'forget':
      if (work.drain?.server === place.server) await forgetStandingDrain(db, at);
      else await forgetDrain(db, at);
      return asSeen;
    case 'foreign-ready':
    case 'foreign-maint':
      return { trouble: { what: keeping, message: '' }, shown: seen };
    default:
      return unknownKeeping(keeping);
  }
}

/** The floor is nearer than the drain: it waits until another host serves. */
class BelowFloor extends Error {
  override readonly name = 'BelowFloor';
  readonly refusal: DrainRefusal;
  constructor(refusal: DrainRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** What was drained by us before counts as out already, so putting it out again breaks no floor: `ignored`. */
export async function takeOut(db: Database, place: Place, { weight, floor }: { readonly weight: number | null; readonly floor: 'kept' | 'ignored' }): Promise<Done> {
  const { pool, host, server, traffic, signal } = place;
  const pools = (await poolsLosing(db, pool, host)).map(countedPool);
  const drained: Fence = (write) =>
    withPoolTurn(db, {
      ...countingOf(pools, () => traffic, signal),
      take: (serving) => {
        const refusal = floor === 'kept' ? drainRefusal(pools, { host, serving }) : null;
        if (refusal !== null) throw new BelowFloor(refusal);
        serving.delete(serverKeys(pool.traffic)(host));
        return whileLowered(db, place, weight)(write);
      },
    });
  try {
    return { trouble: null, shown: await drainOnce(db, place, drained) };
  } catch (error) {
    const [shown] = error instanceof BelowFloor || error instanceof ChangedMeanwhile ? await traffic.observe([server], signal) : [];
    if (shown === undefined) throw error;
    return { trouble: error instanceof BelowFloor ? { what: 'floor', message: error.message } : null, shown };
  }
}

/** For who has the pool's turn already and has counted. */
export async function drainInTurn(db: Database, place: Place): Promise<void> {
  const [seen] = await place.traffic.observe([place.server], place.signal);
  if (seen?.admin === 'ready') await drainOnce(db, place, whileLowered(db, place, seen.weight));
}

async function drainOnce(db: Database, { pool, host, server, traffic, signal }: Place, fence: Fence): Promise<ObservedTraffic> {
  const shown = await traffic.drain(server, { signal, fence, timeoutMs: 0 });
  await confirmDrain(db, { host, pool: pool.name });
  return shown;
}

/** The flag may have been raised while the turn was waited for: then nothing is written, and the next round forgets or brings back. */
function whileLowered(db: Database, { pool, host, server }: Place, weight: number | null): Fence {
  const at = { host, pool: pool.name };
  return (write) => withHostLock(db, at, async (down) => {
    if (down.length === 0 && (await releaseFlag(db, at)) === null) throw new ChangedMeanwhile();
    await rememberDrain(db, { ...at, server, weight });
    return write();
  });
}

class ChangedMeanwhile extends Error {
  override readonly name = 'ChangedMeanwhile';
}

/** One safe stage nearer to how it stood; forgotten once it serves its requests again. A flag that is lowered meanwhile ends it. */
async function bringBack(db: Database, place: Place, { weight, seen }: { readonly weight: number | null; readonly seen: ObservedTraffic }): Promise<Done> {
  const { pool, host, server, traffic, signal } = place;
  const at = { host, pool: pool.name };
  const fence: Fence = (write) => withHostLock(db, at, async (down) => {
    if (down.length > 0 || (await releaseFlag(db, at)) !== null) throw new ChangedMeanwhile();
    await unconfirmDrain(db, at);
    return write();
  });
  const shown = await traffic.assert(server, { admin: 'ready', weight }, { signal, fence }).catch((error: unknown) => {
    if (error instanceof ChangedMeanwhile) return null;
    throw error;
  });
  if (shown === null) return { trouble: null, shown: seen };
  if (shown.admin === 'ready' && (weight === null || shown.weight === weight)) {
    await forgetStandingDrain(db, at);
    return { trouble: null, shown };
  }
  return { trouble: shown.operational === 'down' ? { what: 'not-up', message: '' } : null, shown };
}

/** The pool, and every other one that has the host and names the same server: all of them lose it together. */
export async function poolsLosing(db: Database, pool: PoolSpec, host: string): Promise<readonly PoolSpec[]> {
  const others = await poolsOfHost(db, host);
  return [pool, ...others.filter((other) => other.name !== pool.name && isSameServer(pool.traffic, other.traffic))];
}

function unknownKeeping(keeping: never): never {
  throw new Error(`Nothing does ${String(keeping)} for a flag`);
}
