import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { putBlock, standingBlocks } from '../../db/blocks.ts';
import { InUse, JoinedMisfit, UnknownReference } from '../../db/errors.ts';
import { withTargetFence } from '../../db/fence.ts';
import { leaveToFlags, rememberDrain } from '../../db/flag-drains.ts';
import { listFlagWork, poolsOfHost, poolsWithTraffic } from '../../db/flag-work.ts';
import { observedFlags, setHostFlag } from '../../db/host-flags.ts';
import { applyInventory, deleteInventory, getInventory, putInventory } from '../../db/inventory.ts';
import { besideOf } from '../../db/joined-pools.ts';
import { releaseFlag } from '../../db/release-flag.ts';
import { listWantedTraffic } from '../../db/wanted-traffic.ts';
import { withPoolTurn } from '../../db/pool-turn.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { appendTargetEvent } from '../../db/events.ts';
import { ACTOR, APPLICATION, begun, end, hostSpec, inventoryOf, newId, observation, observed, openStore, opIdOf, poolSpec, requestOf, running, STRATEGY, succeeded, type Store } from './samples.ts';
import type { InventoryDocument } from '../../db/inventory-kinds.ts';
import type { PoolSpec } from '../../domain/inventory.ts';
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import type { TargetEvent } from '../../domain/release/events.ts';
import type { Observation } from '../../domain/release/target.ts';

const ENTRY: TrafficSpec = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 30 };
const HOSTS = ['h1', 'h2', 'h3', 'h4', 'h5'];
const pool = (name: string, hosts: readonly string[], more: Partial<PoolSpec> = {}): Extract<InventoryDocument, { kind: 'pool' }> => ({ kind: 'pool', name, spec: { ...poolSpec(name, hosts), traffic: ENTRY, ...more } });
const joined = (name: string, joins: readonly string[], more: Partial<PoolSpec> = {}) => pool(name, [], { environment: '', applications: [], joins, ...more });

let store: Store;
const apply = (...documents: readonly InventoryDocument[]) => applyInventory(store.db, { documents, actor: ACTOR, dryRun: false });
const spec = async (name: string): Promise<PoolSpec | undefined> => (await getInventory(store.db, 'pool', name))?.spec;
const version = async (name: string): Promise<number | undefined> => (await getInventory(store.db, 'pool', name))?.version;
const put = async (document: InventoryDocument) => putInventory(store.db, { ...document, expectedVersion: (await getInventory(store.db, document.kind, document.name))?.version ?? null, actor: ACTOR });

const set = (host: string, of: string | null, up: boolean) => setHostFlag(store.db, { host, owner: 'operator', pool: of, up, reason: 'new disk', forced: false, actor: ACTOR });

beforeAll(async () => {
  store = await openStore();
  await apply({ kind: 'application', name: 'web', spec: APPLICATION }, { kind: 'strategy', name: 'standard', spec: STRATEGY }, ...HOSTS.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })));
});
beforeEach(() => apply(joined('all', ['a', 'b'], { busy: 'reject' }), pool('a', ['h1', 'h2']), pool('b', ['h2', 'h3'], { capacity: { minInServicePercent: 80 } })));
afterAll(() => store?.close());

