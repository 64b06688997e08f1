import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { AppendGroups, type TargetRow } from '../../db/append-group.ts';
import { appendReleaseEvents, appendTargetEvent, readReleaseEvents, verifyChain } from '../../db/events.ts';
import { initialTarget } from '../../domain/release/target.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, begun, endAll, HOSTS, journey, openStore, opIdOf, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(async () => {
  vi.restoreAllMocks();
  await endAll(store.db);
});
afterAll(() => store?.close());

const row = ({ release, epoch }: { readonly release: string; readonly epoch: number }, host: string): TargetRow => ({
  host, epoch, id: `${release}/${host}`, type: 'target-step-begun', schema: 1, data: JSON.stringify(begun(host, epoch).data), actor: JSON.stringify(SIGNALBOX),
  at: new Date().toISOString(), expected: 1, state: JSON.stringify(initialTarget(host, 'idc-a')),
});

test('events told while one is on its way go together in the next statement, in the order they were told', async () => {
  const { db } = store;
  const owned = await running(db);
  const sent = vi.spyOn(db.pool, 'query');
  const groups = new AppendGroups(db.pool);
  expect(await Promise.all(HOSTS.map((host) => groups.append(owned.release, row(owned, host))))).toEqual(HOSTS.map((_, index) => 4 + index));
  expect(sent).toHaveBeenCalledTimes(2);
  expect((await readReleaseEvents(db, { release: owned.release, after: 3 })).map(({ data }) => 'host' in data && data.host)).toEqual(HOSTS);
});

test('an event whose epoch is void is refused, and those that travelled with it are stored without a gap', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const told = HOSTS.map((host, index) => appendTargetEvent(db, { release, opId: host, actor: SIGNALBOX, event: begun(host, index === 1 ? epoch - 1 : epoch) }));
  const ended = await Promise.allSettled(told);
  expect(ended.map(({ status }) => status)).toEqual(HOSTS.map((_, index) => (index === 1 ? 'rejected' : 'fulfilled')));
  expect((await readReleaseEvents(db, { release })).map(({ version }) => version)).toEqual(Array.from({ length: 3 + HOSTS.length - 1 }, (_, index) => index + 1));
  expect(await verifyChain(db, `release/${release}`)).toEqual({ checked: 5, broken: [] });
});

test('values the database cannot take fail alone, not the events that travelled with them', async () => {
  const { db } = store;
  const owned = await running(db);
  const groups = new AppendGroups(db.pool);
  const [first, bad, last] = await Promise.allSettled(['web-01', 'web-02\u0000', 'web-03'].map((host) => groups.append(owned.release, row(owned, host))));
  expect(first).toEqual({ status: 'fulfilled', value: 4 });
  expect(bad).toMatchObject({ status: 'rejected', reason: { code: '22P05' } });
  expect(last).toEqual({ status: 'fulfilled', value: 5 });
});

test('several events of one target at once are all stored, one after the other', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const events = journey('web-01', epoch);
  await Promise.all(events.map((event) => appendTargetEvent(db, { release, opId: opIdOf(event), actor: SIGNALBOX, event })));
  expect(await readReleaseEvents(db, { release })).toHaveLength(3 + events.length);
});

test('a lost connection fails every event that was on its way, and the next append works', async () => {
  const { db } = store;
  const { release, epoch } = await running(db);
  const lost = new Error('Connection terminated unexpectedly');
  vi.spyOn(db.pool, 'query').mockImplementationOnce(() => Promise.reject(lost));
  await expect(appendTargetEvent(db, { release, opId: 'x', actor: SIGNALBOX, event: begun('web-01', epoch) })).rejects.toBe(lost);
  await appendReleaseEvents(db, { release, opId: 'between', actor: ACTOR, events: [{ type: 'paused', data: { cause: 'operator', reason: 'look', deadline: null, then: 'stay' } }] });
  expect(await appendTargetEvent(db, { release, opId: 'x', actor: SIGNALBOX, event: begun('web-01', epoch) })).toMatchObject({ version: 5 });
});
