import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { comparePool } from '../../db/compare-pool.ts';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { getInventory, putInventory } from '../../db/inventory.ts';
import { getInventoryOf } from '../../db/queries.ts';
import { loadReleaseRequest, openRelease } from '../../db/requests.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, APPLICATION, STRATEGY, acquire, endAll, hostSpec, observed, openStore, packageSpec, poolSpec, running, type Store } from './samples.ts';
import type { CoreEventData } from '../../domain/release/events.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';

let store: Store;
let pools = 0;

beforeAll(async () => {
  store = await openStore();
  await put({ kind: 'strategy', name: 'standard', spec: STRATEGY });
  await put({ kind: 'application', name: 'web', spec: APPLICATION });
  for (const version of ['1', '2']) await put({ kind: 'package', name: `web@${version}`, spec: { ...packageSpec(version), sha256: version.repeat(64) } });
});
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

async function put(document: InventoryDocument): Promise<void> {
  const { db } = store;
  const expectedVersion = (await getInventory(db, document.kind, document.name))?.version ?? null;
  await putInventory(db, { ...document, expectedVersion, actor: ACTOR });
}

/** A release that has its pool of three hosts, and the means to change that pool meanwhile. */
async function releaseOnItsPool() {
  pools += 1;
  const pool = `changing-${pools}`;
  const [one, two, three, four] = [1, 2, 3, 4].map((index) => `${pool}-${index}`) as [string, string, string, string];
  for (const name of [one, two, three, four]) await put({ kind: 'host', name, spec: hostSpec(name) });
  const hosts = async (...names: string[]): Promise<void> => put({ kind: 'pool', name: pool, spec: poolSpec(pool, names) });
  await hosts(one, two, three);
  const { release, epoch } = await running(store.db, { pool, hosts: [one, two, three] });
  return { pool, one, two, three, four, release, epoch, hosts };
}

async function compared(release: string, opId = 'compare'): Promise<CoreEventData['pool-compared']> {
  const event = await comparePool(store.db, { release, opId });
  if (event.type !== 'pool-compared') throw new Error(event.type);
  return event.data;
}

async function sees(release: string, epoch: number, versions: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [host, version] of Object.entries(versions)) {
    const event = observed(host, epoch, '');
    if (event.type !== 'target-observed') throw new Error(event.type);
    const { observation } = event.data;
    const applications = observation.applications.map((one) => ({ ...one, version, digest: version === null ? null : version.repeat(64) }));
    await appendTargetEvent(store.db, { release, opId: `${host}/observe`, actor: SIGNALBOX, event: { ...event, data: { ...event.data, observation: { ...observation, applications } } } });
  }
}

describe('a pool at the end of a release', () => {
  test('that has the hosts it had is the same, and nothing is asked for', async () => {
    const { release } = await releaseOnItsPool();
    expect(await compared(release)).toEqual({ left: [], joined: [], scaleOut: null, note: null });
  });

  test('tells hosts that left and hosts that joined', async () => {
    const { release, one, three, four, hosts } = await releaseOnItsPool();
    await hosts(one, three, four);
    expect(await compared(release)).toMatchObject({ left: [expect.stringMatching(/-2$/)], joined: [four] });
  });

  test('gets a scale-out of the same versions and configuration for those that joined, which waits behind this release', async () => {
    const { pool, release, one, two, three, four, hosts } = await releaseOnItsPool();
    await hosts(one, two, three, four);
    await put({ kind: 'application', name: 'web', spec: { ...APPLICATION, run: { ...APPLICATION.run, env: { NEW: 'since then' } } } });
    const { scaleOut } = await compared(release);
    const asked = await loadReleaseRequest(store.db, scaleOut ?? '');
    expect(asked?.request).toMatchObject({ kind: 'scale-out', pool, changes: [{ application: 'web', version: '2' }], busy: 'queue', requestedBy: 'signalbox', joined: { release, hosts: [four] } });
    expect(asked?.request.hosts.map(({ name }) => name)).toEqual([one, two, three, four]);
    expect(asked?.request.reason).toContain(`${four} has joined pool ${pool}`);
    expect(asked?.inventory).toMatchObject({ applications: (await getInventoryOf(store.db, release)).applications, strategy: { bastion: { count: 0 } } });
    const { rows } = await store.db.pool.query<{ kind: string }>('select kind from outbox where release = $1', [scaleOut]);
    expect(rows).toEqual([{ kind: 'start' }]);
    await openRelease(store.db, { release: scaleOut ?? '' });
    expect(await acquire(store.db, scaleOut ?? '')).toMatchObject({ type: 'release-queued', data: { behind: release } });
  });

  test('is told once per look, however often it is asked and whatever joins meanwhile; a second look asks for a scale-out of its own', async () => {
    const { release, one, two, three, four, hosts } = await releaseOnItsPool();
    await hosts(one, two, three, four);
    const answers = await Promise.all(Array.from({ length: 12 }, () => compared(release)));
    await hosts(one, two, three);
    expect(new Set([...answers, await compared(release)].map((answer) => JSON.stringify(answer))).size).toBe(1);
    await hosts(one, two, three, four);
    expect((await compared(release, 'again')).scaleOut).not.toBe(answers[0]?.scaleOut);
    const { rows } = await store.db.pool.query<{ id: string }>(`select id from release_requests where request -> 'joined' ->> 'release' = $1`, [release]);
    expect(rows).toHaveLength(2);
  });
});

describe('a pool at the end of a rollback', () => {
  async function rolledBack(versions: readonly (string | null)[]): Promise<CoreEventData['pool-compared']> {
    const { release, epoch, one, two, three, four, hosts } = await releaseOnItsPool();
    await sees(release, epoch, { [one]: versions[0] ?? null, [two]: versions[1] ?? null, [three]: versions[2] ?? null });
    await appendReleaseEvents(store.db, { release, opId: 'back', actor: ACTOR, events: [{ type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [[one]], then: 'rolled-back', epoch: 0 } }] });
    await hosts(one, two, three, four);
    return compared(release);
  }

  test('gets a scale-out of the version it went back to', async () => {
    const { scaleOut } = await rolledBack(['1', '1', '1']);
    expect((await loadReleaseRequest(store.db, scaleOut ?? ''))?.request.changes).toEqual([{ application: 'web', version: '1' }]);
  });

  test.each([[['1', '2', '1']], [['7', '7', '7']], [[null, null, null]]])('gets none when the hosts had %j before: the note says what to do', async (versions) => {
    expect(await rolledBack(versions)).toMatchObject({ joined: [expect.stringMatching(/-4$/)], scaleOut: null, note: expect.stringContaining('Release one to pool') });
  });
});
