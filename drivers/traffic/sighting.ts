/** One server as read at one moment, and the pure decision what to write next. No I/O here. */
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { WantedTraffic } from './port.ts';
import { adminOf, operationalOf, serves, type ServerState } from './servers-state.ts';
import type { ServerStat } from './stat.ts';

/** `proven`: the balancer's own check passed since the server last left maintenance, or since the balancer began. */
export interface Sighting {
  readonly traffic: ObservedTraffic;
  readonly proven: boolean;
}

export function sightingOf(state: ServerState, stat: ServerStat): Sighting {
  const admin = adminOf(state);
  const operational = operationalOf(state);
  const inService = admin === 'ready' && serves(state) && state.weight > 0;
  return {
    traffic: { admin, operational, weight: state.weight, connections: stat.connections, inService },
    // A server that leaves maintenance counts as up with `rise` points over a dead application; its first passed check fills the points.
    proven: operational === 'up' && state.checkHealth >= stat.rise + stat.fall - 1,
  };
}

/** What follows `set server <backend>/<server> `. */
export type Write = 'state ready' | 'state drain' | 'state maint' | 'health down' | `weight ${number}`;

/**
 * The writes that bring a server one safe stage nearer to `wanted`; empty: nothing to write, only to wait.
 * Maintenance is never left for `ready` directly: HAProxy would show UP, and send requests, over an application that nobody checked.
 */
export function nextWrites(seen: Sighting, wanted: WantedTraffic): readonly Write[] {
  const { admin, weight } = seen.traffic;
  if (wanted.admin !== 'ready' && admin !== wanted.admin) return [`state ${wanted.admin}`];
  // `health down` makes the server earn its way up by `rise` checks of its own, whatever the thresholds are.
  if (wanted.admin === 'ready' && admin === 'maint') return ['state drain', 'health down'];
  if (wanted.weight !== null && weight !== wanted.weight) return [`weight ${wanted.weight}`];
  if (wanted.admin === 'ready' && admin === 'drain' && (seen.proven || !takesRequests(wanted))) return ['state ready'];
  return [];
}

export function hasReached(seen: Sighting, wanted: WantedTraffic): boolean {
  const { admin, weight, operational } = seen.traffic;
  if (admin !== wanted.admin || (wanted.weight !== null && weight !== wanted.weight)) return false;
  return !takesRequests(wanted) || operational === 'up';
}

/** A server of weight 0 is ready and yet gets nothing; its check may say what it likes. */
function takesRequests(wanted: WantedTraffic): boolean {
  return wanted.admin === 'ready' && wanted.weight !== 0;
}

/** Whether the effect of one write can be seen, when its own answer was lost. */
export function isDone(write: Write, seen: Sighting): boolean {
  if (write === 'health down') return seen.traffic.operational === 'down';
  if (write.startsWith('weight ')) return seen.traffic.weight === Number(write.slice('weight '.length));
  return seen.traffic.admin === write.slice('state '.length);
}
