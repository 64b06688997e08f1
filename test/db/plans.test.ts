import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { hostsLeftOut, lastGoodRelease } from '../../db/last-good.ts';
import { recentPaces } from '../../db/paces.ts';
import { findPlan, keepPlan } from '../../db/plans.ts';
import { DEFAULT_PACES } from '../../domain/simulation/paces.ts';
import { SIGNALBOX, STEPS } from '../../domain/vocabulary.ts';
import { PLAN } from '../domain/release/situations.ts';
import { ACTOR, begun, endAll, inventoryOf, journey, opIdOf, openStore, running, succeeded, type Asked, type Store } from './samples.ts';
import type { PlannedOn } from '../../domain/plan/plan-difference.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const DIGEST = 'a'.repeat(64);
const PLANNED: PlannedOn = { plan: PLAN, versions: { 'pool/web-prod': 2 } };
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);

describe('kept plans', () => {
  test('are found as they were shown until they expire, and what is shown again is kept as long as the last time', async () => {
    await keepPlan(store.db, { digest: DIGEST, planned: PLANNED, expiresAt: inSeconds(60) });
    expect(await findPlan(store.db, DIGEST)).toEqual(PLANNED);
    await keepPlan(store.db, { digest: DIGEST, planned: PLANNED, expiresAt: inSeconds(-60) });
    expect(await findPlan(store.db, DIGEST)).toEqual(PLANNED);
    expect(await findPlan(store.db, 'b'.repeat(64))).toBeNull();
  });

  test('are gone once they have expired', async () => {
    await keepPlan(store.db, { digest: 'c'.repeat(64), planned: PLANNED, expiresAt: inSeconds(-1) });
    expect(await findPlan(store.db, 'c'.repeat(64))).toBeNull();
    await keepPlan(store.db, { digest: 'd'.repeat(64), planned: PLANNED, expiresAt: inSeconds(60) });
    expect((await store.db.kysely.selectFrom('plans').select('digest').execute()).map(({ digest }) => digest)).not.toContain('c'.repeat(64));
  });
});

let pools = 0;

/** A pool of two hosts with one release that went well on both. */
async function goodRelease(): Promise<{ readonly pool: string; readonly hosts: readonly string[]; readonly release: string }> {
  pools += 1;
  const asked: Asked = { pool: `pace-${pools}`, hosts: [`p${pools}-a`, `p${pools}-b`] };
  const { release, epoch } = await running(store.db, asked);
  await appendReleaseEvents(store.db, { release, opId: 'observed', actor: ACTOR, events: [{ type: 'targets-observed', data: { inService: asked.hosts ?? [], failed: [] } }, { type: 'plan-made', data: { plan: PLAN } }] });
  for (const host of asked.hosts ?? []) {
    for (const event of journey(host, epoch)) await appendTargetEvent(store.db, { release, opId: `${event.type}/${opIdOf(event)}`, actor: SIGNALBOX, event });
  }
  await appendReleaseEvents(store.db, { release, opId: 'end', actor: ACTOR, events: [{ type: 'release-succeeded', data: { debt: [] } }] });
  return { pool: asked.pool ?? '', hosts: asked.hosts ?? [], release };
}

describe('paces', () => {
  test('are the defaults while nothing has been released, then those of the pool, of its applications, of anything', async () => {
    expect(await recentPaces(store.db, { pool: 'nowhere', applications: ['web'] })).toEqual(DEFAULT_PACES);
    const { pool } = await goodRelease();
    const own = await recentPaces(store.db, { pool, applications: [] });
    expect(own).toMatchObject({ basis: { releases: 1, targets: 2 }, days: [{ whole: [5 * STEPS.length] }] });
    await goodRelease();
    expect((await recentPaces(store.db, { pool, applications: ['web'] })).basis).toEqual({ releases: 1, targets: 2 });
    expect((await recentPaces(store.db, { pool: 'nowhere', applications: ['web'] })).basis).toEqual({ releases: 2, targets: 4 });
    expect((await recentPaces(store.db, { pool: 'nowhere', applications: ['other'] })).basis).toEqual({ releases: 2, targets: 4 });
  });

  test('are read from the events of a release once and the same from then on', async () => {
    const { pool, release } = await goodRelease();
    const first = await recentPaces(store.db, { pool, applications: [] });
    expect((await store.db.kysely.selectFrom('release_paces').select('past').where('release', '=', release).executeTakeFirst())?.past).toMatchObject({ targets: 2 });
    expect(await recentPaces(store.db, { pool, applications: [] })).toEqual(first);
  });
});

describe('the last good release', () => {
  test('is missing for a pool that had none, and is the newest with its inventory and duration', async () => {
    expect(await lastGoodRelease(store.db, 'nowhere')).toBeNull();
    const { pool, hosts, release } = await goodRelease();
    expect(await lastGoodRelease(store.db, pool)).toMatchObject({ release, inventory: inventoryOf(pool, hosts), batches: 3, seconds: expect.any(Number) });
  });

  test('leaves out of service the hosts that were taken out and not brought back, until a later release brings them', async () => {
    const { pool, hosts } = await goodRelease();
    expect(await hostsLeftOut(store.db, hosts)).toEqual([]);
    const [first = ''] = hosts;
    const { release, epoch } = await running(store.db, { pool, hosts });
    const [observedFirst, ...rest] = journey(first, epoch);
    for (const event of [observedFirst!, begun(first, epoch), succeeded(first, epoch)]) await appendTargetEvent(store.db, { release, opId: `${event.type}/${opIdOf(event)}`, actor: SIGNALBOX, event });
    expect(await hostsLeftOut(store.db, hosts)).toEqual([]);
    await endAll(store.db);
    expect(await hostsLeftOut(store.db, hosts)).toEqual([first]);
    expect(rest.length).toBeGreaterThan(0);
  });
});
