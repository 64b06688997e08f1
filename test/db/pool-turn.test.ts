import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { withTargetFence } from '../../db/fence.ts';
import { withPoolTurn } from '../../db/pool-turn.ts';
import { endAll, openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const NOBODY: ReadonlySet<string> = new Set();
const turn = <T>(db: Database, pool: string, take: (inService: Set<string>) => Promise<T>, count: () => Promise<ReadonlySet<string>> = async () => NOBODY): Promise<T> => withPoolTurn(db, { entries: [pool], counted: [], count, take });

test('between two processes turns of one pool come one at a time, and those of another pool do not wait', async () => {
  const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other', max: 2 });
  try {
    const inside = new Map<Database, number>();
    let most = 0;
    const one = (db: Database) =>
      turn(db, 'web-prod', async () => {
        inside.set(db, (inside.get(db) ?? 0) + 1);
        most = Math.max(most, [...inside.values()].filter((count) => count > 0).length);
        await turn(store.db, `another-${Math.random()}`, async () => store.db.pool.query('select 1'));
        inside.set(db, (inside.get(db) ?? 0) - 1);
      });
    await Promise.all(Array.from({ length: 30 }, (_, index) => one(index % 2 ? other : store.db)));
    expect(most).toBe(1);
  } finally {
    await other.close();
  }
});

test('lanes that ask together decide one after the other on one count, and no two take the same last host', async () => {
  let counts = 0;
  const count = async () => { counts += 1; return new Set(['a', 'b', 'c', 'd', 'e', 'f']); };
  const lane = (host: string) =>
    turn(store.db, 'floor', async (inService) => {
      if (inService.size <= 4) throw new Error('below the floor');
      inService.delete(host);
      await store.db.pool.query('select 1');
      return inService.size;
    }, count);
  const ended = await Promise.allSettled(['a', 'b', 'c', 'd', 'e', 'f'].map(lane));
  expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  expect(counts).toBe(1);
});

test('a turn that asks while another is taken is counted anew', async () => {
  const entered = Promise.withResolvers<void>();
  const mayLeave = Promise.withResolvers<void>();
  let counts = 0;
  const count = async () => new Set([`count ${(counts += 1)}`]);
  const first = turn(store.db, 'anew', async (seen) => { entered.resolve(); await mayLeave.promise; return [...seen]; }, count);
  await entered.promise;
  const second = turn(store.db, 'anew', async (seen) => [...seen], count);
  mayLeave.resolve();
  expect(await Promise.all([first, second])).toEqual([['count 1'], ['count 2']]);
});

test('many lanes that take a turn and then a fence do not run out of connections', async () => {
  const small = openDatabase({ url: store.serviceUrl, applicationName: 'test-small', max: 2 });
  try {
    const { release, epoch } = await running(store.db);
    const lane = () => turn(small, 'web-prod', () => withTargetFence(small, { release, host: 'web-01', epoch }, async () => small.pool.query('select 1')));
    await Promise.all(Array.from({ length: 20 }, lane));
  } finally {
    await small.close();
  }
});

test('turns asked for while one is taken follow under the same lock, in the order they were asked for', async () => {
  const held: unknown[] = [];
  const order: number[] = [];
  const one = (place: number) =>
    turn(store.db, 'together', async () => {
      order.push(place);
      const { rows } = await store.owner.pool.query(`select l.pid, a.xact_start as since from pg_locks l join pg_stat_activity a on a.pid = l.pid where l.locktype = 'advisory' and l.granted and a.datname = current_database()`);
      held.push(rows);
    });
  await Promise.all([1, 2, 3].map(one));
  expect(order).toEqual([1, 2, 3]);
  expect(held[0]).toHaveLength(1);
  expect(held).toEqual([held[0], held[0], held[0]]);
});

test('a turn whose count or work throws fails alone: those who wait still get theirs', async () => {
  const work = (place: number) => turn(store.db, 'failing', async () => { if (place === 2) throw new Error('below the floor'); return place; }, async () => {
    if (place === 1) throw new Error('the balancer is away');
    return NOBODY;
  });
  expect(await Promise.allSettled([1, 2, 3].map(work))).toMatchObject([{ reason: { message: 'the balancer is away' } }, { reason: { message: 'below the floor' } }, { value: 3 }]);
});

test('a lock that cannot be had fails all who wait for it, and the next turn tries again', async () => {
  const away = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test-away' });
  try {
    const both = await Promise.allSettled([1, 2].map(() => turn(away, 'web-prod', async () => 'counted')));
    expect(both).toMatchObject([{ reason: { code: 'ECONNREFUSED' } }, { reason: { code: 'ECONNREFUSED' } }]);
    await expect(turn(away, 'web-prod', async () => 'counted')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  } finally {
    await away.close();
  }
});

test('a process that lost its lock takes it anew for the next turn', async () => {
  const cut = turn(store.db, 'cut', async () => {
    await store.owner.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`);
    return 'counted';
  });
  expect(await cut).toBe('counted');
  expect(await turn(store.db, 'cut', async () => 'again')).toBe('again');
});

test('turns at several entries, asked for in any order by several processes, never wait for one another in a circle, and keep each entry to one at a time', async () => {
  const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
  try {
    const inside = new Map<string, number>();
    let most = 0;
    const sets = [['a', 'b', 'c'], ['c', 'b'], ['b', 'a'], ['c', 'a'], ['a']];
    const one = (index: number) => {
      const entries = sets[index % sets.length] ?? [];
      return withPoolTurn(index % 2 ? other : store.db, {
        entries, counted: [], count: async () => NOBODY,
        take: async () => {
          for (const entry of entries) inside.set(`${index % 2} ${entry}`, (inside.get(`${index % 2} ${entry}`) ?? 0) + 1);
          most = Math.max(most, ...entries.map((entry) => [0, 1].filter((process) => (inside.get(`${process} ${entry}`) ?? 0) > 0).length));
          await store.db.pool.query('select 1');
          for (const entry of entries) inside.set(`${index % 2} ${entry}`, (inside.get(`${index % 2} ${entry}`) ?? 0) - 1);
        },
      });
    };
    await Promise.all(Array.from({ length: 40 }, (_, index) => one(index)));
    expect(most).toBe(1);
  } finally {
    await other.close();
  }
});
