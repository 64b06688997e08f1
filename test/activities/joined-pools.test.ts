import { describe, expect, test } from 'vitest';
import { unhealthy } from '../support/fake-health.ts';
import { applyInventory } from '../../db/inventory.ts';
import { setHostFlag } from '../../db/host-flags.ts';
import { inventoryOf } from '../support/release-bench.ts';
import { using } from './using.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';
import type { MemberPool } from '../../domain/inventory.ts';
import type { Bench } from '../support/release-bench.ts';

const HOSTS = 7;
/** Four hosts each, one of them common. */
const A = { name: 'a', hosts: ['web-01', 'web-02', 'web-03', 'web-04'], minInServicePercent: 66 };
const B = { name: 'b', hosts: ['web-04', 'web-05', 'web-06', 'web-07'], minInServicePercent: 66 };
const FLOOR = 3;
const JOINED = { joins: ['a', 'b'], members: [A, B], strategy: { batches: { ...batches(), percent: [25] } } } as const;

function batches() {
  return inventoryOf([], {}, ['web']).strategy.batches;
}

/** After each write at the balancer, how many hosts of each pool serve. */
function sampled(bench: Bench, pools: readonly MemberPool[]): Readonly<Record<string, number[]>> {
  const { servers } = bench.traffic;
  const write = servers.set.bind(servers);
  const samples: Record<string, number[]> = Object.fromEntries(pools.map(({ name }) => [name, []]));
  servers.set = (host, state) => {
    write(host, state);
    for (const { name, hosts } of pools) samples[name]?.push(hosts.filter((one) => servers.get(one)?.inService).length);
    return servers;
  };
  return samples;
}

const lowest = (samples: readonly number[] = []): number => Math.min(...samples);
const fall = (bench: Bench, host: string): void => void bench.traffic.servers.set(host, { admin: 'maint', operational: 'up', weight: 1, connections: 0, inService: false });
const rise = (bench: Bench, host: string): void => void bench.traffic.servers.set(host, { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true });

describe('a release of two pools that share a host', () => {
  test('brings the version to all of them, and at no write has either of them fewer in service than its floor', async () => {
    await using(HOSTS, {}, async (bench) => {
      const samples = sampled(bench, [A, B]);
      expect(await bench.ended(await bench.release(JOINED))).toMatchObject({ status: 'succeeded', debt: [] });
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
      expect(samples['a']?.length).toBeGreaterThanOrEqual(2 * HOSTS);
      expect([lowest(samples['a']), lowest(samples['b'])]).toEqual([FLOOR, FLOOR]);
    });
  });

  test('that is rolled back keeps both floors on the way back, too', async () => {
    await using(HOSTS, { health: [{ call: 'verify', nth: 6, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] }, async (bench) => {
      const samples = sampled(bench, [A, B]);
      expect(await bench.ended(await bench.release(JOINED))).toMatchObject({ status: 'rolled-back' });
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
      expect([lowest(samples['a']), lowest(samples['b'])]).toEqual([FLOOR, FLOOR]);
    });
  });

  test('waits at the drain when somebody takes a host of one of them out, and names that pool, its floor and what would be left', async () => {
    await using(HOSTS, {}, async (bench) => {
      const id = await bench.release({ ...JOINED, strategy: { ...JOINED.strategy, bastion: { count: 1, bakeSeconds: 60, promote: 'auto', hosts: ['web-01'] } } });
      await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
      fall(bench, 'web-06');
      await bench.send(id, 'promote');
      const held = await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for capacity');
      expect(held.waiting?.sentence).toMatch(/taking web-0[457] out would leave 2 of 4 hosts of pool b in service, the floor is 3/);
      rise(bench, 'web-06');
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });
});

describe('a release of one pool', () => {
  const ALONE = { hosts: A.hosts, members: [B] };

  test('counts the hosts of the other pool that shares one with it, also those outside the release', async () => {
    await using(HOSTS, {}, async (bench) => {
      const samples = sampled(bench, [A, B]);
      fall(bench, 'web-07');
      const id = await bench.release({ ...ALONE, strategy: { bastion: { count: 0, bakeSeconds: 0, promote: 'auto' } } });
      expect(await bench.ended(id)).toMatchObject({ status: 'failed', failure: { code: 'capacity-floor', message: expect.stringContaining('3 of 4 hosts of pool b are in service and its floor is 3') } });
      rise(bench, 'web-07');
      expect(await bench.ended(await bench.release(ALONE))).toMatchObject({ status: 'succeeded' });
      expect([lowest(samples['a']), lowest(samples['b'])]).toEqual([FLOOR, FLOOR]);
    });
  });

  test('goes on when the balancer does not know a server of the other pool, says which, and counts it as out', async () => {
    await using(HOSTS, {}, async (bench) => {
      const members = [{ ...B, hosts: [...B.hosts, 'web-99'] }];
      expect(await bench.ended(await bench.release({ hosts: A.hosts, members }))).toMatchObject({ status: 'failed', failure: { code: 'capacity-floor', message: expect.stringContaining('4 of 5 hosts of pool b') } });
      const release = await bench.ended(await bench.release({ hosts: A.hosts, members: members.map((member) => ({ ...member, minInServicePercent: 50 })) }));
      expect(release).toMatchObject({ status: 'succeeded', warnings: expect.arrayContaining([expect.stringContaining('Pool b names web-99, which backend web of HAProxy at /none does not know')]) });
    });
  });
});

test('a flag that was set for one of the pools keeps its host out of a release of both: it is installed, not admitted, and no drift', async () => {
  await using(HOSTS, {}, async (bench) => {
    await declare(bench);
    // One host of b less must leave room for the others.
    const members = [A, { ...B, minInServicePercent: 50 }];
    const id = await bench.release({ ...JOINED, members, strategy: { ...JOINED.strategy, bastion: { count: 1, bakeSeconds: 60, promote: 'auto', hosts: ['web-01'] } } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    await setHostFlag(bench.db, { host: 'web-06', owner: 'operator', pool: 'b', up: false, reason: 'new disk', forced: false, actor: { kind: 'token', name: 'op' } });
    await bench.send(id, 'promote');
    const release = await bench.ended(id);
    expect(release).toMatchObject({ status: 'succeeded', paused: null });
    expect(release.batches.flatMap(({ targets }) => targets).filter((target) => target.keptOut !== undefined)).toMatchObject([{ host: 'web-06', keptOut: ['operator'] }]);
    expect(bench.fleet.hosts.get('web-06')?.version).toBe('v2');
    expect(bench.traffic.servers.get('web-06')).toMatchObject({ admin: 'drain', inService: false });
  });
});

/** The same pools in the inventory, where flags are looked up. */
async function declare(bench: Bench): Promise<void> {
  const { pool, hosts, applications, strategy } = inventoryOf(bench.names, {}, ['web']);
  const documents: InventoryDocument[] = [
    ...hosts.map((spec) => ({ kind: 'host' as const, name: spec.name, spec })),
    ...applications.map((spec) => ({ kind: 'application' as const, name: spec.name, spec })),
    { kind: 'strategy', name: 'fast', spec: { ...strategy, name: 'fast' } },
    ...[A, B].map(({ name, hosts: own }) => ({ kind: 'pool' as const, name, spec: { ...pool, name, hosts: own } })),
    { kind: 'pool', name: pool.name, spec: { ...pool, joins: ['a', 'b'] } },
  ];
  await applyInventory(bench.db, { documents, actor: { kind: 'token', name: 'op' }, dryRun: false });
}
