import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { readFeed, type FeedCursor, type FeedEvent } from '../../db/feed.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, journey, openStore, opIdOf, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterAll(() => store?.close());

/** A reader that remembers where it stands. */
function reader(): { readonly seen: FeedEvent[]; readonly read: () => Promise<number> } {
  const seen: FeedEvent[] = [];
  let cursor: FeedCursor | null = null;
  const read = async (): Promise<number> => {
    const page = await readFeed(store.db, { after: cursor, limit: 7 });
    seen.push(...page);
    cursor = page.at(-1)?.cursor ?? cursor;
    return page.length;
  };
  return { seen, read };
}

/** Until everything stored was read: transactions of other databases on the server may hold a reader back for a moment. */
async function readAll(one: { readonly seen: readonly FeedEvent[]; readonly read: () => Promise<number> }): Promise<void> {
  const deadline = Date.now() + 10_000;
  const { rows } = await store.db.pool.query<{ count: number }>('select count(*) as count from events');
  const stored = rows[0]?.count ?? 0;
  while (one.seen.length < stored) {
    await one.read();
    if (Date.now() > deadline) throw new Error(`Only ${one.seen.length} of ${stored} events came.`);
  }
}

test('an event that was numbered early and committed late is not skipped', async () => {
  const { db, owner } = store;
  const slow = await running(db, { pool: 'slow', hosts: ['slow-01'] });
  const fast = await running(db, { pool: 'fast', hosts: ['fast-01'] });
  const { seen, read } = reader();
  await readAll({ seen, read });
  const before = seen.length;
  const client = await owner.pool.connect();
  try {
    await client.query('begin');
    await client.query('select append_event($1, $2, $3, 1, $4, $5, $6)', [`release/${slow.release}`, 'late', 'resumed', '{"reason":"late"}', '{"kind":"signalbox","name":"signalbox"}', new Date().toISOString()]);
    await appendReleaseEvents(db, { release: fast.release, opId: 'early', actor: ACTOR, events: [{ type: 'resumed', data: { reason: 'early' } }] });
    for (let look = 0; look < 20; look += 1) await read();
    expect(seen.length).toBe(before);
    await client.query('commit');
  } finally {
    client.release();
  }
  await readAll({ seen, read });
  expect(seen.slice(before).map((event) => event.id).toSorted()).toEqual(['late', `${fast.release}/early/resumed`].toSorted());
});

test('a transaction that began early and appended late does not turn its stream around', async () => {
  const { db, owner } = store;
  const { release } = await running(db, { pool: 'turned', hosts: ['turned-01'] });
  const client = await owner.pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_current_xact_id()');
    await appendReleaseEvents(db, { release, opId: 'before', actor: ACTOR, events: [{ type: 'resumed', data: { reason: 'before' } }] });
    await client.query('select append_event($1, $2, $3, 1, $4, $5, $6)', [`release/${release}`, 'after', 'resumed', '{"reason":"after"}', '{"kind":"signalbox","name":"signalbox"}', new Date().toISOString()]);
    await client.query('commit');
  } finally {
    client.release();
  }
  const { seen, read } = reader();
  await readAll({ seen, read });
  const versions = seen.filter((event) => event.stream === `release/${release}`).map((event) => event.version);
  expect(versions).toEqual([1, 2, 3, 4, 5]);
});

test('while many streams grow, every event is read exactly once and each stream in its order', async () => {
  const { db } = store;
  const { seen, read } = reader();
  const releases = await Promise.all(Array.from({ length: 4 }, (_, index) => running(db, { pool: `feed-${index}`, hosts: [`feed-${index}-a`, `feed-${index}-b`] })));
  let isDone = false;
  const load = Promise.all(releases.flatMap(({ release, epoch }, index) => ['a', 'b'].map(async (host) => {
    for (const event of journey(`feed-${index}-${host}`, epoch)) await appendTargetEvent(db, { release, opId: opIdOf(event), actor: SIGNALBOX, event });
  }))).then(() => { isDone = true; });
  while (!isDone) await read();
  await load;
  await readAll({ seen, read });
  const stored = await db.kysely.selectFrom('events').select('id').execute();
  expect(seen.map((event) => event.id).toSorted()).toEqual(stored.map((event) => event.id).toSorted());
  for (const { release } of releases) {
    const versions = seen.filter((event) => event.stream === `release/${release}`).map((event) => event.version);
    expect(versions).toEqual(versions.map((_, index) => index + 1));
  }
});
