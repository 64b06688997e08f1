import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { StaleEpoch } from '../../db/errors.ts';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { withPoolTurn, withTargetFence } from '../../db/fence.ts';
import { listWantedTraffic, setWantedTraffic } from '../../db/wanted-traffic.ts';
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

test('turns of one pool come one at a time over two processes, those of another do not wait', async () => {
  const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other', max: 2 });
  try {
    let inside = 0;
    let most = 0;
    const turn = (db: typeof other) =>
      withPoolTurn(db, { pool: 'web-prod' }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await withPoolTurn(store.db, { pool: 'another' }, async () => store.db.pool.query('select 1'));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 30 }, (_, index) => turn(index % 2 ? other : store.db)));
    expect(most).toBe(1);
  } finally {
    await other.close();
  }
});

test('many lanes that take a turn and then a fence do not run out of connections', async () => {
  const small = openDatabase({ url: store.serviceUrl, applicationName: 'test-small', max: 2 });
  try {
    const { release, epoch } = await running(store.db);
    const lane = () => withPoolTurn(small, { pool: 'web-prod' }, () => withTargetFence(small, { release, host: 'web-01', epoch }, async () => small.pool.query('select 1')));
    await Promise.all(Array.from({ length: 20 }, lane));
  } finally {
    await small.close();
  }
});

test('wanted traffic is kept while the release owns the host and gone when it ends', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const drained = { release, host: 'web-01', epoch, server: 'web/web-01', wanted: { admin: 'drain' as const, weight: null } };
  await setWantedTraffic(db, drained);
  await setWantedTraffic(db, { ...drained, wanted: { admin: 'ready', weight: 100 } });
  expect(await listWantedTraffic(db)).toMatchObject([{ ...drained, wanted: { admin: 'ready', weight: 100 } }]);
  const [raised] = await retry(release, 'retry');
  const current = raised && 'epoch' in raised.data ? raised.data.epoch : 0;
  await expect(setWantedTraffic(db, drained)).rejects.toMatchObject({ name: 'StaleEpoch', current });
  expect((await listWantedTraffic(db))[0]?.epoch).toBe(current);
  await end(db, release);
  expect(await listWantedTraffic(db)).toEqual([]);
});
