/** What running releases want of the balancers, so that it can be asserted again when one was reloaded and forgot. */
import { sql } from 'kysely';
import pg from 'pg';
import type { Queryable } from './client.ts';

export interface WantedState {
  readonly admin: 'ready' | 'drain' | 'maint';
  readonly weight: number | null;
}

export interface WantedServer {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
  /** the pool behind whose entry the server is (Place of domain/place.ts) */
  readonly pool: string;
  /** as the balancer names it */
  readonly server: string;
  readonly wanted: WantedState;
}

/** Names one wish. */
type WishKey = Pick<WantedServer, 'release' | 'host' | 'pool' | 'server'>;

/** A wish as it was last written or confirmed. */
export interface ListedWish extends WantedServer {
  /** moment of the write, to the microsecond; says whether this is still the wish that was read */
  readonly at: string;
  /** since `at`, by the database's clock alone */
  readonly ageMs: number;
}

/** What the fence remembers before the balancer is told. */
export type Wish = Pick<WantedServer, 'pool' | 'server' | 'wanted'>;

/** The statement that remembers a wish until the release ends; it does nothing when the release no longer owns the host under this epoch. */
export function rememberWish({ release, host, epoch, pool, server, wanted }: WantedServer): string {
  const [of, on, behind, at, wish] = [release, host, pool, server, JSON.stringify(wanted)].map((text) => pg.escapeLiteral(text));
  return `insert into wanted_traffic (release, host, pool, server, epoch, wanted)
    select ${of}, host, ${behind}, ${at}, epoch, ${wish}::json from host_locks where host = ${on} and epoch = ${Math.trunc(epoch)} and release = ${of}
    on conflict (release, host, pool, server) do update set epoch = excluded.epoch, wanted = excluded.wanted, at = now()`;
}

/** Whether the release has remembered a wish for this server, so that the balancer may have been told it. */
export async function hasWantedTraffic(db: Queryable, { release, host, pool, server }: WishKey): Promise<boolean> {
  const found = await db.kysely.selectFrom('wanted_traffic').select('release').where('release', '=', release).where('host', '=', host).where('pool', '=', pool).where('server', '=', server).executeTakeFirst();
  return found !== undefined;
}

/** Whether the server is to be drained as far as this release is concerned: it may be out already, and is put out again where it is not. */
export async function isDrainWanted(db: Queryable, { release, host, pool, server }: WishKey): Promise<boolean> {
  const found = await db.kysely.selectFrom('wanted_traffic').select('release').where('release', '=', release).where('host', '=', host).where('pool', '=', pool).where('server', '=', server).where(sql<boolean>`wanted ->> 'admin' = 'drain'`).executeTakeFirst();
  return found !== undefined;
}

/** The wishes of running releases that still own their hosts, but for those to bring a host in while flags keep it out; `epoch` is the host's current one, to be used in the fence. */
export async function listWantedTraffic(db: Queryable): Promise<readonly ListedWish[]> {
  return db.kysely
    .selectFrom('wanted_traffic as wanted')
    .innerJoin('host_locks as lock', (join) => join.onRef('lock.host', '=', 'wanted.host').onRef('lock.release', '=', 'wanted.release'))
    .select(['wanted.release', 'wanted.host', 'lock.epoch', 'wanted.pool', 'wanted.server', 'wanted.wanted'])
    .select([sql<string>`wanted.at::text`.as('at'), sql<number>`(extract(epoch from now() - wanted.at) * 1000)::float8`.as('ageMs')])
    .where(sql<boolean>`not (wanted.wanted ->> 'admin' = 'ready' and (
      exists (select from flag_drains d where d.host = wanted.host and concerns_server(d.pool, wanted.pool, d.host))
      or exists (select from host_flags f where f.host = wanted.host and not f.up and concerns_server(f.pool, wanted.pool, f.host))))`)
    .orderBy('wanted.release')
    .orderBy('wanted.host')
    .orderBy('wanted.pool')
    .orderBy('wanted.server')
    .execute();
}

/** The balancer was seen to hold the wish just now: it counts as written now. False when a newer wish took its place meanwhile. */
export async function confirmWantedTraffic(db: Queryable, { release, host, pool, server, at }: WishKey & Pick<ListedWish, 'at'>): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update wanted_traffic set at = now() where release = ${release} and host = ${host} and pool = ${pool} and server = ${server} and at = ${at}::timestamptz`.execute(db.kysely);
  return numAffectedRows === 1n;
}

/** Whether this is still what is wanted: a wish that was read a moment ago may have been replaced, or its release may have ended. */
export async function isCurrentWish(db: Queryable, { release, host, pool, server, at }: WishKey & Pick<ListedWish, 'at'>): Promise<boolean> {
  const { rows } = await sql`
    select 1 from wanted_traffic where release = ${release} and host = ${host} and pool = ${pool} and server = ${server} and at = ${at}::timestamptz`.execute(db.kysely);
  return rows.length === 1;
}
