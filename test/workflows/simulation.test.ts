/** What is simulated is what happens: a real release on a real Temporal server against the same release played through. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { recentPaces } from '../../db/paces.ts';
import { getInventoryOf } from '../../db/queries.ts';
import { planAhead } from '../../domain/plan/plan-ahead.ts';
import { simulate } from '../../domain/simulation/simulate.ts';
import { openBench } from '../support/release-bench.ts';
import type { Bench } from '../support/release-bench.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { CoreEventData, StoredReleaseEvent } from '../../domain/release/events.ts';
import type { Timeline } from '../../domain/simulation/timeline.ts';

const HOSTS = 10;

interface Told {
  readonly request: CoreEventData['release-requested'];
  readonly plan: Plan;
  readonly events: readonly StoredReleaseEvent[];
  readonly elapsedMs: number;
}

let bench: Bench;
beforeAll(async () => {
  bench = await openBench(HOSTS);
});
afterAll(() => bench?.close());

/** A release to its end, and its plan as it would have been shown before. */
async function released(version: string): Promise<Told> {
  const id = await bench.release({ version });
  const ended = await bench.ended(id);
  expect(ended.status).toBe('succeeded');
  const events = await readReleaseEvents(bench.db, { release: id });
  const requested = events.find((event) => event.type === 'release-requested');
  const made = planAhead(await getInventoryOf(bench.db, id), { allowOutage: false, reason: 'test' });
  if (requested?.type !== 'release-requested' || !('plan' in made)) throw new Error('no plan');
  return { request: requested.data, plan: made.plan, events, elapsedMs: Date.parse(ended.finishedAt ?? '') - Date.parse(ended.createdAt) };
}

async function simulated({ request, plan }: Told) {
  const paces = await recentPaces(bench.db, { pool: request.pool, applications: request.applications });
  return simulate({ request, plan, inService: bench.names, paces, seed: 'agreement' });
}

interface BatchSeen {
  readonly part: string;
  readonly hosts: readonly string[];
  lowest: number;
  end: number;
}

/** The batches of a release as its events tell them, with the hosts in service by its drains and admits. */
function seenIn(events: readonly StoredReleaseEvent[]): BatchSeen[] {
  const seen: BatchSeen[] = [];
  let inService = HOSTS;
  for (const event of events) {
    const batch = seen.at(-1);
    if (event.type === 'batch-started') seen.push({ part: event.data.part, hosts: event.data.hosts, lowest: inService, end: inService });
    if (batch === undefined) continue;
    if (event.type === 'target-step-begun' && event.data.step === 'drain') inService -= 1;
    if (event.type === 'target-step-succeeded' && event.data.step === 'admit') inService += 1;
    batch.lowest = Math.min(batch.lowest, inService);
    if (event.type === 'batch-finished') batch.end = inService;
  }
  return seen;
}

function predictedIn({ moments }: Timeline): BatchSeen[] {
  return moments.flatMap(({ batch, inService }) => (batch === null ? [] : [{ part: batch.part, hosts: batch.hosts, lowest: inService.lowest, end: inService.end }]));
}

describe('a real release', () => {
  test('goes through the batches that were simulated, with as many hosts in service after each and never fewer meanwhile', async () => {
    const told = await released('v2');
    const predicted = predictedIn((await simulated(told)).timeline);
    const seen = seenIn(told.events);
    expect(seen.map(({ part, hosts, end }) => ({ part, hosts, end }))).toEqual(predicted.map(({ part, hosts, end }) => ({ part, hosts, end })));
    seen.forEach(({ lowest }, index) => expect(lowest).toBeGreaterThanOrEqual(predicted[index]?.lowest ?? Number.POSITIVE_INFINITY));
  });

  test('teaches its own durations: played through with them it takes about as long as it took', async () => {
    const told = await released('v3');
    const { p50, p90, basis } = await simulated(told);
    expect(basis).toMatchObject({ releases: expect.any(Number), targets: expect.any(Number) });
    expect(p50 * 1000).toBeGreaterThan(told.elapsedMs / 3);
    expect(p50 * 1000).toBeLessThan(told.elapsedMs * 3);
    expect(p90).toBeGreaterThanOrEqual(p50);
  });

  test('that names a plan is refused before any traffic moves when a host is out of service that the plan counted on', async () => {
    const [, , third = ''] = bench.names;
    const before = bench.traffic.servers.get(third)!;
    bench.traffic.servers.set(third, { ...before, operational: 'down', inService: false });
    try {
      const release = await bench.ended(await bench.release({ version: 'v4', plan: 'a'.repeat(64) }));
      expect(release).toMatchObject({ status: 'failed', failure: { class: 'refused', code: 'plan-outdated', message: expect.stringContaining('capacity.inService was 10 and is 9.') } });
      expect(release.batches).toEqual([]);
    } finally {
      bench.traffic.servers.set(third, before);
    }
  });

  test('that names a plan goes its way when the hosts are as the plan took them to be', async () => {
    expect((await bench.ended(await bench.release({ version: 'v5', plan: 'a'.repeat(64) }))).status).toBe('succeeded');
  });
});
