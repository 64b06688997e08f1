/** Two pools of different size released as one on a clock that skips: bakes, batches and the way back are those of the plan. */
import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { lossesOf } from '../../domain/plan/joined.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

const NAMES = Array.from({ length: 14 }, (_, index) => `web-${String(index + 1).padStart(2, '0')}`);
const LARGE = { name: 'large', hosts: NAMES.slice(0, 12), minInServicePercent: 50 };
const SMALL = { name: 'small', hosts: NAMES.slice(11), minInServicePercent: 66 };
const JOINED = { joins: ['large', 'small'], members: [LARGE, SMALL], strategy: { bastion: { count: 1, bakeSeconds: 30, promote: 'auto' }, batches: { ...FAST.batches, percent: [25], bakeSeconds: 600 } } } as const;

const clock = skippingClock();

const withBench = (faults: Faults, run: (bench: Bench) => Promise<void>) => clock.using(run, { hosts: NAMES.length, faults });

test('pools behind different entries are released as one at each of them, batch after batch, and stand there as before', { timeout: 120_000 }, async () => {
  await withBench({}, async (bench) => {
    const traffic = { driver: 'haproxy', socket: '/none', address: null, backend: 'secure', server: '${host.name}', drainTimeoutSeconds: 5 } as const;
    const secure = bench.entry('secure', SMALL.hosts);
    const id = await bench.release({ ...JOINED, members: [LARGE, { ...SMALL, traffic }] });
    expect(await seenThrough(bench, id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
    const begun = (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).flatMap((event) => (event.type === 'batch-started' && event.data.part === 'whole' ? [event.data.hosts] : []));
    for (const hosts of begun) expect(hosts.filter((host) => SMALL.hosts.includes(host)).length).toBeLessThanOrEqual(1);
    for (const host of SMALL.hosts) expect(secure.servers.get(host)).toMatchObject({ admin: 'ready', inService: true });
    expect(SMALL.hosts.every((host) => secure.calls.includes(`drain ${host}`))).toBe(true);
  });
});

async function seenThrough(bench: Bench, id: string): Promise<ReleaseView> {
  for (;;) {
    const { waiting, finishedAt } = await bench.until(id, (release) => release.finishedAt !== null || release.waiting?.until != null, 'the next bake');
    if (finishedAt !== null) return bench.view(id);
    await clock.sleep(Math.max(1, Date.parse(waiting?.until ?? '') - (await clock.nowMs()) + 1));
  }
}

test('every batch takes its share of each pool, the small one gives one host at a time, and each batch bakes', { timeout: 120_000 }, async () => {
  await withBench({}, async (bench) => {
    const id = await bench.release(JOINED);
    expect(await seenThrough(bench, id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
    const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
    const plan = events.flatMap((event) => (event.type === 'plan-made' ? [event.data.plan] : []))[0];
    const begun = events.flatMap((event) => (event.type === 'batch-started' && event.data.part === 'whole' ? [event.data.hosts] : []));
    expect(begun.flat()).toHaveLength(NAMES.length - 1);
    for (const hosts of begun) for (const { pool, hosts: lost } of lossesOf(plan?.members ?? [], hosts)) expect(lost).toBeLessThanOrEqual(pool === 'large' ? 3 : 1);
    expect(events.filter(({ type }) => type === 'bake-started')).toHaveLength(begun.length + 1);
  });
});

test('a bad build that shows late goes back by the shares of each pool, batch by batch', { timeout: 120_000 }, async () => {
  await withBench({ health: [{ call: 'verify', nth: 12, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] }, async (bench) => {
    const id = await bench.release(JOINED);
    expect(await seenThrough(bench, id)).toMatchObject({ status: 'rolled-back' });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
    const back = events.flatMap((event) => (event.type === 'rollback-batch-started' ? [event.data.hosts] : []));
    expect(back.length).toBeGreaterThan(1);
    for (const hosts of back) {
      expect(hosts.filter((host) => LARGE.hosts.includes(host)).length).toBeLessThanOrEqual(3);
      expect(hosts.filter((host) => SMALL.hosts.includes(host)).length).toBeLessThanOrEqual(1);
    }
  });
});
