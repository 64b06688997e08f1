import { describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { listFindings } from '../../db/findings.ts';
import { listWantedTraffic } from '../../db/wanted-traffic.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { FAST } from '../support/release-bench.ts';
import { using } from './using.ts';
import type { Bench } from '../support/release-bench.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const AWAY = new BalancerDown('nobody answers');
const DRAINED: ObservedTraffic = { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false };

type Change = (bench: Bench, host: string) => void;

const installByHand: Change = (bench, host) => {
  const changed = bench.fleet.hosts.get(host);
  if (changed !== undefined) changed.digest = digestOf('by-hand');
};
const drainByHand: Change = (bench, host) => void bench.traffic.servers.set(host, DRAINED);

/** The first drain ends because the balancer is away, before anything was written or after, and then somebody changes that host. */
function awayThenChanged(bench: Bench, { written, change }: { readonly written: boolean; readonly change: Change }): { readonly host: () => string } {
  const { drain } = bench.traffic;
  let first: string | null = null;
  bench.traffic.drain = async (server, options) => {
    if (first !== null) return drain(server, options);
    first = server;
    if (written) await drain(server, options);
    change(bench, server);
    throw AWAY;
  };
  return { host: () => first ?? 'none' };
}

/** Who serves is read before the first drain; the balancer is away at that moment, and then somebody changes the host. */
function awayAtTheCountThenChanged(bench: Bench, change: Change): { readonly host: () => string } {
  const { observe } = bench.traffic;
  let lookedAt = '';
  let lists = 0;
  bench.traffic.observe = async (servers, signal) => {
    if (servers.length === 1) lookedAt = servers[0] ?? '';
    // The first look at all is the survey's.
    else if ((lists += 1) === 2) {
      change(bench, lookedAt);
      throw AWAY;
    }
    return observe(servers, signal);
  };
  return { host: () => lookedAt };
}

const held = (bench: Bench, id: string): Promise<ReleaseView> => bench.until(id, ({ paused }) => paused !== null, 'the pause');

/** Waits for the refusal and answers what it says. */
async function refusal(bench: Bench, id: string, changed: () => string, code = 'drift'): Promise<string> {
  expect((await held(bench, id)).paused).toMatchObject({ cause: 'drift' });
  const host = changed();
  const failed = (await readReleaseEvents(bench.db, { release: id })).filter(({ type }) => type === 'target-step-failed');
  expect(failed).toMatchObject([{ data: { host, step: 'drain', failure: { class: 'host', code } } }]);
  expect(await listFindings(bench.db)).toMatchObject([{ kind: 'drift', subject: host }]);
  expect(bench.fleet.executor.calls.filter((call) => call === `stop ${host}`)).toEqual([]);
  return (failed[0] as unknown as { data: { failure: { message: string } } }).data.failure.message;
}

describe('a host that somebody changes while its first drain waits for the balancer', () => {
  test('is refused by the next attempt when another version was installed, and was never drained', async () => {
    await using(4, {}, async (bench) => {
      const { host } = awayThenChanged(bench, { written: false, change: installByHand });
      const id = await bench.release();
      expect(await refusal(bench, id, host)).toContain('web was v1');
      expect(bench.traffic.servers.get(host())).toMatchObject({ admin: 'ready', inService: true });
    });
  });

  test('is refused by the next attempt when it was drained by hand: that drain is not ours', async () => {
    await using(4, {}, async (bench) => {
      const { host } = awayAtTheCountThenChanged(bench, drainByHand);
      const id = await bench.release();
      expect(await refusal(bench, id, host)).toContain('the server at the balancer was ready with weight 1 and is drain');
      expect(await listWantedTraffic(bench.db)).toEqual([]);
    });
  });

  test('is refused also after our own drain was written, for its application alone', async () => {
    await using(4, {}, async (bench) => {
      const { host } = awayThenChanged(bench, { written: true, change: installByHand });
      const id = await bench.release();
      const message = await refusal(bench, id, host, 'drift-after-drain');
      expect(message).toContain('web was v1');
      expect(message).not.toContain('the server at the balancer');
    });
  });
});

test('our own drain, written by an attempt that then lost the balancer, is nobody else\'s change: the next attempt goes on', async () => {
  await using(4, { traffic: [{ call: 'drain', nth: 1, fault: { lose: AWAY } }] }, async (bench) => {
    const id = await bench.release();
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', paused: null });
    const events = await readReleaseEvents(bench.db, { release: id });
    expect(events.filter(({ type }) => type === 'target-step-waiting')).toMatchObject([{ data: { step: 'drain', dependency: 'the balancer' } }]);
    expect(events.filter((event) => event.type === 'target-step-succeeded' && event.data.repeated)).toMatchObject([{ data: { step: 'drain' } }]);
    expect(await listFindings(bench.db)).toEqual([]);
  });
});

test('a server that a reload made ready in the moment of its admission stays in service: the drain of before is asserted no more', async () => {
  await using(4, {}, async (bench) => {
    const { admit } = bench.traffic;
    let reloaded: string | null = null;
    bench.traffic.admit = async (server, wanted, options) => {
      if (reloaded !== null) return admit(server, wanted, options);
      reloaded = server;
      bench.traffic.servers.set(server, { ...DRAINED, admin: 'ready', inService: true });
      const shown = await admit(server, wanted, options);
      // Whoever asserts what is remembered comes just then, and remembered is the drain.
      expect(await listWantedTraffic(bench.db)).toMatchObject([{ server, wanted: { admin: 'drain' } }]);
      bench.traffic.servers.set(server, DRAINED);
      return shown;
    };
    const id = await bench.release({ strategy: { batches: { ...FAST.batches, bakeSeconds: 600 } } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake after the bastion has joined');
    expect(bench.traffic.servers.get(reloaded ?? '')).toMatchObject({ admin: 'ready', inService: true });
    expect((await listWantedTraffic(bench.db)).find(({ server }) => server === reloaded)).toMatchObject({ wanted: { admin: 'ready' } });
  });
});
