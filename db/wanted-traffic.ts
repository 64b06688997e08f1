/** What running releases want of the balancers, so that it can be asserted again when one was reloaded and forgot. */
import { sql } from 'kysely';
import { StaleEpoch } from './errors.ts';
import type { Queryable } from './client.ts';

export interface WantedState {
  readonly admin: 'ready' | 'drain' | 'maint';
  readonly weight: number | null;
}

export interface WantedServer {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
  /** as the balancer names it */
  readonly server: string;
  readonly wanted: WantedState;
}

/** A wish as it was last written or confirmed. */
export interface ListedWish extends WantedServer {
  /** moment of the write, to the microsecond; says whether this is still the wish that was read */
  readonly at: string;
  /** since `at`, by the database's clock alone */
  readonly ageMs: number;
}

/** Remembers the wish until the release ends. Throws StaleEpoch when the release no longer owns the host under this epoch. */
export async function setWantedTraffic(db: Queryable, entry: WantedServer): Promise<void> {
  const { release, host, epoch, server, wanted } = entry;
  const { numAffectedRows } = await sql`
    insert into wanted_traffic (release, host, server, epoch, wanted)
    select ${release}, host, ${server}, epoch, ${JSON.stringify(wanted)}::json from host_locks where host = ${host} and epoch = ${epoch} and release = ${release}
    on conflict (release, host, server) do update set epoch = excluded.epoch, wanted = excluded.wanted, at = now()`.execute(db.kysely);
  if (numAffectedRows === 1n) return;
  const lock = await db.kysely.selectFrom('host_locks').select(['epoch', 'release']).where('host', '=', host).executeTakeFirst();
  throw new StaleEpoch(host, epoch, lock?.epoch ?? null, lock?.release ?? null);
}

/** The wishes of running releases that still own their hosts; `epoch` is the host's current one, to be used in the fence. */
export async function listWantedTraffic(db: Queryable): Promise<readonly ListedWish[]> {
  return db.kysely
    .selectFrom('wanted_traffic as wanted')
    .innerJoin('host_locks as lock', (join) => join.onRef('lock.host', '=', 'wanted.host').onRef('lock.release', '=', 'wanted.release'))
    .select(['wanted.release', 'wanted.host', 'lock.epoch', 'wanted.server', 'wanted.wanted'])
    .select([sql<string>`wanted.at::text`.as('at'), sql<number>`(extract(epoch from now() - wanted.at) * 1000)::float8`.as('ageMs')])
    .orderBy('wanted.release')
    .orderBy('wanted.host')
    .orderBy('wanted.server')
    .execute();
}

/** The balancer was seen to hold the wish just now: it counts as written now. False when a newer wish took its place meanwhile. */
export async function confirmWantedTraffic(db: Queryable, { release, host, server, at }: Pick<ListedWish, 'release' | 'host' | 'server' | 'at'>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update wanted_traffic set at = now() where release = ${release} and host = ${host} and server = ${server} and at = ${at}::timestamptz`.execute(db.kysely);
  return numAffectedRows === 1n;
}
