/** Signalbox's side: the fleet declared once, then one POST per release, as a CI job sends it. */
import { demoApi, type DemoApi } from '../../examples/demo/api.ts';
import { awaitSuccess, eventsOf } from '../awaited-release.ts';
import { BATCH_PERCENT, DRAIN_TIMEOUT_SECONDS, HEALTH_INTERVAL_MS, HEALTH_PATH, HOSTS, type Fleet } from './fleet.ts';
import { takeSnapshot, timeBetween } from './processor-time.ts';
import type { StoredReleaseEvent } from '../../domain/release/events.ts';
import type { PackageStore, PublishedPackage } from './package-store.ts';
import type { Services } from './services.ts';
import type { MeasuredRelease, SideResult } from './side.ts';

export interface SignalboxRelease extends MeasuredRelease {
  readonly id: string;
  readonly events: readonly StoredReleaseEvent[];
}

export interface SignalboxSideOptions {
  readonly fleet: Fleet;
  readonly store: PackageStore;
  readonly services: Services;
  readonly runs: number;
  /** releases go on until the users have asked this often */
  readonly requestsMin: number;
  readonly log: (line: string) => void;
}

const APPLICATION = 'web';
const POOL = 'bench';

/** The first install is not measured; then releases one after the other under load, as many as asked for and as the requests need. */
export async function runSignalbox(options: SignalboxSideOptions): Promise<SideResult<SignalboxRelease>> {
  const { fleet, store, services, log } = options;
  const api = demoApi({ url: services.apiUrl, token: services.token, signal: AbortSignal.timeout(3_600_000) });
  await api.post('/v1/apply', { documents: documents(fleet) });
  const release = async (published: PublishedPackage): Promise<SignalboxRelease> => {
    await api.post('/v1/packages', { application: APPLICATION, version: published.version, uri: published.uri, sha256: published.sha256, sizeBytes: published.sizeBytes });
    const measured = await measure(api, services, published.version);
    await fleet.runs(published.version);
    return { ...measured, events: await eventsOf(api, measured.id) };
  };
  await release(store.publish('1.0.0'));
  const traffic = fleet.startTraffic();
  const releases: SignalboxRelease[] = [];
  while (releases.length < options.runs || traffic.counts().total < options.requestsMin) {
    const measured = await release(store.publish(`${releases.length + 2}.0.0`));
    releases.push(measured);
    log(`Signalbox ${releases.length}: ${(measured.wallMs / 1000).toFixed(2)} s wall`);
  }
  return { releases, traffic: await traffic.stop() };
}

/** From right before the POST until the release says of itself that it finished; the clock is the same one. */
async function measure(api: DemoApi, services: Services, version: string): Promise<Omit<SignalboxRelease, 'events'>> {
  const before = takeSnapshot(services.roots());
  const startedAt = Date.now();
  const { id } = await api.post<{ readonly id: string }>('/v1/releases', { pool: POOL, changes: [{ application: APPLICATION, version }] }, `bench-${version}`);
  const { finishedAtMs } = await awaitSuccess(api, id);
  const processor = timeBetween(before, takeSnapshot(services.roots()));
  return { id, version, wallMs: finishedAtMs - startedAt, processor };
}

/** No baking and no watching: what is left is the work itself. */
function documents(fleet: Fleet): readonly object[] {
  return [
    {
      kind: 'Application',
      name: APPLICATION,
      recipe: 'service',
      owners: ['bench'],
      run: { command: ['${node}', 'app.cjs', '-port', '${port}'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, env: { HOST_NAME: '${host.name}' } },
      variables: { node: process.execPath },
      health: [{ http: { path: HEALTH_PATH, port: '${port}', status: [200], version: { json: 'version' } }, passes: 1, intervalMs: HEALTH_INTERVAL_MS, timeoutSeconds: 6 }],
    },
    ...fleet.hosts.map(({ name, address, port, root }, index) => ({ kind: 'Host', name, address, zone: `zone-${index % 3}`, executor: { driver: 'local', root }, variables: { port: String(port) } })),
    {
      kind: 'Pool',
      name: POOL,
      environment: 'prod',
      applications: [APPLICATION],
      hosts: fleet.hosts.map(({ name }) => name),
      // The largest batch, and not one host more, may be out.
      capacity: { minInServicePercent: 100 - BATCH_PERCENT },
      traffic: { driver: 'haproxy', socket: fleet.balancer.socket, backend: fleet.backend, server: '${host.name}', drainTimeoutSeconds: DRAIN_TIMEOUT_SECONDS },
      strategy: 'at-once',
      busy: 'reject',
    },
    {
      kind: 'Strategy',
      name: 'at-once',
      bastion: { count: 1, bakeSeconds: 0, promote: 'auto' },
      batches: { percent: [BATCH_PERCENT], maxParallel: HOSTS, bakeSeconds: 0 },
      tolerance: { perBatch: 0, total: 0 },
      onFailure: 'rollback',
      rollback: { on: ['bastion', 'tolerance'], mode: 'regular' },
      postRelease: { watchSeconds: 0 },
    },
  ];
}
