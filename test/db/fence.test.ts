import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { StaleEpoch } from '../../db/errors.ts';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { withTargetFence, withUnownedFence } from '../../db/fence.ts';
import { raiseUnowned } from '../../db/host-watch.ts';
import { listWantedTraffic, type WantedServer } from '../../db/wanted-traffic.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, begun, end, endAll, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const retry = (release: string, opId: string) =>
  appendReleaseEvents(store.db, { release, opId, actor: ACTOR, events: [{ type: 'targets-retried', data: { hosts: ['web-01'], round: 1, reason: 'x', epoch: 0 } }] });

test('work under a fence runs with the current epoch and gives back its result', async () => {
  const { release, epoch } = await running(store.db);
  expect(await withTargetFence(store.db, { release, host: 'web-01', epoch }, async () => 'written')).toBe('written');
});

test('an older epoch, another owner and an ended release never get to their work', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const work = async (): Promise<never> => { throw new Error('the work was run'); };
  await expect(withTargetFence(db, { release: 'r-other', host: 'web-01', epoch }, work)).rejects.toBeInstanceOf(StaleEpoch);
  await expect(withTargetFence(db, { release, host: 'web-99', epoch }, work)).rejects.toBeInstanceOf(StaleEpoch);
  await retry(release, 'retry');
  await expect(withTargetFence(db, { release, host: 'web-01', epoch }, work)).rejects.toMatchObject({ name: 'StaleEpoch', epoch });
  await end(db, release);
  await expect(withTargetFence(db, { release, host: 'web-01', epoch: epoch + 1 }, work)).rejects.toBeInstanceOf(StaleEpoch);
});

test('raising an epoch waits for the write that is going on, which may still append', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const order: string[] = [];
  const entered = Promise.withResolvers<void>();
  const mayLeave = Promise.withResolvers<void>();
  const fenced = withTargetFence(db, { release, host: 'web-01', epoch }, async () => {
    entered.resolve();
    await mayLeave.promise;
    await appendTargetEvent(db, { release, opId: 'inside', actor: SIGNALBOX, event: begun('web-01', epoch) });
    order.push('written');
  });
  await entered.promise;
  const raised = retry(release, 'retry').then(() => order.push('raised'));
  await waitingForLock();
  mayLeave.resolve();
  await Promise.all([fenced, raised]);
  expect(order).toEqual(['written', 'raised']);
});

test('an act on a host that no release owns is refused once one took it, or once its epoch is another', async () => {
  const { db } = store;
  const work = async (): Promise<never> => { throw new Error('the work was run'); };
  const epoch = (await raiseUnowned(db, 'web-01', 0)) ?? 0;
  expect(await withUnownedFence(db, { host: 'web-01', epoch }, async () => 'started')).toBe('started');
  await expect(withUnownedFence(db, { host: 'web-01', epoch: epoch - 1 }, work)).rejects.toBeInstanceOf(StaleEpoch);
  await expect(withUnownedFence(db, { host: 'web-99', epoch }, work)).rejects.toBeInstanceOf(StaleEpoch);
  await running(db);
  await expect(withUnownedFence(db, { host: 'web-01', epoch }, work)).rejects.toBeInstanceOf(StaleEpoch);
  expect(await raiseUnowned(db, 'web-01', 0)).toBeNull();
});

test('a release that takes a host waits for the act that is going on there', async () => {
  const { db } = store;
  const epoch = (await raiseUnowned(db, 'web-01', 0)) ?? 0;
  const order: string[] = [];
  const entered = Promise.withResolvers<void>();
  const mayLeave = Promise.withResolvers<void>();
  const started = withUnownedFence(db, { host: 'web-01', epoch }, async () => {
    entered.resolve();
    await mayLeave.promise;
    order.push('started');
  });
  await entered.promise;
  const owned = running(db).then((release) => {
    order.push('owned');
    return release;
  });
  await waitingForLock();
  mayLeave.resolve();
  await started;
  expect((await owned).epoch).toBeGreaterThan(epoch);
  expect(order).toEqual(['started', 'owned']);
});

async function waitingForLock(): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (Date.now() < deadline) {
    const { rows } = await store.owner.pool.query('select 1 from pg_stat_activity where datname = current_database() and wait_event_type = $1', ['Lock']);
    if (rows.length > 0) return;
  }
  throw new Error('nobody came to wait for the lock');
}

test('when the work throws, the fence is open again and the cause is kept', async () => {
  const { release, epoch } = await running(store.db);
  const fence = { release, host: 'web-01', epoch };
  await expect(withTargetFence(store.db, fence, async () => { throw new Error('the balancer is away'); })).rejects.toThrow('the balancer is away');
  expect(await withTargetFence(store.db, fence, async () => 'again')).toBe('again');
});

test('a connection that is cut off under a fence fails the work and frees the host', async () => {
  const { release, epoch } = await running(store.db);
  const fence = { release, host: 'web-01', epoch };
  const cut = withTargetFence(store.db, fence, async () => {
    await store.owner.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`);
    return 'written';
  });
  await expect(cut).rejects.toThrow();
  expect(await withTargetFence(store.db, fence, async () => 'again')).toBe('again');
});

const remember = (wish: WantedServer): Promise<void> => withTargetFence(store.db, wish, async () => undefined, [wish]);

test('a wish is remembered before the balancer is told, and stays when telling it fails', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const wish: WantedServer = { release, host: 'web-01', epoch, pool: "o'pool", server: "o'web", wanted: { admin: 'drain', weight: null } };
  let seen: readonly WantedServer[] = [];
  const told = withTargetFence(db, wish, async () => {
    seen = await listWantedTraffic(db);
    throw new Error('the balancer is away');
  }, [wish]);
  await expect(told).rejects.toThrow('the balancer is away');
  expect(seen).toMatchObject([wish]);
  expect(await listWantedTraffic(db)).toMatchObject([wish]);
});

test('wanted traffic is kept while the release owns the host and gone when it ends', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const drained: WantedServer = { release, host: 'web-01', epoch, pool: 'web-prod', server: 'web-01', wanted: { admin: 'drain', weight: null } };
  await remember(drained);
  await remember({ ...drained, wanted: { admin: 'ready', weight: 100 } });
  expect(await listWantedTraffic(db)).toMatchObject([{ ...drained, wanted: { admin: 'ready', weight: 100 } }]);
  const [raised] = await retry(release, 'retry');
  const current = raised && 'epoch' in raised.data ? raised.data.epoch : 0;
  await expect(remember(drained)).rejects.toMatchObject({ name: 'StaleEpoch', current });
  expect((await listWantedTraffic(db))[0]?.epoch).toBe(current);
  await end(db, release);
  expect(await listWantedTraffic(db)).toEqual([]);
});
