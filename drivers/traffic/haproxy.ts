/**
 * HAProxy by its runtime API. Its answers carry no codes, its changes are lost on reload, and a lost answer says nothing about the
 * effect: so each write is followed by a look over a fresh connection, and only what was seen counts.
 */
import { isServerName } from '../../domain/names.ts';
import type { HaproxySpec } from '../../domain/traffic-spec.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import { parseInfo } from './balancer-info.ts';
import { createPauses } from './pause.ts';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured, UnknownServers, type Traffic, type TrafficCall, type WantedTraffic } from './port.ts';
import { createRuntimeApi, parseRuntimeAddress, type RuntimeApi } from './runtime-api.ts';
import { hasCheck, parseKnownServers, parseServersState } from './servers-state.ts';
import { hasReached, isDone, nextWrites, sightingOf, type Sighting, type Write } from './sighting.ts';
import { parseStat } from './stat.ts';

const ANSWER_TIMEOUT_MS = 2_000;

/**
 * @param answerTimeoutMs per connection and answer; well below the time a target's row lock may be held
 * Throws BalancerMisconfigured when the pool names no usable socket, address or backend.
 */
export function createHaproxy(spec: HaproxySpec, answerTimeoutMs: number = ANSWER_TIMEOUT_MS): Traffic {
  const api = createRuntimeApi(addressOf(spec), answerTimeoutMs);
  const backend = checkedName(spec.backend, 'backend');
  const deps: Deps = { api, backend };
  return {
    driver: 'haproxy',
    async observe(servers, signal) {
      if (servers.length === 0) return [];
      const seen = await look(deps, servers, signal);
      return seen.map((sighting) => sighting.traffic);
    },
    drain: (server, options) => drain(deps, server, options),
    admit: (server, wanted, options) => admit(deps, server, wanted, options),
    assert: (server, wanted, call) => assert(deps, server, wanted, call),
    weight: (server, weight, call) => setWeight(deps, server, weight, call),
    async listed(signal) {
      const known = parseKnownServers(await api.ask(`show servers state ${backend}`, signal));
      if (known === null) throw notHaproxy(api);
      return known;
    },
    async identity(signal) {
      const identity = parseInfo(await api.ask('show info', signal));
      if (identity === null) throw notHaproxy(api);
      return identity;
    },
  };
}

interface Deps {
  readonly api: RuntimeApi;
  readonly backend: string;
}

type Timed = TrafficCall & { readonly timeoutMs: number };

async function drain(deps: Deps, server: string, options: Timed): Promise<ObservedTraffic> {
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let seen = await lookAt(deps, server, options.signal);
  for (;;) {
    // Maintenance, which only somebody else set, keeps requests away more strictly than a drain: it is left as it is.
    // Ready again in the middle of a drain is what a reload leaves behind, so the write is repeated.
    if (seen.traffic.admin === 'ready') seen = await write(deps, server, 'state drain', options);
    options.onProgress?.(seen.traffic);
    const drained = seen.traffic.admin !== 'ready';
    if (drained && seen.traffic.connections === 0) return seen.traffic;
    if (performance.now() >= endMs) {
      if (drained) return seen.traffic;
      throw new BalancerDown(`HAProxy at ${deps.api.place} took the drain of ${deps.backend}/${server} but shows it ready again; something else sets it. Nothing was stopped on the host.`);
    }
    await pauses.next(endMs, options.signal);
    seen = await lookAt(deps, server, options.signal);
  }
}

async function admit(deps: Deps, server: string, wanted: WantedTraffic, options: Timed): Promise<ObservedTraffic> {
  checkWanted(wanted);
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let written: string | null = null;
  let seen = await lookAt(deps, server, options.signal);
  for (;;) {
    options.onProgress?.(seen.traffic);
    if (hasReached(seen, wanted)) return seen.traffic;
    if (performance.now() >= endMs) throw notConfirmed(deps, server, wanted, seen, options.timeoutMs);
    const writes = nextWrites(seen, wanted);
    // The same write twice in a row did not stick: wait before trying again.
    if (writes.length === 0 || writes.join() === written) await pauses.next(endMs, options.signal);
    written = writes.join();
    for (const one of writes) seen = await write(deps, server, one, options);
    if (writes.length === 0) seen = await lookAt(deps, server, options.signal);
  }
}

async function assert(deps: Deps, server: string, wanted: WantedTraffic, call: TrafficCall): Promise<ObservedTraffic> {
  checkWanted(wanted);
  let seen = await lookAt(deps, server, call.signal);
  for (const one of nextWrites(seen, wanted)) seen = await write(deps, server, one, call);
  return seen.traffic;
}

