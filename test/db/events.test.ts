import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { StaleEpoch, StreamForked, UnknownRelease } from '../../db/errors.ts';
import { appendReleaseEvents, appendTargetEvent, readReleaseEvents } from '../../db/events.ts';
import { getRelease } from '../../db/queries.ts';
import { openRelease } from '../../db/requests.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, ask, begun, endAll, HOSTS, journey, open, openStore, opIdOf, running, succeeded, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const observedAll: CoreEvent = { type: 'targets-observed', data: { inService: HOSTS, failed: [] } };
const paused: CoreEvent = { type: 'paused', data: { cause: 'operator', reason: 'look', deadline: null, then: 'stay' } };
const rollback: CoreEvent = { type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [HOSTS], then: 'rolled-back', epoch: 0 } };

describe('decisions', () => {
  test('opening a release stores its request and its inventory once, however often it is opened', async () => {
    const release = await ask(store.db);
    const first = await openRelease(store.db, { release });
    const again = await openRelease(store.db, { release });
    expect(first.map((event) => [event.type, event.version])).toEqual([['release-requested', 1], ['inventory-captured', 2]]);
    expect(again).toEqual(first);
    expect(await readReleaseEvents(store.db, { release })).toHaveLength(2);
  });

  test('appended decisions come back numbered without gaps, and ids tell apart several of a type', async () => {
    const { db } = store;
    const { release } = await running(db);
    const stored = await appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [paused, { type: 'resumed', data: { reason: 'a' } }, paused] });
    expect(stored.map((event) => event.version)).toEqual([4, 5, 6]);
    expect(stored.map((event) => event.id)).toEqual([`${release}/op/paused`, `${release}/op/resumed`, `${release}/op/paused/2`]);
    const read = await readReleaseEvents(db, { release, after: 3 });
    expect(read.map(({ position, ...event }) => event)).toEqual(stored);
    expect(await readReleaseEvents(db, { release, after: 3, limit: 1 })).toHaveLength(1);
  });

  test('a repeated operation returns the stored decisions and stores nothing', async () => {
    const { db } = store;
    const { release } = await running(db);
    const append = { release, opId: 'op', actor: ACTOR, events: [observedAll, paused] };
    const first = await appendReleaseEvents(db, append);
    expect(await appendReleaseEvents(db, append)).toEqual(first);
    expect(await readReleaseEvents(db, { release })).toHaveLength(5);
  });

  test('twenty equal appends at once store one event and all return it', async () => {
    const { db } = store;
    const { release } = await running(db);
    const all = await Promise.all(Array.from({ length: 20 }, () => appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [rollback] })));
    expect(new Set(all.map((events) => JSON.stringify(events))).size).toBe(1);
    expect(await readReleaseEvents(db, { release, after: 3 })).toHaveLength(1);
  });

  test('the same operation with other content is StreamForked and stores nothing', async () => {
    const { db } = store;
    const { release } = await running(db);
    await appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [paused] });
    const other: CoreEvent = { type: 'paused', data: { ...paused.data, reason: 'another' } as typeof paused.data & { reason: string } } as CoreEvent;
    const forked = appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [other] });
    await expect(forked).rejects.toMatchObject({ name: 'StreamForked', release, id: `${release}/op/paused` });
    const longer = appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [paused, { type: 'resumed', data: { reason: 'x' } }] });
    await expect(longer).rejects.toBeInstanceOf(StreamForked);
    expect(await readReleaseEvents(db, { release, after: 3 })).toHaveLength(1);
  });

  test('raising events get a growing epoch from the store, and all hosts of the release with them', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    const retried: CoreEvent = { type: 'targets-retried', data: { hosts: ['web-01'], round: 1, reason: 'again', epoch: 0 } };
    const [first] = await appendReleaseEvents(db, { release, opId: 'retry', actor: ACTOR, events: [retried] });
    const [second] = await appendReleaseEvents(db, { release, opId: 'back', actor: ACTOR, events: [rollback] });
    const epochs = [first, second].map((event) => (event && 'epoch' in event.data ? event.data.epoch : 0));
    expect(epochs[0]).toBeGreaterThan(epoch);
    expect(epochs[1]).toBeGreaterThan(epochs[0] ?? 0);
    const locks = await db.kysely.selectFrom('host_locks').select('epoch').where('host', 'in', HOSTS).execute();
    expect(locks.map((lock) => lock.epoch)).toEqual(HOSTS.map(() => epochs[1]));
    const [repeated] = await appendReleaseEvents(db, { release, opId: 'back', actor: ACTOR, events: [rollback] });
    expect(repeated).toEqual(second);
    expect((await getRelease(db, release))?.core.epoch).toBe(epochs[1]);
  });

  test('decisions about a release nobody opened are refused by name', async () => {
    await expect(appendReleaseEvents(store.db, { release: 'r-none', opId: 'op', actor: ACTOR, events: [paused] })).rejects.toBeInstanceOf(UnknownRelease);
  });

  test('text that other stores stumble over comes back as it was given', async () => {
    const { db } = store;
    const { release } = await running(db);
    const reason = 'quotes " \\ newline \n tab \t null \u0000 line \u2028 emoji 🚦 你好';
    const [stored] = await appendReleaseEvents(db, { release, opId: 'op', actor: ACTOR, events: [{ type: 'resumed', data: { reason } }] });
    expect(stored?.data).toEqual({ reason });
    expect((await readReleaseEvents(db, { release, after: 3 }))[0]?.data).toEqual({ reason });
    const failure = { class: 'bad-build' as const, code: 'x', message: reason, next: 'y', log: reason };
    await appendReleaseEvents(db, { release, opId: 'end', actor: ACTOR, events: [{ type: 'release-failed', data: { failure } }] });
    expect((await getRelease(db, release))?.core.situation).toMatchObject({ failure });
  });
});

