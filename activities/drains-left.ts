/** Drains that an earlier release of ours left behind: they are ours to lift, while one that a person set is not. */
import { leftOutBy } from '../db/target-facts.ts';
import { placesOf } from '../domain/place.ts';
import { admittedTo, serverIn, serversOf } from '../domain/traffic-beneath.ts';
import { isSameServer } from '../domain/traffic-entry.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { TrafficSpec } from '../domain/traffic-spec.ts';
import type { LeftBy, Observation, ObservedServer } from '../domain/release/target.ts';

/** The observation with `leftBy` on each drained server that the last release on the host took out, at whatever entry of its. */
export async function withDrainsLeft(deps: ActivityDeps, inventory: Inventory, { release, host }: { readonly release: string; readonly host: string }, seen: Observation): Promise<Observation> {
  if (!serversOf(seen).some(({ traffic }) => traffic.admin === 'drain')) return seen;
  const left = await leftOutBy(deps.db, release, host);
  if (left === null) return seen;
  const before = placesOf(await deps.facts.inventory(left.release), host);
  const leftAt = (traffic: TrafficSpec): LeftBy | null => {
    const index = before.findIndex((place) => isSameServer(place.traffic, traffic));
    const server = index < 0 ? undefined : serverIn(left.preImage, index === 0 ? null : (before[index]?.pool ?? null));
    return server === undefined ? null : { release: left.release, ...admittedTo(server, 'forward') };
  };
  const [own, ...further] = placesOf(inventory, host);
  const marked = <S extends ObservedServer>(server: S, traffic: TrafficSpec | undefined): S => {
    const leftBy = server.traffic.admin === 'drain' && traffic !== undefined ? leftAt(traffic) : null;
    return leftBy === null ? server : { ...server, leftBy };
  };
  const found = marked(seen, own.traffic);
  return seen.elsewhere === undefined ? found : { ...found, elsewhere: seen.elsewhere.map((one) => marked(one, further.find(({ pool }) => pool === one.pool)?.traffic)) };
}
