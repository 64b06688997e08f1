/** What `ignore` does after the health list that is asked after admit: real worker and database, fakes at the edges, a clock that skips. */
import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { releaseFlag } from '../../db/release-flag.ts';
import { unhealthy } from '../support/fake-health.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { HealthCheck, StrategySpec } from '../../domain/inventory.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

const DAY_MS = 86_400_000;
const PLACE = { pool: 'web-prod' } as const;
const BEFORE: HealthCheck = { http: { path: '/health', port: '80', method: 'GET', status: [200], version: { json: 'version' } }, passes: 1, intervalMs: 100, timeoutSeconds: 5 };
const AFTER: HealthCheck = { tcp: { port: '80', listener: 'own' }, passes: 1, intervalMs: 100, timeoutSeconds: 5, when: 'after-admit' };
const sick = (nth: number) => ({ call: 'verify', nth, fault: { lie: unhealthy('health-timeout', 'it does not stand the traffic.') } });

const clock = skippingClock();

const using = (faults: Faults, work: (bench: Bench) => Promise<void>) => clock.using(work, { faults });

/** A release that asks about the bastion: its first list passed, its second failed in traffic. */
async function asking(bench: Bench, strategy: Partial<StrategySpec> = {}): Promise<{ readonly id: string; readonly host: string }> {
  const id = await bench.release({ health: [BEFORE, AFTER], strategy: { onFailure: 'ask', ...strategy } });
  const question = await bench.until(id, ({ waiting }) => waiting?.for === 'answer', 'the question');
  const host = question.batches[0]?.targets[0]?.host ?? '';
  expect(bench.traffic.servers.get(host)).toMatchObject({ admin: 'drain', inService: false });
  return { id, host };
}

const stepsOf = async (bench: Bench, id: string, of: string, inRound: number) =>
  (await readReleaseEvents(bench.db, { release: id, limit: 10_000 })).flatMap((event) => (event.type === 'target-step-succeeded' && event.data.host === of && event.data.round === inRound ? [event.data] : []));

test('ignore puts the host back into service by admit alone, notes what its list says now, and leaves no debt', async () => {
  await using({ health: [sick(2), sick(3)] }, async (bench) => {
    const { id, host } = await asking(bench);
    await clock.sleep(3 * DAY_MS);
    expect(bench.traffic.servers.get(host)).toMatchObject({ inService: false });
    expect(await releaseFlag(bench.db, { ...PLACE, host })).toMatchObject({ up: false });
    expect(await bench.send(id, 'answer', { choices: { [host]: 'ignore' } })).toMatchObject({ state: 'applied' });
    const end = await bench.ended(id);
    expect(end).toMatchObject({ status: 'succeeded', debt: [] });
    expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
    expect(await releaseFlag(bench.db, { ...PLACE, host })).toBeNull();
    expect(await stepsOf(bench, id, host, 1)).toMatchObject([{ step: 'admit', result: { note: 'not healthy after admit, which is ignored: it does not stand the traffic.' } }]);
    expect(bench.fleet.hosts.get(host)?.starts).toEqual(['v2']);
    expect(bench.health.places.filter((place) => place.startsWith(host))).toEqual([`${host} health/0`, `${host} health/1`, `${host} health/1`]);
    expect(end.batches[0]?.targets[0]).toMatchObject({ status: 'succeeded', attempts: 2, error: null });
  });
});

test('a rollback after it takes the host back like every other', async () => {
  await using({ health: [sick(2), sick(3)] }, async (bench) => {
    const { id, host } = await asking(bench);
    await bench.send(id, 'answer', { choices: { [host]: 'ignore' } });
    expect((await bench.ended(id)).status).toBe('succeeded');
    const back = await bench.release({ rollbackOf: id });
    expect((await bench.ended(back)).status).toBe('rolled-back');
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    expect(bench.traffic.servers.get(host)).toMatchObject({ inService: true });
  });
});

test('whatever else happens to it from then on is found: a host drained by hand meanwhile is audited and pauses the release', async () => {
  await using({ health: [sick(2)] }, async (bench) => {
    const { id, host } = await asking(bench, { postRelease: { watchSeconds: 3600 } });
    await bench.send(id, 'answer', { choices: { [host]: 'ignore' } });
    await bench.until(id, ({ status, waiting }) => status === 'post-release' && waiting?.for === 'bake', 'the watch');
    bench.traffic.servers.set(host, { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false });
    await clock.sleep(DAY_MS);
    const held = await bench.until(id, ({ paused, finishedAt }) => paused !== null || finishedAt !== null, 'the audit');
    expect(held.paused).toMatchObject({ cause: 'audit', reason: expect.stringContaining(host) });
    await bench.send(id, 'abort');
    await bench.ended(id);
  });
});

test('after a failed verify ignore goes on with admit as before: its list still counts, and the host is debt', async () => {
  await using({ health: [sick(1)] }, async (bench) => {
    const id = await bench.release({ health: [BEFORE, AFTER], strategy: { onFailure: 'ask' } });
    const question = await bench.until(id, ({ waiting }) => waiting?.for === 'answer', 'the question');
    const host = question.batches[0]?.targets[0]?.host ?? '';
    await bench.send(id, 'answer', { choices: { [host]: 'ignore' } });
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host, cause: 'ignored' }] });
    expect(await stepsOf(bench, id, host, 1)).toMatchObject([{ step: 'admit' }]);
    expect(bench.health.places.filter((place) => place === `${host} health/1`)).toHaveLength(1);
  });
});
