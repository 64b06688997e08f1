/** Kinds of release on a real Temporal server: who is touched, and who is not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getInventory, putInventory } from '../../db/inventory.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { unhealthy } from '../support/fake-health.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { inventoryOf, openBench } from '../support/release-bench.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';
import type { Bench, Faults } from '../support/release-bench.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

async function using(hosts: number, faults: Faults, work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await openBench(hosts, faults);
  try {
    await work(bench);
  } finally {
    await bench.close();
  }
}

const pids = (bench: Bench) => Object.fromEntries([...bench.fleet.hosts].map(([name, { pid }]) => [name, pid]));
const skipped = (release: ReleaseView) => release.skipped.map(({ host }) => host);
const touched = (release: ReleaseView) => release.batches.flatMap(({ targets }) => targets.map(({ host }) => host)).sort();

/** Everything done to a host or its server since `from`, but looking. */
function acts(bench: Bench, from: { readonly fleet: number; readonly traffic: number }): readonly string[] {
  const done = [...bench.fleet.executor.calls.slice(from.fleet), ...bench.traffic.calls.slice(from.traffic)];
  return done.filter((call) => !/^(?:observe|fence) /.test(call));
}

const mark = (bench: Bench) => ({ fleet: bench.fleet.executor.calls.length, traffic: bench.traffic.calls.length });

/** As if the host had just been bought: nothing installed, its server down. */
function empty(bench: Bench, name: string): void {
  Object.assign(bench.fleet.hosts.get(name) ?? {}, { digest: null, config: null, version: null, pid: null });
  bench.traffic.servers.set(name, { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: false });
}

describe('hosts that are there already', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(4);
    expect((await bench.ended(await bench.release())).status).toBe('succeeded');
  });
  afterAll(() => bench.close());

  test('are passed untouched: a release of what runs everywhere succeeds at once, says so, and does nothing but look and fence', async () => {
    const [before, from] = [pids(bench), mark(bench)];
    const id = await bench.release({ strategy: { postRelease: { watchSeconds: 600 } } });
    const release = await bench.ended(id);
    expect(release).toMatchObject({ status: 'succeeded', batches: [], allowedCommands: [] });
    expect(release.skipped).toEqual(bench.names.map((host) => ({ host, why: 'runs web v2 already, in service and healthy' })));
    expect(pids(bench)).toEqual(before);
    expect(acts(bench, from)).toEqual([]);
    const events = await readReleaseEvents(bench.db, { release: id });
    expect(events.filter(({ type }) => type.startsWith('target-step') || type === 'target-staged')).toEqual([]);
  });

  test('are in no batch while the one that differs is released to', async () => {
    Object.assign(bench.fleet.hosts.get('web-03') ?? {}, { digest: digestOf('v1'), version: 'v1' });
    const [before, from] = [pids(bench), mark(bench)];
    const release = await bench.ended(await bench.release());
    expect(release.status).toBe('succeeded');
    expect([touched(release), skipped(release)]).toEqual([['web-03'], ['web-01', 'web-02', 'web-04']]);
    expect(acts(bench, from).filter((call) => !call.endsWith(' web-03'))).toEqual([]);
    expect({ ...pids(bench), 'web-03': null }).toEqual({ ...before, 'web-03': null });
    expect(pids(bench)['web-03']).not.toBe(before['web-03']);
  });

  test('are released to when only their configuration would change', async () => {
    const release = await bench.ended(await bench.release({ env: { LOG_LEVEL: 'debug' } }));
    expect([release.status, touched(release), skipped(release)]).toEqual(['succeeded', bench.names, []]);
    expect(skipped(await bench.ended(await bench.release({ env: { LOG_LEVEL: 'debug' } })))).toEqual(bench.names);
  });

  test('are released to when they are out of service or nothing runs on them', async () => {
    await bench.ended(await bench.release());
    Object.assign(bench.fleet.hosts.get('web-02') ?? {}, { pid: null });
    bench.traffic.servers.set('web-04', { ...bench.traffic.servers.get('web-04')!, inService: false });
    const release = await bench.ended(await bench.release());
    expect([touched(release), skipped(release)]).toEqual([['web-02', 'web-04'], ['web-01', 'web-03']]);
  });

  test('are installed again by a redeploy, every one and without a bastion', async () => {
    const before = pids(bench);
    const release = await bench.ended(await bench.release({ kind: 'redeploy' }));
    expect([release.kind, release.status, skipped(release), touched(release)]).toEqual(['redeploy', 'succeeded', [], bench.names]);
    expect(release.batches.map(({ kind }) => kind)).not.toContain('bastion');
    for (const name of bench.names) expect(pids(bench)[name]).not.toBe(before[name]);
  });
});

