/**
 * nginx by an include file that Signalbox owns. nginx has no wire to change a server by, so each change is a file, a test and a reload; and
 * as a reload has no answer, the workers are asked what they go by. A state counts only when the file and the running workers agree on it.
 */
import { isServerName } from '../../domain/names.ts';
import type { NginxSpec } from '../../domain/traffic-spec.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import { changeServer, CHANGE_TIMES, type ChangeTimes, type Place } from './nginx/change.ts';
import { countConnections } from './nginx/connections.ts';
import { readIncludeFile } from './nginx/include-file.ts';
import { endingWorkers, findMaster, identityOf, workerUser } from './nginx/master.ts';
import { WEIGHT_MAX, type ServedState, type ServerLine, type ServerSetting } from './nginx/server-file.ts';
import { askServed } from './nginx/status.ts';
import { createPauses } from './pause.ts';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured, UnknownServers, type Traffic, type TrafficCall, type WantedTraffic } from './port.ts';

/** @param times how long each part of a change may take */
export function createNginx({ file, status, pidFile }: NginxSpec, times: ChangeTimes = CHANGE_TIMES): Traffic {
  const place: Place = { file, status, pidFile, times };
  return {
    driver: 'nginx',
    async observe(servers, signal) {
      signal.throwIfAborted();
      if (servers.length === 0) return [];
      return (await look(place, servers, signal)).map(({ traffic }) => traffic);
    },
    drain: (server, options) => drain(place, server, options),
    admit: (server, wanted, options) => admit(place, server, wanted, options),
    assert: (server, wanted, call) => assert(place, server, wanted, call),
    weight: (server, weight, call) => setWeight(place, server, weight, call),
    async identity(signal) {
      signal.throwIfAborted();
      return identityOf(findMaster(pidFile));
    },
  };
}

type Timed = TrafficCall & { readonly timeoutMs: number };

/** `isInForce`: the running workers go by what the file says of this server. */
interface Sighting {
  readonly traffic: ObservedTraffic;
  readonly isInForce: boolean;
}

async function drain(place: Place, server: string, options: Timed): Promise<ObservedTraffic> {
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let seen = await lookAt(place, server, options.signal);
  for (;;) {
    if (!isReached(seen, DRAINED)) {
      await write(place, server, DRAINED, options);
      seen = await lookAt(place, server, options.signal);
    }
    options.onProgress?.(seen.traffic);
    const drained = isReached(seen, DRAINED);
    if (drained && seen.traffic.connections === 0) return seen.traffic;
    if (performance.now() >= endMs) {
      if (drained) return seen.traffic;
      throw new BalancerDown(`nginx took the drain of ${server} but shows it ready again; something else writes ${place.file}. Nothing was stopped on the host.`);
    }
    await pauses.next(endMs, options.signal);
    seen = await lookAt(place, server, options.signal);
  }
}

const DRAINED: WantedTraffic = { admin: 'drain', weight: null };

async function admit(place: Place, server: string, wanted: WantedTraffic, options: Timed): Promise<ObservedTraffic> {
  checkWanted(wanted);
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let hasWritten = false;
  for (;;) {
    const seen = await lookAt(place, server, options.signal);
    options.onProgress?.(seen.traffic);
    if (isReached(seen, wanted)) return seen.traffic;
    if (performance.now() >= endMs) throw notConfirmed(place, server, wanted, seen, options.timeoutMs);
    // A write that did not stick is somebody else's doing: wait before trying again.
    if (hasWritten) await pauses.next(endMs, options.signal);
    await write(place, server, wanted, options);
    hasWritten = true;
  }
}

async function assert(place: Place, server: string, wanted: WantedTraffic, call: TrafficCall): Promise<ObservedTraffic> {
  checkWanted(wanted);
  const seen = await lookAt(place, server, call.signal);
  if (isReached(seen, wanted)) return seen.traffic;
  await write(place, server, wanted, call);
  return (await lookAt(place, server, call.signal)).traffic;
}

async function setWeight(place: Place, server: string, weight: number, call: TrafficCall): Promise<ObservedTraffic> {
  const before = await lookAt(place, server, call.signal);
  const wanted = { admin: before.traffic.admin === 'ready' ? 'ready' : 'drain', weight } as const;
  const shown = await assert(place, server, wanted, call);
  if (shown.weight !== weight) throw new BalancerDown(`nginx took weight ${weight} of ${server} but shows ${shown.weight}; something else writes ${place.file}.`);
  return shown;
}

