import { describe, expect, test } from 'vitest';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { unhealthy } from '../support/fake-health.ts';
import { until } from '../support/until.ts';
import { using } from './using.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
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

describe('what a paused or aborted release still waits for', () => {
  test('a host that waits for capacity does not keep a pause from being quiet; it is untouched, and goes through after resume', async () => {
    await using(HOSTS, {}, async (bench) => {
      const { id, comeBack } = await waitsForCapacity(bench);
      const drains = bench.traffic.calls.filter((call) => call.startsWith('drain ')).length;
      expect(await bench.send(id, 'pause')).toMatchObject({ state: 'applied' });
      await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
      comeBack();
      expect((await bench.send(id, 'resume')).state).toBe('applied');
      expect((await bench.ended(id)).status).toBe('succeeded');
      expect(bench.traffic.calls.filter((call) => call.startsWith('drain ')).length).toBeGreaterThan(drains);
      expect([...bench.fleet.hosts.values()].every(({ version, starts }) => version === 'v2' && starts.length === 1)).toBe(true);
    });
  });

  test('skipped while it waits and the release is paused, it keeps its version', async () => {
    await using(HOSTS, {}, async (bench) => {
      const { id, comeBack } = await waitsForCapacity(bench);
      await bench.send(id, 'pause');
      const quiet = await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
      const untouched = quiet.batches.flatMap(({ targets }) => targets).filter(({ host }) => bench.fleet.hosts.get(host)?.version === 'v1').map(({ host }) => host);
      const skipped = untouched[0] ?? '';
      expect(await bench.send(id, 'skip', { targets: [skipped] })).toMatchObject({ state: 'applied' });
      comeBack();
      await bench.send(id, 'resume');
      expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: skipped, cause: 'skipped' }] });
      expect(bench.fleet.hosts.get(skipped)).toMatchObject({ version: 'v1', starts: [] });
    });
  });

  test('an abort takes back what waits for a balancer that stays away, and a second one ends the release and says of each host where it stands', { timeout: 120_000 }, async () => {
    const away = Array.from({ length: 100 }, (_, nth) => ({ call: 'admit', nth: nth + 2, fault: { fail: new BalancerDown('nobody answers') } }));
    await using(HOSTS, { traffic: away }, async (bench) => {
      const id = await bench.release();
      const reached = (what: string, done: (release: ReleaseView) => boolean) => until(what, async () => { const now = await bench.view(id); return done(now) ? now : null; }, 60_000);
      const held = await reached('the wait for the balancer', ({ waiting }) => waiting?.for === 'dependency');
      expect(held.waiting?.sentence).toContain('the balancer');
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      const back = await reached('the wait of the way back', ({ status, waiting }) => status === 'rolling-back' && waiting?.for === 'dependency');
      expect(back.rollback).toMatchObject({ cause: 'abort' });
      expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
      const end = await reached('the end', ({ finishedAt }) => finishedAt !== null);
      expect(end).toMatchObject({ status: 'rollback-incomplete', waiting: null });
      const left = end.batches.flatMap(({ targets }) => targets).filter(({ error }) => error?.code === 'release-aborted');
      expect(left.length).toBeGreaterThan(0);
      for (const { host, error } of left) expect(error?.message).toMatch(new RegExp(`^${host} waited at admit for the balancer when the release was aborted .*left as it stands`));
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
