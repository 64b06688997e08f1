/** The end of an ownership: pool and hosts are freed, the next holder is named and woken, all in the transaction of the last event. */
import { sql } from 'kysely';
import type { Queryable, Tx } from './client.ts';
import { nextHolders, type Taken, type Waiting } from './next-holders.ts';
import { enqueue } from './outbox.ts';

const OWNERSHIP_LOCK = 7_325_002;

/** Changes of who owns a pool or host happen one at a time; there are a few per release, each a few milliseconds. Taken first of all locks. */
export async function lockOwnership(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${OWNERSHIP_LOCK})`.execute(tx.kysely);
}

/** Frees everything `release` owns or waits for. Hosts keep their epoch: it never falls. The caller holds the ownership lock. */
export async function handOver(tx: Tx, release: string): Promise<void> {
  const { kysely } = tx;
  await kysely.deleteFrom('pool_queue').where('release', '=', release).execute();
  await kysely.deleteFrom('wanted_traffic').where('release', '=', release).execute();
  await kysely.updateTable('pool_locks').set({ holder: null }).where('holder', '=', release).execute();
  await kysely.updateTable('host_locks').set({ release: null }).where('release', '=', release).execute();
  for (const next of nextHolders(await readQueue(tx), await readTaken(tx))) await nameHolder(tx, next);
}

/** Gives pool and hosts to a release that has not begun yet; its epoch comes when it acquires. */
async function nameHolder(tx: Tx, next: Waiting): Promise<void> {
  await takePool(tx, next);
  await sql`insert into host_locks (host) select unnest(${next.hosts.toSorted()}::text[]) on conflict do nothing`.execute(tx.kysely);
  await tx.kysely.updateTable('host_locks').set({ release: next.release }).where('host', 'in', [...next.hosts]).execute();
  await enqueue(tx, { kind: 'wake', release: next.release, payload: { pool: next.pool } });
}

/** Writes the holder of a pool and takes it off the queue. */
export async function takePool(tx: Tx, next: Waiting): Promise<void> {
  await sql`
    insert into pool_locks (pool, holder) values (${next.pool}, ${next.release})
    on conflict (pool) do update set holder = excluded.holder, since = now()`.execute(tx.kysely);
  await tx.kysely.deleteFrom('pool_queue').where('release', '=', next.release).execute();
}

export interface QueuedRelease extends Waiting {
  readonly priority: number;
}

/** Waiting releases, best first: by priority, then first come. Superseded ones wait for their end, not for the pool. */
export async function readQueue(db: Queryable): Promise<readonly QueuedRelease[]> {
  return db.kysely.selectFrom('pool_queue').select(['release', 'pool', 'hosts', 'priority']).where('superseded_by', 'is', null).orderBy('priority', 'desc').orderBy('place').execute();
}

export async function readTaken(db: Queryable): Promise<Taken> {
  const pools = await db.kysely.selectFrom('pool_locks').select('pool').where('holder', 'is not', null).execute();
  const hosts = await db.kysely.selectFrom('host_locks').select('host').where('release', 'is not', null).execute();
  return { pools: new Set(pools.map((row) => row.pool)), hosts: new Set(hosts.map((row) => row.host)) };
}
