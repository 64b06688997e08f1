/** The row lock of a host for who carries out its flags: releases write to its servers under the same one. */
import pg from 'pg';
import { limited, holding } from './holding.ts';
import { NO_FLUSH } from './fence.ts';
import { loweredOwners, type DrainPlace } from './flag-drains.ts';
import type { FlagOwner } from '../domain/flags.ts';
import type { Database } from './client.ts';

const WRITE_MS_MAX = 6_000;

/**
 * Runs `fn` with the owners whose flags are down, while no release can write to the host's servers: for one short write to a balancer.
 * A flag may be set meanwhile: whoever carries out flags looks again. Throws HeldTooLong after 6 s, less than a pool's turn may take.
 */
export async function withHostLock<T>(db: Database, place: DrainPlace, fn: (down: readonly FlagOwner[]) => Promise<T>): Promise<T> {
  const host = pg.escapeLiteral(place.host);
  const exists = `insert into host_locks (host) values (${host}) on conflict do nothing`;
  const lock = `select from host_locks where host = ${host} for no key update`;
  let down: readonly FlagOwner[] = [];
  const check = ([row]: readonly { readonly down: readonly FlagOwner[] }[]): void => {
    down = row?.down ?? [];
  };
  const take = [exists, 'begin', NO_FLUSH, lock, `select ${loweredOwners(place)} as down`];
  return holding(db.locks.fences, { take, check }, () => limited(`host ${place.host}`, WRITE_MS_MAX, () => fn(down)));
}