async function setWeight(deps: Deps, server: string, weight: number, call: TrafficCall): Promise<ObservedTraffic> {
  checkWanted({ admin: 'ready', weight });
  let seen = await lookAt(deps, server, call.signal);
  if (seen.traffic.weight !== weight) seen = await write(deps, server, `weight ${weight}`, call);
  if (seen.traffic.weight !== weight) throw new BalancerDown(`HAProxy at ${deps.api.place} took weight ${weight} of ${deps.backend}/${server} but shows ${seen.traffic.weight}; something else sets it.`);
  return seen.traffic;
}

/** One fenced write and a look. A write whose answer was lost, but whose effect is seen, is a success. */
async function write(deps: Deps, server: string, what: Write, call: TrafficCall): Promise<Sighting> {
  let lost: BalancerDown | null = null;
  try {
    await deps.api.write(`set server ${deps.backend}/${server} ${what}`, call.fence, call.signal);
  } catch (error) {
    if (!(error instanceof BalancerDown)) throw error;
    lost = error;
  }
  const seen = await lookAt(deps, server, call.signal);
  if (lost !== null && !isDone(what, seen)) throw lost;
  return seen;
}

async function lookAt(deps: Deps, server: string, signal: AbortSignal): Promise<Sighting> {
  const [seen] = await look(deps, [server], signal);
  if (seen === undefined) throw new BalancerDown(`HAProxy at ${deps.api.place} did not show ${deps.backend}/${server}.`);
  return seen;
}

/** Both tables in one connection, so that they are of one moment and of one process. Every call begins here, so no unchecked name goes further. */
async function look({ api, backend }: Deps, servers: readonly string[], signal: AbortSignal): Promise<readonly Sighting[]> {
  const wanted = new Set(servers.map((server) => checkedName(server, 'server')));
  const answer = await api.ask(`show servers state ${backend};show stat ${backend} 4 -1`, signal);
  if (answer.startsWith("Can't find backend")) throw new UnknownServers(`HAProxy at ${api.place} has no backend "${backend}". Correct traffic.backend of the pool, or add the backend.`, servers);
  const [stateText = '', statText = ''] = answer.split('\n\n', 2);
  const states = parseServersState(stateText, wanted);
  const stats = parseStat(statText, wanted);
  if (states === null || stats === null) throw notHaproxy(api);
  const missing = servers.filter((server) => !states.has(server) || !stats.has(server));
  if (missing.length > 0) throw new UnknownServers(`Backend "${backend}" of HAProxy at ${api.place} has no server ${missing.join(', ')}. Correct traffic.server of the pool, or add the servers.`, missing);
  const unchecked = [...states.values()].filter((state) => !hasCheck(state)).map((state) => state.name);
  if (unchecked.length > 0) throw new BalancerMisconfigured(`Backend "${backend}" of HAProxy at ${api.place} does not check ${unchecked.join(', ')}: add \`check\` to the server line. Without it HAProxy shows a dead application as up.`, unchecked);
  return servers.map((server) => {
    const state = states.get(server);
    const stat = stats.get(server);
    if (state === undefined || stat === undefined) throw notHaproxy(api);
    return sightingOf(state, stat);
  });
}

function addressOf(spec: HaproxySpec): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (spec.socket !== null && spec.address === null) return { path: spec.socket };
  if (spec.address !== null && spec.socket === null) return parseRuntimeAddress(spec.address);
  throw new BalancerMisconfigured('A haproxy traffic entry needs exactly one of socket and address; correct the pool.');
}

/** `;` and newlines would split one command into several: only names of the allow-list go over the wire. */
function checkedName(name: string, kind: 'backend' | 'server'): string {
  if (isServerName(name)) return name;
  throw new BalancerMisconfigured(`${JSON.stringify(name)} is no ${kind} name: letters, digits and _ . : - are allowed, up to 64, not beginning with "-".`);
}

function checkWanted(wanted: WantedTraffic): void {
  const { weight } = wanted;
  if (weight !== null && !(Number.isInteger(weight) && weight >= 0 && weight <= 256)) throw new BalancerMisconfigured(`${weight} is no HAProxy weight: a whole number from 0 to 256.`);
}

function notHaproxy(api: RuntimeApi): BalancerDown {
  return new BalancerDown(`What answers at ${api.place} does not speak HAProxy's runtime API. Correct the pool's socket or address.`);
}

function notConfirmed(deps: Deps, server: string, wanted: WantedTraffic, seen: Sighting, timeoutMs: number): AdmitNotConfirmed {
  const { admin, operational } = seen.traffic;
  const why =
    operational === 'up' || wanted.admin !== 'ready'
      ? `it shows ${admin} with weight ${seen.traffic.weight}, wanted was ${wanted.admin}${wanted.weight === null ? '' : ` with weight ${wanted.weight}`}`
      : `the balancer's own check says ${operational} (admin state ${admin})`;
  return new AdmitNotConfirmed(`${deps.backend}/${server} of HAProxy at ${deps.api.place} did not come into service within ${timeoutMs} ms: ${why}. Ask the address that the balancer checks.`, seen.traffic);
}