async function write(place: Place, server: string, { admin, weight }: WantedTraffic, call: TrafficCall): Promise<void> {
  const next = (servers: ReadonlyMap<string, ServerLine>): ReadonlyMap<string, ServerSetting> => {
    const line = servers.get(server);
    if (line === undefined) throw unknown(place, [server]);
    return new Map([[server, { isDown: admin !== 'ready', weight: weight ?? line.weight }]]);
  };
  await changeServer(place, next, call);
}

function isReached({ traffic, isInForce }: Sighting, { admin, weight }: WantedTraffic): boolean {
  return isInForce && traffic.admin === admin && (weight === null || traffic.weight === weight);
}

async function lookAt(place: Place, server: string, signal: AbortSignal): Promise<Sighting> {
  const [seen] = await look(place, [server], signal);
  if (seen === undefined) throw unknown(place, [server]);
  return seen;
}

async function look(place: Place, servers: readonly string[], signal: AbortSignal): Promise<readonly Sighting[]> {
  signal.throwIfAborted();
  for (const server of servers) checkName(server);
  const master = findMaster(place.pidFile);
  const served = await askServed(place.status, place.times.answerMs, signal);
  const { read } = await readIncludeFile(place.file);
  const missing = servers.filter((server) => !read.servers.has(server));
  if (missing.length > 0) throw unknown(place, missing);
  const lines = servers.flatMap((server) => read.servers.get(server) ?? []);
  const connections = await countConnections(lines.map(({ address }) => address), { pid: master.pid, user: workerUser(master) ?? 0 });
  // A worker from before the drain may still choose the server for a request that it is reading.
  const ending = endingWorkers(master).length;
  return lines.map((line, index) => sightingOf(line, served, { connections: connections[index] ?? 0, ending }));
}

/**
 * Out where the file or the workers say so, in only where both do: between a write and its reload, and after an edit by hand, nobody knows
 * better. A server that the workers were never told of by us stands as its line says.
 */
function sightingOf(line: ServerLine, served: ServedState, { connections, ending }: { readonly connections: number; readonly ending: number }): Sighting {
  const told = served.servers.get(line.name);
  const isOut = line.isDown || told?.isDown === true;
  const isInForce = told === undefined ? served.generation === 0 : told.isDown === line.isDown && told.weight === line.weight;
  return {
    traffic: { admin: isOut ? 'drain' : 'ready', operational: 'unknown', weight: line.weight, connections: isOut ? Math.max(connections, ending) : connections, inService: !isOut },
    isInForce,
  };
}

function checkName(name: string): void {
  if (!isServerName(name)) throw new BalancerMisconfigured(`${JSON.stringify(name)} is no server name: letters, digits and _ . : - are allowed, up to 64, not beginning with "-".`);
}

function checkWanted({ admin, weight }: WantedTraffic): void {
  if (admin === 'maint') throw new BalancerMisconfigured('nginx has no maintenance state: a server is ready or drained there.');
  if (weight !== null && !(Number.isInteger(weight) && weight >= 1 && weight <= WEIGHT_MAX)) throw new BalancerMisconfigured(`${weight} is no weight of nginx: a whole number from 1 to ${WEIGHT_MAX}.`);
}

function unknown({ file }: Place, servers: readonly string[]): UnknownServers {
  return new UnknownServers(`The include file ${file} of nginx has no server ${servers.join(', ')}. Correct traffic.server of the pool, or add \`server ADDRESS; # NAME\` there and reload nginx.`, servers);
}

function notConfirmed({ file }: Place, server: string, wanted: WantedTraffic, { traffic, isInForce }: Sighting, timeoutMs: number): AdmitNotConfirmed {
  const shown = `it shows ${traffic.admin} with weight ${traffic.weight}${isInForce ? '' : ', and the running workers say otherwise'}`;
  return new AdmitNotConfirmed(`${server} of nginx did not come into service within ${timeoutMs} ms: ${shown}, wanted was ${wanted.admin}${wanted.weight === null ? '' : ` with weight ${wanted.weight}`}. Look who else writes ${file}.`, traffic);
}
