import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { inTransaction } from '../../db/client.ts';
import { askFleetCheck, beginFleetCheck, finishFleetCheck, getFleetCheck, hostRanges, hostsInRange } from '../../db/fleet-checks.ts';
import { applyInventory, deleteInventory } from '../../db/inventory.ts';
import { forgetGoneHosts, keepLiveness, knownLiveness, pageLiveness } from '../../db/liveness.ts';
import { claimOutbox } from '../../db/outbox.ts';
import { ACTOR, APPLICATION, hostSpec, openStore, poolSpec, STRATEGY, type Store } from './samples.ts';
import type { Liveness } from '../../domain/liveness.ts';

const NAMES = Array.from({ length: 23 }, (_, index) => `web-${String(index + 1).padStart(2, '0')}`);
const POOLED = NAMES.slice(0, 3);
let store: Store;
beforeAll(async () => {
  store = await openStore();
  const documents = [
    { kind: 'application' as const, name: 'web', spec: APPLICATION },
    { kind: 'strategy' as const, name: 'standard', spec: STRATEGY },
    ...NAMES.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })),
    { kind: 'pool' as const, name: 'web-prod', spec: poolSpec('web-prod', POOLED) },
    { kind: 'pool' as const, name: 'web-uat', spec: poolSpec('web-uat', POOLED.slice(0, 1)) },
  ];
  await applyInventory(store.db, { documents, actor: ACTOR, dryRun: false });
});
afterAll(() => store?.close());

describe('the hosts of a fleet check', () => {
  test.each([[1, 100], [5, 2], [5, 5], [7, 1], [23, 1], [50, 3]])('in ranges of %d, %d at a time, are each in exactly one', async (size, count) => {
    const seen: string[] = [];
    for (let after = '', more = true; more; ) {
      const found = await hostRanges(store.db, { after, size, count });
      expect(found.ranges.length).toBeLessThanOrEqual(count);
      for (const range of found.ranges) {
        const hosts = await hostsInRange(store.db, range);
        expect(hosts.length).toBeLessThanOrEqual(size);
        seen.push(...hosts.map(({ host }) => host.name));
      }
      more = found.more;
      after = found.ranges.at(-1)?.upTo ?? '';
    }
    expect(seen).toEqual(NAMES);
  });

  test('come with their first pool by name, or with none', async () => {
    const hosts = await hostsInRange(store.db, { after: '', upTo: 'web-04' });
    expect(hosts.map(({ host, pool }) => [host.name, pool?.name ?? null])).toEqual([['web-01', 'web-prod'], ['web-02', 'web-prod'], ['web-03', 'web-prod'], ['web-04', null]]);
  });
});

describe('a fleet check', () => {
  const ask = (id: string) => inTransaction(store.db, (tx) => askFleetCheck(tx, { id, actor: ACTOR, reason: 'test' }));

  test('that is asked for again before it has begun is the same one, and is delivered once', async () => {
    const first = await ask('k-first0001');
    expect(first).toMatchObject({ id: 'k-first0001', askedBy: ACTOR, startedAt: null, finishedAt: null });
    expect((await ask('k-second001')).id).toBe('k-first0001');
    expect(await claimOutbox(store.db, { limit: 10 })).toMatchObject([{ kind: 'check-fleet', release: 'k-first0001' }]);
    await beginFleetCheck(store.db, 'k-first0001');
    expect((await ask('k-third0001')).id).toBe('k-third0001');
  });

  test('keeps its first beginning and its first end, however often they are told', async () => {
    await beginFleetCheck(store.db, 'by-schedule');
    const begun = await getFleetCheck(store.db, 'by-schedule');
    await beginFleetCheck(store.db, 'by-schedule');
    await finishFleetCheck(store.db, 'by-schedule', { hosts: 23, dead: 2, unjudged: 1 });
    const ended = await getFleetCheck(store.db, 'by-schedule');
    await finishFleetCheck(store.db, 'by-schedule', { hosts: 1, dead: 1, unjudged: 0 });
    expect(begun).toMatchObject({ askedBy: null, finishedAt: null });
    expect(ended).toMatchObject({ startedAt: begun?.startedAt, hosts: 23, dead: 2, unjudged: 1 });
    expect(await getFleetCheck(store.db, 'by-schedule')).toEqual(ended);
  });

  test('is forgotten a month later, with the end of another one', async () => {
    await sql`insert into fleet_checks (id, at) values ('old', ${new Date(Date.now() - 31 * 86_400_000).toISOString()})`.execute(store.db.kysely);
    await finishFleetCheck(store.db, 'by-schedule', { hosts: 0, dead: 0, unjudged: 0 });
    expect(await getFleetCheck(store.db, 'old')).toBeNull();
    expect(await getFleetCheck(store.db, 'by-schedule')).not.toBeNull();
  });
});

describe('liveness', () => {
  const at = (second: number): string => new Date(1_700_000_000_000 + second * 1000).toISOString();
  const up = (host: string, second: number): Liveness => ({ host, state: 'up', checkedAt: at(second), seenAt: at(second), deadSince: null, message: null, vitals: { freeBytes: 1e12, diskBytes: 2e12, skewMs: -12, program: 'p' }, applications: [{ application: 'web', version: '2', digest: 'd', config: 'c', running: true, unmanaged: false }] });
  const dead = (host: string, second: number): Liveness => ({ host, state: 'dead', checkedAt: at(second), seenAt: null, deadSince: at(second), message: 'nobody', vitals: null, applications: [] });

  test('is read back as it was kept, and an older look does not replace it', async () => {
    await keepLiveness(store.db, [up('web-01', 10), dead('web-02', 10)]);
    await keepLiveness(store.db, [dead('web-01', 9), up('web-02', 11)]);
    expect(await knownLiveness(store.db, NAMES)).toEqual(new Map([['web-01', up('web-01', 10)], ['web-02', up('web-02', 11)]]));
    await keepLiveness(store.db, []);
  });

  test('comes in pages of every host of the inventory, also of those nobody has looked at', async () => {
    const first = await pageLiveness(store.db, { limit: 3 });
    expect(first).toEqual([{ host: 'web-01', known: up('web-01', 10), startedAgain: [] }, { host: 'web-02', known: up('web-02', 11), startedAgain: [] }, { host: 'web-03', known: null, startedAgain: [] }]);
    expect((await pageLiveness(store.db, { after: 'web-03', limit: 100 })).map(({ host }) => host)).toEqual(NAMES.slice(3));
    expect(await pageLiveness(store.db, { only: 'web-02', limit: 1 })).toEqual([{ host: 'web-02', known: up('web-02', 11), startedAgain: [] }]);
    expect(await pageLiveness(store.db, { only: 'web-99', limit: 1 })).toEqual([]);
  });

  test('of a host that left the inventory is forgotten', async () => {
    await keepLiveness(store.db, [up('web-23', 10)]);
    await deleteInventory(store.db, { kind: 'host', name: 'web-23', expectedVersion: null, actor: ACTOR });
    expect(await forgetGoneHosts(store.db)).toEqual(['web-23']);
    expect((await knownLiveness(store.db, NAMES)).size).toBe(2);
  });
});
