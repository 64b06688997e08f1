import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeptOut } from '../../db/errors.ts';
import { withTargetFence } from '../../db/fence.ts';
import { applyDrain, askDrain, askedDrains, getDrain, refuseDrain, withdrawDrains } from '../../db/drain-requests.ts';
import { confirmDrain, forgetDrain, forgetStandingDrain, leaveToFlags, rememberDrain } from '../../db/flag-drains.ts';
import { listFlagWork } from '../../db/flag-work.ts';
import { hostFlags, observedFlags, setHostFlag } from '../../db/host-flags.ts';
import { hostPlaces } from '../../db/host-standing.ts';
import { storeSightings } from '../../db/host-sightings.ts';
import { applyInventory, getInventory, putInventory } from '../../db/inventory.ts';
import { rebuildProjections } from '../../db/rebuild.ts';
import { releaseFlag } from '../../db/release-flag.ts';
import { verifyChain } from '../../db/verify-chain.ts';
import { listWantedTraffic } from '../../db/wanted-traffic.ts';
import { appendTargetEvent } from '../../db/events.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, APPLICATION, begun, end, endAll, hostSpec, HOSTS, observed, opIdOf, openStore, poolSpec, running, STRATEGY, succeeded, type Store } from './samples.ts';
import type { SetHostFlag } from '../../db/host-flags.ts';
import type { TargetEvent } from '../../domain/release/events.ts';

const HOST = 'web-01';
const PLACE = { host: HOST, pool: 'web-prod' };
const SERVER = { ...PLACE, server: HOST, weight: 100 };

let store: Store;
beforeAll(async () => {
  store = await openStore();
  const pool = { ...poolSpec('web-prod', HOSTS), traffic: { driver: 'haproxy' as const, socket: '/none', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 } };
  const documents = [
    { kind: 'application' as const, name: 'web', spec: APPLICATION },
    { kind: 'strategy' as const, name: 'standard', spec: STRATEGY },
    ...HOSTS.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })),
    { kind: 'pool' as const, name: 'web-prod', spec: pool },
    { kind: 'pool' as const, name: 'plain', spec: poolSpec('plain', [HOST]) },
  ];
  await applyInventory(store.db, { documents, actor: ACTOR, dryRun: false });
});
beforeEach(async () => {
  for (const owner of ['operator', 'health', 'fleet-check'] as const) await set({ owner, up: true });
  await forgetDrain(store.db, PLACE);
});
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const set = (more: Partial<SetHostFlag>) => setHostFlag(store.db, { host: HOST, owner: 'operator', pool: null, up: false, reason: 'new disk', forced: false, actor: ACTOR, ...more });
const told = async () => (await hostFlags(store.db, HOST)).filter(({ up }) => !up).map(({ owner, pool }) => [owner, pool]);

describe('flags', () => {
  test('are events of their host, by whom and why, and the document of the host stands as it was', async () => {
    const before = await getInventory(store.db, 'host', HOST);
    expect(await set({ reason: 'bad fan' })).toBe(true);
    expect(await set({ reason: 'again' })).toBe(false);
    const [event] = await store.db.kysely.selectFrom('events').select(['type', 'data', 'actor']).where('stream', '=', `host/${HOST}`).orderBy('version', 'desc').limit(1).execute();
    expect(event).toEqual({ type: 'host-flag-lowered', data: { owner: 'operator', pool: null, reason: 'bad fan', forced: false }, actor: ACTOR });
    expect(await hostFlags(store.db, HOST)).toContainEqual(expect.objectContaining({ owner: 'operator', up: false, by: 'ci', reason: 'bad fan' }));
    expect(await getInventory(store.db, 'host', HOST)).toEqual(before);
  });

  test('of one owner stand for one pool or for all, and raising all raises each', async () => {
    await set({ pool: 'web-prod' });
    await set({ owner: 'health' });
    expect(await told()).toEqual([['health', null], ['operator', 'web-prod']]);
    await set({ up: true });
    expect(await told()).toEqual([['health', null]]);
  });

  test('set by several at once are all kept, and the chain of the host stays whole', async () => {
    await Promise.all((['operator', 'health', 'fleet-check'] as const).map((owner) => set({ owner })));
    expect((await told()).length).toBe(3);
    expect((await verifyChain(store.owner)).broken).toEqual([]);
  });

  test('survive a rebuild, and so does the host whose last event is a flag, also once it was changed again', async () => {
    await set({ pool: 'web-prod' });
    await set({ owner: 'health', reason: 'probe' });
    const dump = async () => JSON.stringify([await hostFlags(store.db, HOST), await getInventory(store.db, 'host', HOST)]);
    const live = await dump();
    await rebuildProjections(store.owner);
    expect(await dump()).toBe(live);
    const { version } = (await getInventory(store.db, 'host', HOST)) ?? { version: 0 };
    const changed = await putInventory(store.db, { kind: 'host', name: HOST, spec: { ...hostSpec(HOST), zone: 'idc-b' }, expectedVersion: version, actor: ACTOR });
    expect(changed.version).toBeGreaterThan(version);
    await rebuildProjections(store.owner);
    expect(await getInventory(store.db, 'host', HOST)).toMatchObject({ version: changed.version, spec: { zone: 'idc-b' } });
  });
});