describe('a joined pool in the store', () => {
  test('has what its members give it, whatever the order in which they are written', async () => {
    expect(await spec('all')).toEqual({ ...poolSpec('all', ['h1', 'h2', 'h3']), joins: ['a', 'b'], traffic: ENTRY, capacity: { minInServicePercent: 80 }, busy: 'reject' });
    const before = await version('all');
    await put(joined('all', ['a', 'b'], { busy: 'reject' }));
    expect(await version('all')).toBe(before);
  });

  test('follows every change of a member, in the same transaction and with an event of its own', async () => {
    const before = (await version('all')) ?? 0;
    await put(pool('b', ['h2', 'h3', 'h4']));
    expect(await spec('all')).toMatchObject({ hosts: ['h1', 'h2', 'h3', 'h4'], capacity: { minInServicePercent: 66 } });
    expect(await version('all')).toBe(before + 1);
    const applied = await apply(pool('a', ['h1', 'h5']));
    expect(applied.map(({ name, change }) => [name, change])).toEqual([['a', 'updated'], ['all', 'updated']]);
  });

  test('is told by a dry run, too, and then nothing is stored', async () => {
    const before = await version('all');
    const dry = await applyInventory(store.db, { documents: [pool('a', ['h5'])], actor: ACTOR, dryRun: true });
    expect(dry.find(({ name }) => name === 'all')?.after).toMatchObject({ hosts: ['h5', 'h2', 'h3'] });
    expect(await version('all')).toBe(before);
  });

  test('keeps a member from becoming one that does not fit, and says which pool is in the way', async () => {
    const before = await version('b');
    await expect(put(pool('b', ['h2'], { environment: 'uat' }))).rejects.toThrow(/Joined pool all: pool b has another environment than pool a/);
    await expect(put(joined('b', ['a', 'all']))).rejects.toBeInstanceOf(JoinedMisfit);
    expect(await version('b')).toBe(before);
    // Both at once fit together again.
    await apply(pool('a', ['h1'], { environment: 'uat' }), pool('b', ['h2'], { environment: 'uat' }));
    expect(await spec('all')).toMatchObject({ environment: 'uat', hosts: ['h1', 'h2'] });
    await apply(pool('a', ['h1']), pool('b', ['h2']));
  });

  test('needs its members, and is no user of their hosts and applications by itself', async () => {
    await expect(deleteInventory(store.db, { kind: 'pool', name: 'a', expectedVersion: null, actor: ACTOR })).rejects.toThrow(/pool a is in use by pool all/);
    await expect(deleteInventory(store.db, { kind: 'host', name: 'h2', expectedVersion: null, actor: ACTOR })).rejects.toMatchObject({ by: ['pool a', 'pool b'] });
    await expect(put(joined('lost', ['a', 'nobody']))).rejects.toBeInstanceOf(UnknownReference);
    await apply(joined('brief', ['a', 'b']));
    expect(await deleteInventory(store.db, { kind: 'pool', name: 'brief', expectedVersion: null, actor: ACTOR })).toBe(true);
  });

  test('in a running release keeps its members from going, also when it does not join them any more', async () => {
    const { db } = store;
    await apply(joined('brief', ['a', 'b']), pool('c', ['h4']));
    const release = newId();
    const inventory = { ...inventoryOf('brief', ['h1', 'h2']), members: [{ name: 'c', hosts: ['h4'], minInServicePercent: 50 }] };
    await createReleaseRequest(db, { id: release, request: requestOf(release, { pool: 'brief', hosts: ['h1', 'h2'] }), inventory, actor: ACTOR });
    await openRelease(db, { release });
    await expect(deleteInventory(db, { kind: 'pool', name: 'c', expectedVersion: null, actor: ACTOR })).rejects.toBeInstanceOf(InUse);
    await end(db, release);
    expect(await deleteInventory(db, { kind: 'pool', name: 'c', expectedVersion: null, actor: ACTOR })).toBe(true);
    await deleteInventory(db, { kind: 'pool', name: 'brief', expectedVersion: null, actor: ACTOR });
  });
});

describe('what a release counts besides its pool', () => {
  test('are the members of a joined pool, and of any other the pools that have the same servers', async () => {
    const beside = async (name: string) => besideOf(store.db, (await spec(name)) ?? poolSpec('', []));
    expect(await beside('all')).toEqual({ members: [{ name: 'a', hosts: ['h1', 'h2'], minInServicePercent: 66 }, { name: 'b', hosts: ['h2', 'h3'], minInServicePercent: 80 }] });
    expect(await beside('a')).toEqual({ members: [{ name: 'b', hosts: ['h2', 'h3'], minInServicePercent: 80 }] });
    await apply(pool('lone', ['h5']), pool('intern', ['h5'], { traffic: { ...ENTRY, backend: 'intern' } }));
    expect(await beside('lone')).toEqual({ members: [{ name: 'intern', hosts: ['h5'], minInServicePercent: 66, traffic: { ...ENTRY, backend: 'intern' } }] });
  });

  test('a hold on one of the pools keeps the joined one from being released, and a hold on that one each of them', async () => {
    const { db } = store;
    const holds = async (of: string) => (await standingBlocks(db, { pool: of, applications: ['web'], packages: [] })).map((block) => block.pool);
    await putBlock(db, { kind: 'hold', name: 'web', pool: 'a', reason: 'taken back', release: null, by: ACTOR });
    expect([await holds('all'), await holds('a'), await holds('b')]).toEqual([['a'], ['a'], []]);
    await putBlock(db, { kind: 'hold', name: 'web', pool: 'all', reason: 'taken back', release: null, by: ACTOR });
    expect([await holds('a'), await holds('b'), await holds('lone')]).toEqual([['a', 'all'], ['all'], []]);
  });
});

