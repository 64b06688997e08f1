/** Does every server at the balancers stand as the log explains it? Judged from what workers last saw there. */
import { isHeldOut } from '../release-hold.ts';
import { repairCommand, type Look, type NewFinding } from './finding.ts';
import type { ObservedTraffic, TargetState } from '../release/target.ts';

/** One server of one pool as it was last seen, and everything that may explain it. */
export interface SeenServer {
  readonly pool: string;
  readonly host: string;
  readonly server: string;
  readonly traffic: ObservedTraffic;
  /** since the look */
  readonly ageMs: number;
  /** a flag of the host, but the release's, is down */
  readonly isFlagged: boolean;
  /** flags took it out and have not brought it back yet */
  readonly isDrainedByFlags: boolean;
  /** the release that owns the host now */
  readonly owner: string | null;
  /** what the release that touched the host last recorded of it */
  readonly last: { readonly release: string; readonly state: TargetState; /** since its end; null: it has not ended */ readonly endedMs: number | null } | null;
  /** what the owner wants of this server, and since when */
  readonly wish: { readonly release: string; readonly wanted: { readonly admin: ObservedTraffic['admin']; readonly weight: number | null }; readonly ageMs: number } | null;
}

/** An older look says nothing about now. */
const LOOK_MS_MAX = 30_000;
/** A wish is written, and written again after a reload, within a few seconds; a look that is older than that many does not know it. */
const SETTLED_MS = 10_000;
/** Clocks of different machines may differ a little. */
const END_MS = 2_000;

export function lookAtServers(servers: readonly SeenServer[]): Look {
  const old = new Set(servers.filter(({ ageMs }) => ageMs > LOOK_MS_MAX).map(({ pool, host }) => `${pool}/${host}`));
  return {
    kinds: ['unexplained-drain', 'traffic-differs'],
    found: servers.flatMap((server) => findingOfServer(server) ?? []),
    isUnjudged: (id) => old.has(id.slice(id.indexOf('/') + 1)),
  };
}

/** Whoever owns the host answers for it; only where nobody does, a drain needs an explanation. */
export function findingOfServer(server: SeenServer): NewFinding | null {
  if (server.ageMs > LOOK_MS_MAX) return null;
  if (server.owner !== null) return differsFromWish(server);
  // A look from before its end saw what the release itself had in hand.
  if (server.last !== null && (server.last.endedMs ?? 0) < server.ageMs + END_MS) return null;
  const isOut = server.traffic.admin === 'drain' || server.traffic.admin === 'maint';
  const isExplained = server.isFlagged || server.isDrainedByFlags || (server.last !== null && isHeldOut(server.last.state));
  return isOut && !isExplained ? unexplained(server) : null;
}

/** A server that should be out and is not is told, sooner, by whoever watches the balancers of running releases. */
function differsFromWish({ pool, host, server, traffic, wish, isFlagged, isDrainedByFlags, ageMs }: SeenServer): NewFinding | null {
  if (wish === null || wish.ageMs < SETTLED_MS + ageMs || isFlagged || isDrainedByFlags) return null;
  const { release, wanted } = wish;
  const isLost = wanted.admin === 'ready' && (traffic.admin !== 'ready' || (wanted.weight !== null && traffic.weight !== wanted.weight));
  if (!isLost) return null;
  const id = `traffic-differs/${pool}/${host}`;
  return {
    id,
    kind: 'traffic-differs',
    subject: host,
    sentence: `Release ${release} put ${host} into service in pool ${pool}, but the balancer shows server ${server} as ${traffic.admin} with weight ${traffic.weight ?? 'none'}.`,
    matters: 'The pool serves with less than the release counts on. Repairing writes again what the release wants.',
    repair: repairCommand(id),
    verb: 'assert-again',
    about: { release, host, pool, server },
  };
}

function unexplained({ pool, host, server, traffic }: SeenServer): NewFinding {
  const id = `unexplained-drain/${pool}/${host}`;
  const base = { id, kind: 'unexplained-drain', subject: host, about: { host, pool, server, weight: traffic.weight } } as const;
  const matters = `The pool serves with one host less, and nobody will bring it back: releases leave it as they find it.`;
  if (traffic.admin === 'maint') {
    const repair = `signalbox host drain ${host} --pool ${pool} --force --reason ...`;
    return { ...base, sentence: `Somebody put server ${server} (${host}) of pool ${pool} into maintenance at the balancer, and no release and no flag explains it.`, matters: `${matters} Say why it is out with the command below, or set it to ready at the balancer.`, repair };
  }
  return {
    ...base,
    sentence: `Server ${server} (${host}) of pool ${pool} is drained at the balancer, and no release and no flag explains it.`,
    matters: `${matters} Repairing brings it in; to keep it out, say so: signalbox host drain ${host} --pool ${pool} --force --reason ...`,
    repair: repairCommand(id),
    verb: 'bring-in',
  };
}