describe('what happened on a target', () => {
  test('a target event is stored once, whatever was measured when it was told again', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    await appendTargetEvent(db, { release, opId: 'web-01/drain', actor: SIGNALBOX, event: begun('web-01', epoch) });
    const event = succeeded('web-01', epoch);
    const first = await appendTargetEvent(db, { release, opId: 'web-01/drain', actor: SIGNALBOX, event });
    const again = await appendTargetEvent(db, { release, opId: 'web-01/drain', actor: SIGNALBOX, event: { ...event, data: { ...event.data, durationMs: 99, repeated: true } } as typeof event });
    expect(again).toEqual(first);
    expect(first).toMatchObject({ id: `${release}/web-01/drain/target-step-succeeded`, version: 5, actor: SIGNALBOX });
  });

  test('an id that comes for another step is StreamForked', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    await appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-01', epoch, 'drain') });
    await expect(appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-01', epoch, 'stop') })).rejects.toBeInstanceOf(StreamForked);
    await expect(appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-02', epoch, 'drain') })).rejects.toBeInstanceOf(StreamForked);
  });

  test('after a rollback began, an older epoch is refused with both numbers, yet what it told before is still given back', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    const told = await appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-01', epoch) });
    const [raised] = await appendReleaseEvents(db, { release, opId: 'back', actor: ACTOR, events: [rollback] });
    const current = raised?.type === 'rollback-started' ? raised.data.epoch : 0;
    const stale = appendTargetEvent(db, { release, opId: 'late', actor: SIGNALBOX, event: succeeded('web-01', epoch) });
    await expect(stale).rejects.toMatchObject({ name: 'StaleEpoch', host: 'web-01', epoch, current });
    expect(await appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-01', epoch) })).toEqual(told);
    await appendTargetEvent(db, { release, opId: 'new', actor: SIGNALBOX, event: begun('web-01', current) });
  });

  test('after the release ended, nothing more is said of its targets', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    await appendReleaseEvents(db, { release, opId: 'end', actor: ACTOR, events: [{ type: 'release-aborted', data: { reason: 'x' } }] });
    await expect(appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-01', epoch) })).rejects.toBeInstanceOf(StaleEpoch);
  });

  test('what begins work is not stored behind a pause, what travels with it is; told before the pause it is given back, and after the resume it is stored', async () => {
    const { release, epoch } = await running(store.db);
    const begin = (host: string, unlessStopped: boolean) => appendTargetEvent(store.db, { release, opId: host, actor: SIGNALBOX, event: begun(host, epoch), unlessStopped });
    const decide = (opId: string, events: readonly CoreEvent[]) => appendReleaseEvents(store.db, { release, opId, actor: ACTOR, events });
    const early = await begin('web-01', true);
    await decide('pause', [paused]);
    const [again, held, free] = await Promise.allSettled([begin('web-01', true), begin('web-02', true), begin('web-03', false)]);
    expect(again).toEqual({ status: 'fulfilled', value: early });
    expect(held).toMatchObject({ status: 'rejected', reason: { name: 'ReleaseStopped' } });
    expect(free).toMatchObject({ status: 'fulfilled', value: { version: early.version + 2 } });
    await decide('resume', [{ type: 'resumed', data: { reason: 'seen' } }]);
    expect(await begin('web-02', true)).toMatchObject({ version: early.version + 4 });
  });

  test('what begins work is not stored behind an abort', async () => {
    const { release, epoch } = await running(store.db);
    await appendReleaseEvents(store.db, { release, opId: 'abort', actor: ACTOR, events: [{ type: 'abort-started', data: { reason: 'wrong build' } }] });
    await expect(appendTargetEvent(store.db, { release, opId: 'begin', actor: SIGNALBOX, event: begun('web-01', epoch), unlessStopped: true })).rejects.toThrow('was stopped before this could begin');
  });

  test('a host that is no target of the release is refused', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    await expect(appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('web-99', epoch) })).rejects.toMatchObject({ name: 'UnknownTarget', host: 'web-99' });
  });

  test('two processes that take turns on one target lose nothing and leave no gap', async () => {
    const { db } = store;
    const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
    try {
      const { release, epoch } = await running(db);
      const events = HOSTS.flatMap((host) => journey(host, epoch));
      await Promise.all(events.map((event, index) => appendTargetEvent(index % 2 ? db : other, { release, opId: opIdOf(event), actor: SIGNALBOX, event })));
      const stored = await readReleaseEvents(db, { release });
      expect(stored.map((event) => event.version)).toEqual(stored.map((_, index) => index + 1));
      expect(stored).toHaveLength(3 + events.length);
      const folded = await getRelease(db, release);
      expect(HOSTS.map((host) => folded?.targets[host]?.forward.done.toSorted())).toEqual(HOSTS.map(() => ['admit', 'drain', 'start', 'stop', 'switch', 'verify']));
    } finally {
      await other.close();
    }
  });

  test('opening twice at once from two processes opens one stream', async () => {
    const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
    try {
      const release = await ask(store.db);
      const both = await Promise.all([store.db, other, store.db, other].map((db) => openRelease(db, { release })));
      expect(new Set(both.map((events) => JSON.stringify(events))).size).toBe(1);
    } finally {
      await other.close();
    }
  });

  test('a release that waits for its pool owns no host yet', async () => {
    const { db } = store;
    const release = await open(db, { pool: 'other', hosts: ['other-01'] });
    await expect(appendTargetEvent(db, { release, opId: 'op', actor: SIGNALBOX, event: begun('other-01', 1) })).rejects.toMatchObject({ name: 'StaleEpoch', current: null });
  });
});