describe('work at the balancers', () => {
  test('is every host with a lowered flag or a drain of flags, in each pool with a traffic entry', async () => {
    expect(await listFlagWork(store.db)).toEqual([]);
    await set({ forced: true });
    expect(await listFlagWork(store.db)).toMatchObject([{ pool: { name: 'web-prod' }, hosts: [{ host: HOST, down: ['operator'], forced: true, drain: null }] }]);
    await rememberDrain(store.db, SERVER);
    await set({ up: true });
    expect(await listFlagWork(store.db)).toMatchObject([{ hosts: [{ down: [], drain: { server: HOST, weight: 100, confirmed: false } }] }]);
  });

  test('of a flag for another pool is none here', async () => {
    await set({ pool: 'plain' });
    expect(await listFlagWork(store.db)).toEqual([]);
  });

  test('keeps the weight a server had at first, whatever is written later, and forgets it only while no flag is down', async () => {
    await rememberDrain(store.db, SERVER);
    await confirmDrain(store.db, PLACE);
    await rememberDrain(store.db, { ...SERVER, weight: 1 });
    expect(await observedFlags(store.db, 'web-prod', [HOST])).toEqual(new Map([[HOST, { down: [], beneath: { weight: 100 } }]]));
    await set({ owner: 'health' });
    await forgetStandingDrain(store.db, PLACE);
    expect(await observedFlags(store.db, 'web-prod', [HOST, 'web-02'])).toEqual(new Map([[HOST, { down: ['health'], beneath: { weight: 100 } }]]));
    await set({ owner: 'health', up: true });
    await forgetStandingDrain(store.db, PLACE);
    expect(await observedFlags(store.db, 'web-prod', [HOST])).toEqual(new Map());
  });
});

