/** Everything that is known of one host's flags and its place in traffic, from the database alone. */
import type { HostFlags } from '../domain/flags.ts';
import type { PoolPlace } from '../domain/host-standing.ts';
import { serverName } from '../domain/server-name.ts';
import type { Queryable } from './client.ts';
import { poolsOfHost } from './flag-work.ts';
import { hostFlags } from './host-flags.ts';
import { sightingsOf } from './host-sightings.ts';
import { releaseFlag } from './release-flag.ts';

export interface HostPlaces {
  /** those of releases that hold it out among them */
  readonly flags: HostFlags;
  /** with `pool` only that one */
  readonly places: readonly PoolPlace[];
}

export async function hostPlaces(db: Queryable, host: string, pool: string | null = null): Promise<HostPlaces> {
  const [own, pools, sightings, drains] = await Promise.all([
    hostFlags(db, host),
    poolsOfHost(db, host, pool),
    sightingsOf(db, host),
    db.kysely.selectFrom('flag_drains').select('pool').where('host', '=', host).execute(),
  ]);
  const held = await Promise.all(pools.map(({ name }) => releaseFlag(db, { host, pool: name })));
  const places = pools.map(({ name, traffic }): PoolPlace => {
    const server = traffic.driver === 'none' ? null : serverName(traffic, host);
    const seen = sightings.find((one) => one.pool === name && one.server === server);
    return { pool: name, server, observed: seen?.traffic ?? null, observedAt: seen?.at ?? null, ageMs: seen?.ageMs ?? null, takenOut: drains.some((drain) => drain.pool === name) };
  });
  return { flags: [...held.filter((flag) => flag !== null), ...own], places };
}
