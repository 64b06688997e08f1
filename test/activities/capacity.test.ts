import { describe, expect, test } from 'vitest';
import { unhealthy } from '../support/fake-health.ts';
import { using } from './using.ts';
import type { Bench } from '../support/release-bench.ts';

const HOSTS = 8;
/** 66 % of 8 hosts, rounded up */
const FLOOR = 6;
const DOWN = ['web-02', 'web-05'];

/** Takes hosts down as a crash would; one on which an application is started anew comes up. Answers how many serve after each write. */
function takeDown(bench: Bench, hosts: readonly string[]): readonly number[] {
  const { servers } = bench.traffic;
  const samples: number[] = [];
  const write = servers.set.bind(servers);
  const serving = () => [...servers.values()].filter(({ inService }) => inService).length;
  for (const host of hosts) write(host, { admin: 'ready', operational: 'down', weight: 1, connections: 0, inService: false });
  servers.set = (host, state) => {
    const isBack = (bench.fleet.hosts.get(host)?.starts.length ?? 0) > 0;
    write(host, isBack ? { ...state, operational: 'up', inService: state.admin === 'ready' } : state);
    samples.push(serving());
    return servers;
  };
  return samples;
}

describe('with 2 of 8 hosts down already', () => {
  test('a release repairs them first, succeeds, and at no write are fewer in service than the floor', async () => {
    await using(HOSTS, {}, async (bench) => {
      const samples = takeDown(bench, DOWN);
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('succeeded');
      expect(samples.length).toBeGreaterThanOrEqual(2 * HOSTS);
      expect(Math.min(...samples)).toBeGreaterThanOrEqual(FLOOR);
      expect(samples.at(-1)).toBe(HOSTS);
    });
  });

  test('a bad build that is rolled back keeps to the floor on both ways', async () => {
    await using(HOSTS, { health: [{ call: 'verify', nth: 5, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] }, async (bench) => {
      const samples = takeDown(bench, DOWN);
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('rolled-back');
      expect(Math.min(...samples)).toBeGreaterThanOrEqual(FLOOR);
    });
  });
});

describe('a host that falls out in the middle of a release', () => {
  test('makes the next drain wait, and the release says what for', async () => {
    await using(HOSTS, {}, async (bench) => {
      const { id, comeBack } = await waitsForCapacity(bench);
      expect((await bench.view(id)).waiting?.sentence).toContain(`the floor is ${FLOOR}`);
      comeBack();
      expect((await bench.ended(id)).status).toBe('succeeded');
    });
  });

  test('does not hold up an abort: whoever waited stays in service as it was, and the release ends', async () => {
    await using(HOSTS, {}, async (bench) => {
      const { id } = await waitsForCapacity(bench);
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      const release = await bench.ended(id);
      expect(release.status).toBe('aborted');
      const waited = release.batches.flatMap(({ targets }) => targets).filter(({ error }) => error?.code === 'release-aborted').map(({ host }) => host);
      expect(waited.length).toBeGreaterThan(0);
      for (const host of waited) expect(bench.fleet.hosts.get(host)).toMatchObject({ version: 'v1', starts: [] });
      expect([...bench.traffic.servers.values()].filter(({ admin }) => admin !== 'ready')).toEqual([]);
    });
  });
});

/** A release whose next host waits, because after the bastion two others went down. */
async function waitsForCapacity(bench: Bench): Promise<{ readonly id: string; readonly comeBack: () => void }> {
  const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  const bastion = (await bench.view(id)).batches[0]?.targets[0]?.host ?? '';
  const fallen = bench.names.filter((name) => name !== bastion).slice(0, 2);
  const { servers } = bench.traffic;
  const before = new Map(servers);
  for (const host of fallen) servers.set(host, { admin: 'ready', operational: 'down', weight: 1, connections: 0, inService: false });
  await bench.send(id, 'promote');
  await bench.until(id, ({ waiting }) => waiting?.for === 'dependency', 'the wait for capacity');
  return { id, comeBack: () => fallen.forEach((host) => servers.set(host, before.get(host) ?? { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true })) };
}

describe('a server that somebody else drained', () => {
  const drained = (bench: Bench) => bench.traffic.servers.set('web-03', { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false });

  test('gets the new version and stays drained', async () => {
    await using(HOSTS, {}, async (bench) => {
      drained(bench);
      expect((await bench.ended(await bench.release())).status).toBe('succeeded');
      expect(bench.fleet.hosts.get('web-03')?.version).toBe('v2');
      expect(bench.traffic.servers.get('web-03')).toMatchObject({ admin: 'drain', inService: false });
    });
  });

  test('stays drained through a rollback', async () => {
    await using(HOSTS, { health: [{ call: 'verify', nth: 5, fault: { lie: unhealthy('health-timeout', 'no answer') } }] }, async (bench) => {
      drained(bench);
      expect((await bench.ended(await bench.release())).status).toBe('rolled-back');
      expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
      expect(bench.traffic.servers.get('web-03')).toMatchObject({ admin: 'drain', inService: false });
    });
  });
});
