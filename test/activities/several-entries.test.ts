/** Hosts that stand behind two entries: `web`, the entry of the released pool, and `secure`, that of another one. */
import { describe, expect, test } from 'vitest';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { AdmitNotConfirmed } from '../../drivers/traffic/port.ts';
import { applyInventory } from '../../db/inventory.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { setHostFlag } from '../../db/host-flags.ts';
import { releaseFlag } from '../../db/release-flag.ts';
import { listWantedTraffic } from '../../db/wanted-traffic.ts';
import { unhealthy } from '../support/fake-health.ts';
import { inventoryOf } from '../support/release-bench.ts';
import { times, using } from './using.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';
import type { MemberPool } from '../../domain/inventory.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { FakeTraffic } from '../support/fake-traffic.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

const HOSTS = 6;
const SECURE = { driver: 'haproxy', socket: '/none', address: null, backend: 'secure', server: '${host.name}', drainTimeoutSeconds: 5 } as const;
/** Two hosts of the released pool and two others; floor 2 of 4. */
const M: MemberPool = { name: 'secure', hosts: ['web-05', 'web-06', 'out-1', 'out-2'], minInServicePercent: 50, traffic: SECURE };
const BOTH = ['web-05', 'web-06'];
const BAKING = { strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto', hosts: ['web-01'] } } } as const;
const MEMBERS = { members: [M] } as const;

const IN: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true };
const show = (traffic: FakeTraffic, host: string, more: Partial<ObservedTraffic>): void => void traffic.servers.set(host, { ...IN, ...more });
const fall = (traffic: FakeTraffic, host: string): void => show(traffic, host, { admin: 'maint', inService: false });
const at = (traffic: FakeTraffic, hosts: readonly string[]) => hosts.map((host) => traffic.servers.get(host)?.admin);

/** A bench with the second entry, and what was still in service anywhere when its application was stopped. */
async function withEntries(work: (bench: Bench, secure: FakeTraffic, served: readonly string[]) => Promise<void>, { faults = {}, secureFaults = [], servers = M.hosts }: { readonly faults?: Faults; readonly secureFaults?: Faults['traffic']; readonly servers?: readonly string[] } = {}): Promise<void> {
  await using(HOSTS, faults, async (bench) => {
    const secure = bench.entry('secure', servers, secureFaults);
    const served: string[] = [];
    const { executor } = bench.fleet;
    const run = executor.run.bind(executor);
    executor.run = (host, verb, input, options) => {
      if (verb === 'stop') for (const entry of [bench.traffic, secure]) if (entry.servers.get(host.name)?.inService === true) served.push(host.name);
      return run(host, verb, input, options);
    };
    await work(bench, secure, served);
  });
}

/** The fewest of some hosts that ever served at an entry, looked at after each write there. */
function lowestOf(traffic: FakeTraffic, hosts: readonly string[]): () => number {
  const write = traffic.servers.set.bind(traffic.servers);
  let lowest = hosts.length;
  traffic.servers.set = (host, state) => {
    write(host, state);
    lowest = Math.min(lowest, hosts.filter((one) => traffic.servers.get(one)?.inService).length);
    return traffic.servers;
  };
  return () => lowest;
}

