/** Hosts in memory that answer like the host program: links, processes and fences, without a disk. For fault tests of workflows. */
import { configDigest } from '../../activities/config-digest.ts';
import { answered, createFakeExecutor, refused } from './fake-executor.ts';
import type { FakeExecutor } from './fake-executor.ts';
import type { HostAnswer, HostInput, HostVerb } from '../../drivers/executors/port.ts';
import type { Planned } from './fault-script.ts';

interface FakeHost {
  digest: string | null;
  config: string | null;
  version: string | null;
  pid: number | null;
  maxEpoch: number;
  readonly versions: Map<string, string>;
  readonly done: Map<string, HostAnswer>;
  starts: string[];
}

export interface FakeFleet {
  readonly executor: FakeExecutor;
  readonly hosts: ReadonlyMap<string, FakeHost>;
}

/** Every host runs `version` with digest `aaaa…` at first; null: an empty machine. */
export function createFakeFleet(names: readonly string[], version: string | null, plan: readonly Planned<HostAnswer>[] = []): FakeFleet {
  let pids = 100;
  const fresh = (): FakeHost => ({
    digest: version === null ? null : digestOf(version),
    config: version === null ? null : `config-${version}`,
    version,
    pid: version === null ? null : pids++,
    maxEpoch: 0,
    versions: new Map(version === null ? [] : [[digestOf(version), version]]),
    done: new Map(),
    starts: [],
  });
  const hosts = new Map(names.map((name) => [name, fresh()]));
  const answer = (verb: HostVerb, name: string, input: HostInput): HostAnswer => {
    const host = hosts.get(name);
    if (host === undefined) return refused('bad-input', `no host ${name}`);
    if (verb === 'observe') return answered(observe(host, input));
    const epoch = Number(input['epoch'] ?? 0);
    if (verb !== 'verify' && epoch < host.maxEpoch) return refused('stale-epoch', `epoch ${epoch} is below ${host.maxEpoch}`);
    host.maxEpoch = Math.max(host.maxEpoch, epoch);
    if (verb === 'fence') return answered(observe(host, input));
    const opId = input['opId'] ?? '';
    const before = host.done.get(opId);
    if (before !== undefined && verb !== 'verify') return before;
    const now = act(host, verb, input, () => pids++);
    host.done.set(opId, now);
    return now;
  };
  return { executor: createFakeExecutor(answer, plan), hosts };
}

export function digestOf(version: string): string {
  return Buffer.from(version.padEnd(32, '.')).toString('hex');
}

function observe(host: FakeHost, input: HostInput): Readonly<Record<string, unknown>> {
  const process = host.pid === null ? null : { pid: host.pid, startTicks: host.pid, bootId: 'boot' };
  const applications = (input['applications'] ?? '').split(',').map((application) => ({ application, digest: host.digest, config: host.config, version: host.version, process, unmanaged: false, kept: [...host.versions.keys()], configs: (input['configs'] ?? '').split(',').filter((config) => config !== '') }));
  return { bootId: 'boot', freeBytes: 1e12, maxEpoch: host.maxEpoch, missing: [], marker: null, applications };
}

function act(host: FakeHost, verb: HostVerb, input: HostInput, nextPid: () => number): HostAnswer {
  switch (verb) {
    case 'fetch':
      return answered({ digest: input['sha256'], bytes: 1, cached: false });
    case 'unpack':
      host.versions.set(input['sha256'] ?? '', input['version'] ?? '');
      return answered({ digest: input['sha256'], entries: 1, bytes: 1 });
    case 'configure':
      return answered({ config: configDigest(input['version'] ?? '', input) });
    case 'stop':
      host.pid = null;
      return answered({ stopped: true, forced: false });
    case 'switch':
    case 'restore':
      host.digest = input['digest'] || null;
      host.config = input['config'] || null;
      host.version = host.digest === null ? null : (host.versions.get(host.digest) ?? null);
      return answered({});
    case 'start':
      host.pid = nextPid();
      host.starts.push(host.version ?? '');
      return answered({ process: { pid: host.pid, startTicks: host.pid, bootId: 'boot' } });
    case 'check':
      return answered({ status: 0, timedOut: false, output: '' });
    default:
      return answered({});
  }
}
