/**
 * Drivers that touch nothing and answer at once, for benches: hosts, balancer, health and package store as a few fields in memory,
 * or in a folder where workers follow one another.
 * They answer as real ones do after a release that goes well, so that a release over them does all of its own work and nobody else's.
 */
import { keptState } from './kept-state.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Executor, HostAnswer, HostInput, HostVerb } from '../drivers/executors/port.ts';
import type { HealthVerdict } from '../drivers/health/port.ts';
import type { Traffic, WantedTraffic } from '../drivers/traffic/port.ts';

interface NoOpHost {
  digest: string | null;
  config: string | null;
  version: string | null;
  pid: number;
  /** version of the release that waits to be switched to */
  stagedVersion: string | null;
}

const SICK: HealthVerdict = { healthy: false, code: 'health-timeout', message: 'It is sick, as the bench wants it.', observedVersion: null, log: '' };
const FREE_BYTES = 1e12;
const BOOT_ID = 'bench';

/** Everything the activities need from outside but the database; hosts come into being, empty, when they are first asked. Those of `sick` never pass a health check. */
export function createNoOpDrivers(folder: string | null = null, sick: readonly string[] = []): Omit<ActivityDeps, 'db' | 'facts'> {
  const executor = createNoOpExecutor(folder);
  const traffic = createNoOpTraffic(folder);
  return {
    executorFor: () => executor,
    hostProgram: null,
    trafficFor: () => traffic,
    health: {
      kind: 'no-op',
      verify: async ({ host, expectedVersion, check }) => (sick.includes(host.name) ? SICK : { healthy: true, observedVersion: expectedVersion, probes: check.passes }),
    },
    storeFor: () => ({ driver: 'no-op', schemes: ['http'], inspect: async ({ sizeBytes }) => ({ sizeBytes }) }),
    fetching: (_signal, work) => work(),
  };
}

function createNoOpExecutor(folder: string | null): Executor {
  const hosts = keptState<NoOpHost>(folder, 'hosts');
  let pids = 100;
  return {
    driver: 'no-op',
    run: async (host, verb, input) => {
      const known = hosts.get(host.name) ?? { digest: null, config: null, version: null, pid: 0, stagedVersion: null };
      const result = act(known, verb, input, () => pids++);
      hosts.set(host.name, known);
      return answered(result);
    },
  };
}

function answered(result: Readonly<Record<string, unknown>>): HostAnswer {
  return { ok: true, repeated: false, result };
}

function act(host: NoOpHost, verb: HostVerb, input: HostInput, nextPid: () => number): Readonly<Record<string, unknown>> {
  switch (verb) {
    case 'observe':
    case 'fence':
      return observation(host, input);
    case 'fetch':
      return { digest: input['sha256'], bytes: 1, cached: false };
    case 'unpack':
      host.stagedVersion = input['version'] ?? null;
      return { digest: input['sha256'], entries: 1, bytes: 1 };
    case 'configure':
      return { config: `config-${input['version'] ?? ''}` };
    case 'stop':
      host.pid = 0;
      return { stopped: true, forced: false };
    case 'switch':
    case 'restore':
      host.digest = input['digest'] || null;
      host.config = input['config'] || null;
      host.version = host.stagedVersion;
      return {};
    case 'start':
      host.pid = nextPid();
      return { process: processOf(host) };
    case 'clean':
      return { removed: [] };
    case 'reload':
    case 'schedule':
    case 'verify':
    case 'check':
    case 'hook':
      return {};
    default:
      return unknownVerb(verb);
  }
}

function observation({ digest, config, version, pid }: NoOpHost, input: HostInput): Readonly<Record<string, unknown>> {
  const process = pid === 0 ? null : processOf({ pid });
  const applications = (input['applications'] ?? '').split(',').map((application) => ({ application, digest, config, version, process, unmanaged: false }));
  return { bootId: BOOT_ID, freeBytes: FREE_BYTES, maxEpoch: 0, missing: [], marker: null, applications };
}

function processOf({ pid }: Pick<NoOpHost, 'pid'>): Readonly<Record<string, unknown>> {
  return { pid, startTicks: pid, bootId: BOOT_ID };
}

const IN_SERVICE: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true };

/** A balancer whose servers are in service at first. Writes go through the fence, as real ones do. */
function createNoOpTraffic(folder: string | null): Traffic {
  const servers = keptState<ObservedTraffic>(folder, 'servers');
  const show = (server: string): ObservedTraffic => servers.get(server) ?? IN_SERVICE;
  const put = (server: string, { admin, weight }: WantedTraffic): ObservedTraffic => {
    servers.set(server, { ...IN_SERVICE, admin, weight: weight ?? show(server).weight, inService: admin === 'ready' });
    return show(server);
  };
  return {
    driver: 'no-op',
    observe: async (asked) => asked.map(show),
    drain: (server, { fence }) => fence(async () => put(server, { admin: 'drain', weight: null })),
    admit: (server, wanted, { fence }) => fence(async () => put(server, wanted)),
    assert: (server, wanted, { fence }) => fence(async () => put(server, wanted)),
    weight: (server, weight, { fence }) => fence(async () => put(server, { admin: show(server).admin === 'ready' ? 'ready' : 'drain', weight })),
    identity: async () => null,
  };
}

function unknownVerb(verb: never): never {
  throw new Error(`The no-op executor does not know the verb ${String(verb)}`);
}