test('a host that runs the version but fails its health check is released to', async () => {
  await using(2, {}, async (bench) => {
    await bench.ended(await bench.release());
    await using(2, { health: [{ call: 'verify web-02', nth: 2, fault: { lie: unhealthy('health-timeout', 'sick') } }] }, async (sick) => {
      await sick.ended(await sick.release());
      const release = await sick.ended(await sick.release());
      expect([touched(release), skipped(release)]).toEqual([['web-02'], ['web-01']]);
    });
  });
});

test('a rollback passes hosts that are back already, restores the others and names both', async () => {
  await using(4, {}, async (bench) => {
    const first = await bench.release();
    await bench.ended(first);
    Object.assign(bench.fleet.hosts.get('web-02') ?? {}, { digest: digestOf('v1'), config: 'config-v1', version: 'v1' });
    const before = pids(bench);
    const release = await bench.ended(await bench.release({ rollbackOf: first }));
    expect(release).toMatchObject({ status: 'rolled-back', rollback: { restored: 3 }, skipped: [{ host: 'web-02', why: 'runs web v1 already, in service and healthy' }] });
    expect(touched(release)).toEqual(['web-01', 'web-03', 'web-04']);
    expect(pids(bench)['web-02']).toBe(before['web-02']);
    expect(new Set([...bench.fleet.hosts.values()].map(({ version }) => version))).toEqual(new Set(['v1']));
  });
});

describe('a scale-out', () => {
  test('brings up the host that does not serve, restarts no other, and taking it back leaves that host as empty as it was', async () => {
    await using(4, {}, async (bench) => {
      await bench.ended(await bench.release({ hosts: bench.names.slice(0, 3) }));
      empty(bench, 'web-04');
      const before = pids(bench);
      const id = await bench.release({ kind: 'scale-out' });
      const release = await bench.ended(id);
      expect([release.status, touched(release), skipped(release)]).toEqual(['succeeded', ['web-04'], ['web-01', 'web-02', 'web-03']]);
      expect(bench.fleet.hosts.get('web-04')?.version).toBe('v2');
      expect({ ...pids(bench), 'web-04': null }).toEqual({ ...before, 'web-04': null });
      const back = await bench.ended(await bench.release({ rollbackOf: id }));
      expect(back).toMatchObject({ status: 'rolled-back', rollback: { restored: 1 } });
      expect(bench.fleet.hosts.get('web-04')).toMatchObject({ digest: null, pid: null });
      expect({ ...pids(bench), 'web-04': null }).toEqual({ ...before, 'web-04': null });
    });
  });

  test('of another version touches no host that serves', async () => {
    await using(2, {}, async (bench) => {
      const release = await bench.ended(await bench.release({ kind: 'scale-out', version: 'v9' }));
      expect(release).toMatchObject({ status: 'succeeded', batches: [], skipped: [{ host: 'web-01', why: 'serves web v1; a scale-out restarts no host that serves' }, { host: 'web-02' }] });
    });
  });

  test('made for hosts that joined does nothing once a later release has brought the pool elsewhere', async () => {
    await using(3, {}, async (bench) => {
      const newer = await bench.release({ version: 'v3' });
      await bench.ended(newer);
      empty(bench, 'web-03');
      const release = await bench.ended(await bench.release({ kind: 'scale-out', version: 'v2', joined: ['web-03'] }));
      expect(release).toMatchObject({ status: 'succeeded', batches: [] });
      expect(release.skipped[2]).toEqual({ host: 'web-03', why: `pool web-prod runs web v3 since release ${newer}, which sees to hosts that joined` });
      expect(bench.fleet.hosts.get('web-03')?.pid).toBeNull();
    });
  });
});