describe('a release of hosts that another pool has behind another entry', () => {
  test('takes each of them out at both before it is stopped, and puts it back at each as it stood there', async () => {
    await withEntries(async (bench, secure, served) => {
      show(secure, 'web-05', { weight: 7 });
      show(secure, 'web-06', { admin: 'drain', inService: false });
      const lowest = lowestOf(secure, M.hosts);
      const id = await bench.release(MEMBERS);
      expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
      expect(served).toEqual([]);
      expect(lowest()).toBe(2);
      expect(BOTH.map((host) => secure.servers.get(host))).toMatchObject([{ admin: 'ready', weight: 7, inService: true }, { admin: 'drain', inService: false }]);
      expect(at(bench.traffic, bench.names)).toEqual(bench.names.map(() => 'ready'));
      const events = await readReleaseEvents(bench.db, { release: id, limit: 1000 });
      const drained = events.flatMap((event) => (event.type === 'target-step-succeeded' && event.data.step === 'drain' && event.data.host === 'web-05' ? [event.data.result] : []));
      expect(drained).toMatchObject([{ traffic: { admin: 'drain' }, elsewhere: [{ pool: 'secure', traffic: { admin: 'drain' } }] }]);
    });
  });

  test('remembers a wish for each of the servers, though they have the same name', async () => {
    await withEntries(async (bench) => {
      const id = await bench.release({ ...MEMBERS, strategy: { ...BAKING.strategy, bastion: { ...BAKING.strategy.bastion, hosts: ['web-05'] } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
      expect((await listWantedTraffic(bench.db)).map(({ host, pool, server, wanted }) => [host, pool, server, wanted.admin])).toEqual([['web-05', 'secure', 'web-05', 'drain'], ['web-05', 'web-prod', 'web-05', 'drain']]);
      expect(await releaseFlag(bench.db, { host: 'web-05', pool: 'secure' })).toMatchObject({ by: id });
      expect(await releaseFlag(bench.db, { host: 'web-06', pool: 'secure' })).toBe(null);
      await bench.send(id, 'promote');
      await bench.ended(id);
    });
  });

  test('that is rolled back restores each of them at both', async () => {
    await withEntries(async (bench, secure, served) => {
      show(secure, 'web-05', { weight: 7 });
      expect(await bench.ended(await bench.release(MEMBERS))).toMatchObject({ status: 'rolled-back' });
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
      expect(served).toEqual([]);
      expect(at(secure, BOTH)).toEqual(['ready', 'ready']);
      expect(secure.servers.get('web-05')?.weight).toBe(7);
    }, { faults: { health: [{ call: 'verify', nth: HOSTS, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] } });
  });

  test('fails a host that one of the entries does not take back, and the way back restores it at both', async () => {
    const late = new AdmitNotConfirmed('secure/web-05 of HAProxy at /none did not come into service', { ...IN, operational: 'down', inService: false });
    await withEntries(async (bench, secure) => {
      const release = await bench.ended(await bench.release(MEMBERS));
      expect(release).toMatchObject({ status: 'rolled-back' });
      expect(JSON.stringify(release)).toContain('secure/web-05 of HAProxy at /none');
      expect([...at(bench.traffic, BOTH), ...at(secure, BOTH)]).toEqual(['ready', 'ready', 'ready', 'ready']);
    }, { secureFaults: [{ call: 'admit web-05', nth: 1, fault: { fail: late } }] });
  });

  test('leaves a host that it could not bring back out at both, and the next good one lifts both drains', async () => {
    await withEntries(async (bench, secure) => {
      const first = await bench.ended(await bench.release({ ...MEMBERS, strategy: { tolerance: { perBatch: 1, total: 1 }, bastion: { count: 1, bakeSeconds: 0, promote: 'auto', hosts: ['web-01'] } } }));
      expect(first).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-05' }] });
      expect([...at(bench.traffic, ['web-05']), ...at(secure, ['web-05'])]).toEqual(['drain', 'drain']);
      expect(await bench.ended(await bench.release({ ...MEMBERS, version: 'v3' }))).toMatchObject({ status: 'succeeded', debt: [] });
      expect([...at(bench.traffic, ['web-05']), ...at(secure, ['web-05'])]).toEqual(['ready', 'ready']);
    }, { faults: { health: times(1, 'verify web-05', { lie: unhealthy('wrong-version', 'v1 answered') }) } });
  });
});

describe('the floor of the other pool', () => {
  test('is counted at its own entry: a plan that it cannot spare a host for is refused by its name', async () => {
    await withEntries(async (bench, secure) => {
      for (const host of ['out-1', 'out-2']) fall(secure, host);
      const strategy = { bastion: { count: 0, bakeSeconds: 0, promote: 'auto' } } as const;
      expect(await bench.ended(await bench.release({ ...MEMBERS, strategy }))).toMatchObject({ status: 'failed', failure: { code: 'capacity-floor', message: expect.stringContaining('2 of 4 hosts of pool secure are in service and its floor is 2') } });
    });
  });

  test('is asked at the drain: the release waits by the name of the pool, with the host in at both entries', async () => {
    await withEntries(async (bench, secure) => {
      const id = await bench.release({ ...MEMBERS, ...BAKING });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
      for (const host of ['out-1', 'out-2']) fall(secure, host);
      await bench.send(id, 'promote');
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for capacity');
      expect(held.waiting?.sentence).toMatch(/taking web-0[56] out would leave 1 of 4 hosts of pool secure in service, the floor is 2/);
      expect([...at(bench.traffic, BOTH), ...at(secure, BOTH)]).toEqual(['ready', 'ready', 'ready', 'ready']);
      for (const host of ['out-1', 'out-2']) show(secure, host, {});
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });

  test('of joined pools behind different entries is kept at each, and each gives its share', async () => {
    const west = { name: 'west', hosts: ['web-01', 'web-02', 'web-03', 'web-04'], minInServicePercent: 66 };
    const east: MemberPool = { name: 'east', hosts: ['web-04', 'web-05', 'web-06'], minInServicePercent: 66, traffic: SECURE };
    await withEntries(async (bench, secure, served) => {
      // The first entry does not even know the hosts that only the second has.
      for (const host of BOTH) bench.traffic.servers.delete(host);
      const [ofWest, ofEast] = [lowestOf(bench.traffic, west.hosts), lowestOf(secure, east.hosts)];
      const release = await bench.ended(await bench.release({ joins: ['west', 'east'], members: [west, east] }));
      expect(release).toMatchObject({ status: 'succeeded', debt: [] });
      expect([ofWest(), ofEast()]).toEqual([3, 2]);
      expect(served).toEqual([]);
      expect(at(secure, east.hosts)).toEqual(['ready', 'ready', 'ready']);
    }, { servers: east.hosts });
  });
});

describe('a balancer of the other pool', () => {
  test('that does not know some of its servers stops nothing: they are named, and nothing is taken out there', async () => {
    await withEntries(async (bench, secure) => {
      const release = await bench.ended(await bench.release({ members: [{ ...M, minInServicePercent: 25 }] }));
      expect(release).toMatchObject({ status: 'succeeded', warnings: expect.arrayContaining([expect.stringContaining('Pool secure names out-2, web-06, which backend secure of HAProxy at /none does not know')]) });
      expect(secure.calls.filter((line) => /^(drain|admit) web-06/.test(line))).toEqual([]);
      expect(at(secure, ['web-05'])).toEqual(['ready']);
    }, { servers: ['web-05', 'out-1', 'out-3'] });
  });

  test('that cannot be asked makes preparation wait, by the name of the pool, and moves no traffic', async () => {
    const down = new BalancerDown("HAProxy's runtime API at /none cannot be reached");
    await withEntries(async (bench, secure) => {
      const id = await bench.release(MEMBERS);
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for the balancer');
      expect(held.waiting?.sentence).toContain('Pool secure serves from the same hosts.');
      expect([...bench.traffic.calls, ...secure.calls].filter((line) => line.startsWith('drain'))).toEqual([]);
      expect((await bench.ended(id)).status).toBe('succeeded');
    }, { secureFaults: times(6, 'observe', { fail: down }) });
  });
});

describe('a hand or a flag at the other entry', () => {
  const set = (bench: Bench, host: string) => setHostFlag(bench.db, { host, owner: 'operator', pool: 'secure', up: false, reason: 'new disk', forced: false, actor: { kind: 'token', name: 'op' } });

  test('a flag for the other pool keeps the host out there alone: here it serves, and no audit complains', async () => {
    await withEntries(async (bench, secure) => {
      await declare(bench);
      await set(bench, 'web-06');
      const release = await bench.ended(await bench.release(MEMBERS));
      expect(release).toMatchObject({ status: 'succeeded', paused: null });
      expect(release.batches.flatMap(({ targets }) => targets).filter((target) => target.keptOut !== undefined)).toMatchObject([{ host: 'web-06', keptOut: ['operator'] }]);
      expect([...at(bench.traffic, ['web-06']), ...at(secure, ['web-06'])]).toEqual(['ready', 'drain']);
    });
  });

  test('a server that somebody drains there before its turn is drift, and it is left alone at both', async () => {
    await withEntries(async (bench, secure) => {
      const id = await bench.release({ ...MEMBERS, ...BAKING });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
      show(secure, 'web-06', { admin: 'drain', inService: false });
      await bench.send(id, 'promote');
      const { batches } = await bench.until(id, (release) => release.paused !== null || release.finishedAt !== null, 'the drift');
      expect(JSON.stringify(batches)).toContain('the server at the balancer of pool secure was ready with weight 1 and is drain');
      expect(at(bench.traffic, ['web-06'])).toEqual(['ready']);
      await bench.send(id, 'rollback');
      await bench.ended(id);
    });
  });

  test('a server that somebody drains there during the watch is told by the audit', async () => {
    await withEntries(async (bench, secure) => {
      const id = await bench.release({ ...MEMBERS, strategy: { postRelease: { watchSeconds: 60 } } });
      await bench.until(id, ({ status }) => status === 'post-release', 'the watch');
      show(secure, 'web-05', { admin: 'drain', inService: false });
      await bench.send(id, 'promote');
      const paused = await bench.until(id, (release) => release.paused !== null, 'the audit');
      expect(paused.paused?.cause).toBe('audit');
      expect(JSON.stringify(await readReleaseEvents(bench.db, { release: id, limit: 1000 }))).toContain('drain at the balancer of pool secure');
      show(secure, 'web-05', {});
      await bench.send(id, 'resume');
      await bench.ended(id);
    });
  });
});

/** The pools in the inventory, where flags are looked up. */
async function declare(bench: Bench): Promise<void> {
  const { pool, hosts, applications, strategy } = inventoryOf([...bench.names, 'out-1', 'out-2'], {}, ['web']);
  const documents: InventoryDocument[] = [
    ...hosts.map((spec) => ({ kind: 'host' as const, name: spec.name, spec })),
    ...applications.map((spec) => ({ kind: 'application' as const, name: spec.name, spec })),
    { kind: 'strategy', name: 'fast', spec: { ...strategy, name: 'fast' } },
    { kind: 'pool', name: pool.name, spec: { ...pool, hosts: bench.names } },
    { kind: 'pool', name: M.name, spec: { ...pool, name: M.name, hosts: M.hosts, traffic: SECURE } },
  ];
  await applyInventory(bench.db, { documents, actor: { kind: 'token', name: 'op' }, dryRun: false });
}