describe('flags and joined pools', () => {

  test('a joined pool is no place of its own: the keeper sees its members alone', async () => {
    expect((await poolsOfHost(store.db, 'h1')).map(({ name }) => name)).toEqual(['a']);
    expect((await poolsWithTraffic(store.db)).map(({ name }) => name)).not.toContain('all');
    await set('h1', null, false);
    expect((await listFlagWork(store.db)).map(({ pool: { name } }) => name)).toEqual(['a']);
    await set('h1', null, true);
  });

  test('a flag for one pool counts in a release of the joined one, as far as that pool has the host, and in every pool with the same server', async () => {
    const down = async (of: string, host: string) => (await observedFlags(store.db, of, [host])).get(host)?.down ?? [];
    await set('h2', 'b', false);
    expect([await down('all', 'h2'), await down('b', 'h2'), await down('a', 'h2')]).toEqual([['operator'], ['operator'], ['operator']]);
    expect(await down('all', 'h1')).toEqual([]);
    await set('h3', 'a', false);
    expect(await down('all', 'h3')).toEqual([]);
    await set('h2', 'b', true);
    await set('h3', 'a', true);
  });

  test('a release of the joined pool does not admit such a host, and leaves it to the keeper under the name of a member', async () => {
    const { db } = store;
    const { release, epoch } = await running(db, { pool: 'all', hosts: ['h1', 'h2', 'h3'] });
    await set('h3', 'b', false);
    const admit = () => withTargetFence(db, { release, host: 'h3', epoch, into: 'all' }, async () => undefined);
    await expect(admit()).rejects.toMatchObject({ name: 'KeptOut', owners: ['operator'] });
    expect(await leaveToFlags(db, { release, epoch, host: 'h3', pool: 'all', server: 'h3', weight: 7 })).toBe(true);
    expect((await listFlagWork(db)).flatMap(({ pool: { name }, hosts }) => hosts.map(({ host, drain }) => [name, host, drain?.weight]))).toEqual([['b', 'h3', 7]]);
    expect((await observedFlags(db, 'all', ['h3'])).get('h3')).toEqual({ down: ['operator'], beneath: { weight: 7 } });
    await set('h3', 'b', true);
    await admit();
    expect((await observedFlags(db, 'all', ['h3'])).size).toBe(0);
    await end(db, release);
  });

  test('a host that a release of the joined pool holds out is not brought in by the keeper of a member', async () => {
    const { db } = store;
    const { release, epoch } = await running(db, { pool: 'all', hosts: ['h1', 'h2', 'h3'] });
    await rememberDrain(db, { host: 'h1', pool: 'a', server: 'h1', weight: 1 });
    expect(await releaseFlag(db, { host: 'h1', pool: 'a' })).toBe(null);
    for (const event of [observed('h1', epoch, 'd1'), begun('h1', epoch), succeeded('h1', epoch)]) await appendTargetEvent(db, { release, opId: opIdOf(event) + event.type, actor: ACTOR, event });
    expect(await releaseFlag(db, { host: 'h1', pool: 'a' })).toMatchObject({ owner: 'release', by: release });
    await end(db, release);
  });
});