/** The live inventory, as an operator declares it: a release compares its pool with that. */
async function declare(bench: Bench, hosts: readonly string[]): Promise<void> {
  const { pool, strategy, applications, hosts: specs, packages } = inventoryOf(hosts, {}, ['web']);
  const documents: InventoryDocument[] = [
    { kind: 'strategy', name: strategy.name, spec: strategy },
    ...applications.map((spec) => ({ kind: 'application' as const, name: spec.name, spec })),
    ...specs.map((spec) => ({ kind: 'host' as const, name: spec.name, spec })),
    ...['v1', 'v2'].flatMap((version) => packages.map((spec) => ({ kind: 'package' as const, name: `web@${version}`, spec: { ...spec, id: `web@${version}`, version, sha256: digestOf(version) } }))),
    { kind: 'pool', name: pool.name, spec: { ...pool, strategy: strategy.name } },
  ];
  for (const document of documents) {
    const expectedVersion = (await getInventory(bench.db, document.kind, document.name))?.version ?? null;
    await putInventory(bench.db, { ...document, expectedVersion, actor: { kind: 'token', name: 'op' } });
  }
}

describe('a pool that changes while a release runs', () => {
  const BAKES = { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' } } as const;

  test('has its new host brought up by a scale-out queued behind the release, and its lost one written down as debt, unreachable or not', async () => {
    await using(4, { executor: [{ call: 'observe web-03', nth: 3, fault: 'hang' }] }, async (bench) => {
      empty(bench, 'web-04');
      await declare(bench, ['web-01', 'web-02', 'web-03']);
      const id = await bench.release({ hosts: ['web-01', 'web-02', 'web-03'], strategy: BAKES });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      await declare(bench, ['web-01', 'web-02', 'web-04']);
      await bench.send(id, 'promote');
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-03', cause: 'left' }], compared: { left: ['web-03'], joined: ['web-04'], note: null } });
      const scaleOut = await bench.ended(release.compared?.scaleOut ?? '');
      expect(scaleOut).toMatchObject({ kind: 'scale-out', status: 'succeeded', requestedBy: 'signalbox', changes: [{ application: 'web', to: 'v2' }] });
      expect([touched(scaleOut), skipped(scaleOut)]).toEqual([['web-04'], ['web-01', 'web-02']]);
      expect(bench.fleet.hosts.get('web-04')?.version).toBe('v2');
    });
  });

  test('has a host that joined during a rollback brought to the version the pool went back to', async () => {
    await using(3, {}, async (bench) => {
      empty(bench, 'web-03');
      await declare(bench, ['web-01', 'web-02']);
      const id = await bench.release({ hosts: ['web-01', 'web-02'], strategy: BAKES });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
      await declare(bench, ['web-01', 'web-02', 'web-03']);
      await bench.send(id, 'rollback');
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'rolled-back', compared: { joined: ['web-03'] } });
      const scaleOut = await bench.ended(release.compared?.scaleOut ?? '');
      expect(scaleOut).toMatchObject({ status: 'succeeded', changes: [{ application: 'web', to: 'v1' }] });
      expect([touched(scaleOut), bench.fleet.hosts.get('web-03')?.version]).toEqual([['web-03'], 'v1']);
    });
  });
});