describe('a release', () => {
  const admits = (owner: { readonly release: string; readonly epoch: number }, work: () => Promise<string> = async () => 'admitted') =>
    withTargetFence(store.db, { ...owner, host: HOST, into: 'web-prod' }, work, [{ pool: 'web-prod', server: HOST, wanted: { admin: 'ready', weight: 100 } }]);

  test('that would admit a host under a lowered flag is stopped before it writes, by whomever the flag is', async () => {
    const owner = await running(store.db);
    for (const flag of [{ owner: 'operator' }, { owner: 'health', pool: 'web-prod' }] as const) {
      await set(flag);
      await expect(admits(owner, async () => { throw new Error('it was written'); })).rejects.toMatchObject({ name: 'KeptOut', owners: [flag.owner] });
      await set({ ...flag, up: true });
    }
    await set({ pool: 'plain' });
    expect(await admits(owner)).toBe('admitted');
  });

  test('leaves the host to the flags that stop it, unless they are up again, or it owns the host no more', async () => {
    const owner = await running(store.db);
    expect(await leaveToFlags(store.db, { ...SERVER, ...owner })).toBe(false);
    await set({});
    await expect(admits(owner)).rejects.toBeInstanceOf(KeptOut);
    expect(await leaveToFlags(store.db, { ...SERVER, ...owner, epoch: owner.epoch - 1 })).toBe(false);
    expect(await leaveToFlags(store.db, { ...SERVER, ...owner })).toBe(true);
    expect(await listWantedTraffic(store.db)).toEqual([]);
    await set({ up: true });
    expect(await admits(owner)).toBe('admitted');
    expect(await observedFlags(store.db, 'web-prod', [HOST])).toEqual(new Map());
    expect(await listWantedTraffic(store.db)).toMatchObject([{ host: HOST, wanted: { admin: 'ready' } }]);
  });

  test('whose admission fails forgets nothing of what flags had taken out', async () => {
    const owner = await running(store.db);
    await rememberDrain(store.db, SERVER);
    await expect(admits(owner, async () => { throw new Error('the balancer is gone'); })).rejects.toThrow('gone');
    expect((await observedFlags(store.db, 'web-prod', [HOST])).size).toBe(1);
  });

  test('holds a host from the first step until the admission, and after its end if it never came to that', async () => {
    const tell = async ({ release }: { readonly release: string }, ...events: readonly TargetEvent[]) => {
      for (const event of events) await appendTargetEvent(store.db, { release, opId: `${event.type}/${opIdOf(event)}`, actor: SIGNALBOX, event });
    };
    const owner = await running(store.db);
    await tell(owner, observed(HOST, owner.epoch, 'd1'));
    expect(await releaseFlag(store.db, PLACE)).toBe(null);
    await tell(owner, begun(HOST, owner.epoch), succeeded(HOST, owner.epoch));
    expect(await releaseFlag(store.db, PLACE)).toMatchObject({ owner: 'release', up: false, by: owner.release, reason: `Release ${owner.release} has it in work` });
    expect(await releaseFlag(store.db, { ...PLACE, pool: 'plain' })).toBe(null);
    await end(store.db, owner.release);
    expect(await releaseFlag(store.db, PLACE)).not.toBe(null);
    const next = await running(store.db);
    await tell(next, begun(HOST, next.epoch), succeeded(HOST, next.epoch), succeeded(HOST, next.epoch, 'admit'));
    expect(await releaseFlag(store.db, PLACE)).toBe(null);
  });
});

describe('a drain that an operator asked for', () => {
  const ask = async (id: string) => {
    const asked = { id, host: HOST, pool: null, reason: 'new disk', actor: ACTOR };
    await askDrain(store.db, asked);
    return asked;
  };

  test('lowers the flag once, whoever settles it', async () => {
    const asked = await ask('d-1');
    expect(await askedDrains(store.db)).toEqual([asked]);
    expect(await told()).toEqual([]);
    expect(await Promise.all([applyDrain(store.db, asked), applyDrain(store.db, asked)])).toEqual(expect.arrayContaining([true, false]));
    expect(await told()).toEqual([['operator', null]]);
    expect(await getDrain(store.db, 'd-1')).toEqual({ state: 'applied', refusal: null });
    expect(await askedDrains(store.db)).toEqual([]);
  });

  test('that was refused, or taken back by an admission, changes nothing any more', async () => {
    const [refused, withdrawn] = [await ask('d-2'), await ask('d-3')];
    await refuseDrain(store.db, refused.id, { code: 'capacity-floor', message: 'too few' });
    await withdrawDrains(store.db, HOST);
    for (const asked of [refused, withdrawn]) expect(await applyDrain(store.db, asked)).toBe(false);
    expect(await getDrain(store.db, 'd-2')).toMatchObject({ state: 'refused', refusal: { code: 'capacity-floor' } });
    expect(await getDrain(store.db, 'd-3')).toMatchObject({ state: 'refused', refusal: { code: 'superseded' } });
    expect(await told()).toEqual([]);
  });
});

test('what balancers showed is kept per pool, with its age', async () => {
  const traffic = { admin: 'drain', operational: 'up', weight: 100, connections: 0, inService: false } as const;
  await storeSightings(store.db, 'web-prod', [{ host: HOST, server: HOST, traffic: { ...traffic, admin: 'ready' } }]);
  await storeSightings(store.db, 'web-prod', [{ host: HOST, server: HOST, traffic }]);
  const { places } = await hostPlaces(store.db, HOST);
  expect(places).toMatchObject([{ pool: 'plain', server: null, observed: null }, { pool: 'web-prod', server: HOST, observed: traffic, takenOut: false }]);
  expect(places[1]?.ageMs).toBeGreaterThanOrEqual(0);
});