describe('a host that pools have behind different entries', () => {
  const INTERN = { ...ENTRY, backend: 'intern' };
  beforeEach(() => apply(pool('b', ['h2', 'h3'], { capacity: { minInServicePercent: 80 }, traffic: INTERN }), pool('c', ['h2'], { traffic: INTERN })));
  const down = async (of: string) => (await observedFlags(store.db, of, ['h2'])).get('h2')?.down ?? [];

  test('has a flag of one of them down there, and in every pool with that server, and not at the other entry', async () => {
    await set('h2', 'b', false);
    expect([await down('a'), await down('b'), await down('c')]).toEqual([[], ['operator'], ['operator']]);
    const { release, epoch } = await running(store.db, { pool: 'a', hosts: ['h1', 'h2'] });
    const admit = (into: string) => withTargetFence(store.db, { release, host: 'h2', epoch, into }, async () => into);
    expect(await admit('a')).toBe('a');
    await expect(admit('c')).rejects.toMatchObject({ name: 'KeptOut', owners: ['operator'] });
    await set('h2', 'b', true);
    await end(store.db, release);
  });

  test('is held by a release of one of them in each pool whose entry it took the host out of, and in no other', async () => {
    const { db } = store;
    const held = async () => Promise.all(['a', 'b', 'c'].map(async (of) => (await releaseFlag(db, { host: 'h2', pool: of })) !== null));
    const heldBy = async (more: Pick<Observation, 'elsewhere'>) => {
      const { release, epoch } = await running(db, { pool: 'a', hosts: ['h1', 'h2'] });
      const event: TargetEvent = { type: 'target-observed', data: { host: 'h2', epoch, observation: { ...observation('d1'), ...more } } };
      for (const one of [event, begun('h2', epoch), succeeded('h2', epoch)]) await appendTargetEvent(db, { release, opId: opIdOf(one) + one.type, actor: ACTOR, event: one });
      const all = await held();
      await end(db, release);
      return all;
    };
    const { traffic } = observation('d1');
    expect(await heldBy({})).toEqual([true, false, false]);
    expect(await heldBy({ elsewhere: [{ pool: 'b', traffic }] })).toEqual([true, true, true]);
  });

  test('has a wish of its own at each entry, though its servers have the same name; a flag at one of them silences none of the other', async () => {
    const { db } = store;
    const { release, epoch } = await running(db, { pool: 'a', hosts: ['h1', 'h2'] });
    const wish = (of: string, admin: 'ready' | 'drain') => ({ pool: of, server: 'h2', wanted: { admin, weight: null } });
    const listed = async () => (await listWantedTraffic(db)).map(({ pool: of, wanted: { admin } }) => [of, admin]);
    await withTargetFence(db, { release, host: 'h2', epoch }, async () => undefined, [wish('a', 'drain'), wish('b', 'drain')]);
    expect(await listed()).toEqual([['a', 'drain'], ['b', 'drain']]);
    await withTargetFence(db, { release, host: 'h2', epoch }, async () => undefined, [wish('a', 'ready'), wish('b', 'ready')]);
    await set('h2', 'c', false);
    expect(await listed()).toEqual([['a', 'ready']]);
    await set('h2', 'c', true);
    await end(db, release);
  });
});

describe('turns at one entry', () => {
  test('pools that count other hosts wait for one another, and each decides on its own count', async () => {
    const told: string[] = [];
    let inside = 0;
    const turn = (name: string) =>
      withPoolTurn(store.db, {
        entries: ['shared'], counted: [name],
        count: async () => new Set([name]),
        take: async (inService) => {
          inside += 1;
          told.push(`${[...inService].join()} ${inside}`);
          await store.db.pool.query('select pg_sleep(0.02)');
          inside -= 1;
        },
      });
    await Promise.all(['a', 'b', 'a', 'b', 'c'].map(turn));
    expect(told.map((line) => line.split(' ')[0]).sort()).toEqual(['a', 'a', 'b', 'b', 'c']);
    const most = told.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])] as const);
    expect(most.every(([name, count]) => count <= (name === 'c' ? 1 : 2))).toBe(true);
  });
});
