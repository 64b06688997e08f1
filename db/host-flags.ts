/** Capacity flags: events of the host's stream, and a row per flag that says how it stands now. */
import { sql } from 'kysely';
import { changedFlags, FLAG_OWNERS, type FlagChange, type FlagOwner, type HostFlag, type HostFlags, type SettableOwner } from '../domain/flags.ts';
import type { ObservedFlags } from '../domain/release/target.ts';
import type { Actor } from '../domain/vocabulary.ts';
import { inTransaction, type Queryable, type Tx } from './client.ts';
import { append, lockInventory } from './inventory.ts';

/** `pool` null: in every pool of the host. `forced` also below the capacity floor. */
export interface SetHostFlag {
  readonly host: string;
  readonly owner: SettableOwner;
  readonly pool: string | null;
  readonly up: boolean;
  readonly reason: string;
  readonly forced: boolean;
  readonly actor: Actor;
}

/** Flags that were ever set, as they stand; those of the release are told by its events. */
export async function hostFlags(db: Queryable, host: string): Promise<HostFlags> {
  const rows = await db.kysely.selectFrom('host_flags').selectAll().where('host', '=', host).orderBy('owner').orderBy('pool').execute();
  return rows.map(({ owner, pool, up, actor, since, reason, forced }): HostFlag => ({ owner, pool: pool === '' ? null : pool, up, by: actor.name, since, reason, forced }));
}

/** Stores what the wish changes, each an event; false when everything stood so already. Who calls has seen to it that host and pool exist. */
export async function setHostFlag(db: Queryable, { host, actor, ...wish }: SetHostFlag): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await lockInventory(tx);
    const change: FlagChange = { ...wish, by: actor.name, since: new Date().toISOString() };
    const changes = changedFlags(await hostFlags(tx, host), change);
    for (const one of changes) await store(tx, host, one, actor);
    return changes.length > 0;
  });
}

async function store(tx: Tx, host: string, { owner, pool, up, reason, forced }: FlagChange, actor: Actor): Promise<void> {
  const type = up ? 'host-flag-raised' : 'host-flag-lowered';
  const { at } = await append(tx, { kind: 'host', name: host }, { version: null, type, data: { owner, pool, reason, forced }, actor });
  const row = { host, owner, pool: pool ?? '', up, forced, reason, actor: JSON.stringify(actor), since: at };
  await tx.kysely.insertInto('host_flags').values(row).onConflict((conflict) => conflict.columns(['host', 'owner', 'pool']).doUpdateSet(row)).execute();
}

/** What flags do to the servers of these hosts in one pool, also those set for another pool with the same server; hosts without a lowered flag or a drain by flags have no entry. */
export async function observedFlags(db: Queryable, pool: string, hosts: readonly string[]): Promise<ReadonlyMap<string, ObservedFlags>> {
  const { rows } = await sql<{ host: string; down: readonly FlagOwner[]; isOut: boolean; weight: number | null }>`
    with lowered as (
      select host, json_agg(distinct owner) as down from host_flags where not up and host = any(${hosts}) and concerns_server(pool, ${pool}, host) group by host
    ), out as (
      select distinct on (host) host, weight from flag_drains where host = any(${hosts}) and concerns_server(pool, ${pool}, host) order by host, pool
    )
    select host, coalesce(lowered.down, '[]'::json) as down, out.host is not null as "isOut", out.weight from lowered full join out using (host)`.execute(db.kysely);
  return new Map(rows.map(({ host, down, isOut, weight }) => [host, { down: FLAG_OWNERS.filter((owner) => down.includes(owner)), beneath: isOut ? { weight } : null }]));
}


