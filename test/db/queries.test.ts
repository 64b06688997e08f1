import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { getInventoryOf, getRelease, getReleaseAt, laterReleaseTouching, listReleases, preImages, rollbackDigests } from '../../db/queries.ts';
import { loadReleaseRequest, openRelease } from '../../db/requests.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { Database } from '../../db/client.ts';
import { acquire, ACTOR, ask, begun, end, endAll, HOSTS, inventoryOf, journey, observation, observed, open, openStore, opIdOf, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const plan = (sha256: string): Plan => ({
  batches: [{ index: 0, kind: 'bastion', hosts: ['web-01'], lanes: 1, bakeSeconds: 0, manual: false }],
  capacity: { hosts: 3, inService: 3, floor: 2, outageAllowed: false },
  changes: [{ application: 'web', version: '2', sha256 }],
  rollback: { batchPercent: 33 },
  warnings: [],
});

const observe = (db: Database, release: string, epoch: number, host: string, digest: string) =>
  appendTargetEvent(db, { release, opId: `observe/${host}`, actor: SIGNALBOX, event: observed(host, epoch, digest) });

const decide = (db: Database, release: string, opId: string, ...events: readonly CoreEvent[]) => appendReleaseEvents(db, { release, opId, actor: ACTOR, events });

describe('time travel', () => {
  test('at every version of a recorded release the past reads byte for byte as it was read live', async () => {
    const { db } = store;
    const live = new Map<number, string>();
    const release = await ask(db);
    const capture = async (): Promise<void> => {
      const folded = await getRelease(db, release);
      live.set(folded?.version ?? -1, JSON.stringify(folded));
    };
    await capture();
    await decide(db, release, 'request', { type: 'release-requested', data: (await loadReleaseRequest(db, release))?.request ?? never() });
    await capture();
    const acquired = await acquire(db, release);
    const epoch = acquired.type === 'pool-acquired' ? acquired.data.epoch : 0;
    await capture();
    const decisions: readonly CoreEvent[] = [
      { type: 'targets-observed', data: { inService: HOSTS, failed: [] } },
      { type: 'plan-made', data: { plan: plan('d2') } },
      { type: 'targets-staged', data: { failed: [] } },
      { type: 'phase-entered', data: { phase: 'pre-release' } },
      { type: 'batch-started', data: { index: 0, part: 'install', round: 0, hosts: ['web-01'] } },
      { type: 'paused', data: { cause: 'operator', reason: 'look', deadline: null, then: 'stay' } },
      { type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [HOSTS], then: 'rolled-back', epoch: 0 } },
      { type: 'release-rolled-back', data: { restored: 1, untouched: 2 } },
    ];
    const told = HOSTS.flatMap((host) => journey(host, epoch));
    for (const event of told) {
      await appendTargetEvent(db, { release, opId: opIdOf(event), actor: SIGNALBOX, event });
      await capture();
    }
    for (const [index, event] of decisions.entries()) {
      await decide(db, release, `decision-${index}`, event);
      await capture();
    }
    expect(live.size).toBe(3 + told.length + decisions.length);
    for (const [version, text] of live) expect(JSON.stringify(await getReleaseAt(db, release, version))).toBe(text);
    expect(await getReleaseAt(db, release, live.size)).toBe(null);
    expect(await getReleaseAt(db, 'r-none', 1)).toBe(null);
  });

  test('a release reads with version 0 before its workflow opened it, and keeps its creation time after', async () => {
    const { db } = store;
    const release = await ask(db);
    const requested = await getRelease(db, release);
    expect(requested).toMatchObject({ version: 0, core: { situation: { status: 'queued' } } });
    expect(Object.keys(requested?.targets ?? {})).toEqual(HOSTS);
    await openRelease(db, { release });
    const opened = await getRelease(db, release);
    expect(opened).toMatchObject({ version: 2, core: { createdAt: requested?.core.createdAt } });
    expect(await getReleaseAt(db, release, 0)).toEqual(requested);
    expect(await getRelease(db, 'r-none')).toBe(null);
  });

  test('the inventory of a release is the one captured, before and after it is opened', async () => {
    const { db } = store;
    const release = await ask(db);
    expect(await getInventoryOf(db, release)).toEqual(inventoryOf('web-prod', HOSTS));
    await openRelease(db, { release });
    expect(await getInventoryOf(db, release)).toEqual(inventoryOf('web-prod', HOSTS));
    expect((await loadReleaseRequest(db, release))?.inventory).toEqual(inventoryOf('web-prod', HOSTS));
    await expect(getInventoryOf(db, 'r-none')).rejects.toMatchObject({ name: 'UnknownRelease' });
  });
});

describe('what a rollback needs to know', () => {
  test('pre-images are those of the hosts that were observed', async () => {
    const { db } = store;
    const { release, epoch } = await running(db);
    await observe(db, release, epoch, 'web-02', 'd1');
    expect(await preImages(db, release)).toEqual({ 'web-02': observation('d1') });
  });

  test('a later release counts only once it began a step on one of the hosts', async () => {
    const { db } = store;
    const first = await running(db);
    await end(db, first.release);
    const second = await running(db);
    const later = (hosts: readonly string[]) => laterReleaseTouching(db, { release: first.release, hosts });
    expect(await later(HOSTS)).toBe(null);
    await appendTargetEvent(db, { release: second.release, opId: 'x', actor: SIGNALBOX, event: begun('web-01', second.epoch) });
    expect(await later(HOSTS)).toBe(second.release);
    expect(await later(['web-02'])).toBe(null);
    expect(await laterReleaseTouching(db, { release: second.release, hosts: HOSTS })).toBe(null);
  });

  test('what anything may still roll back to is kept, what nobody can reach is not', async () => {
    const { db } = store;
    const asked = { pool: 'kept', hosts: ['kept-01'] };
    const finish = async (found: string, brought: string, last: CoreEvent, kind: 'rollout' | 'scale-out' = 'rollout'): Promise<string> => {
      const { release, epoch } = await running(db, { ...asked, kind });
      await observe(db, release, epoch, 'kept-01', found);
      await decide(db, release, 'plan', { type: 'plan-made', data: { plan: plan(brought) } });
      if (found !== brought) await appendTargetEvent(db, { release, opId: 'drain', actor: SIGNALBOX, event: begun('kept-01', epoch) });
      await decide(db, release, 'end', last);
      return release;
    };
    const kept = async (host: string, application: string): Promise<readonly string[]> => (await rollbackDigests(db, { hosts: ['kept-01', 'kept-02'], application })).get(host) ?? [];
    const success: CoreEvent = { type: 'release-succeeded', data: { debt: [] } };
    await finish('d0', 'd1', success);
    const last = await finish('d1', 'd2', success);
    expect(await kept('kept-01', 'web')).toEqual(['d1', 'd2']);
    // Neither a release that passed the host nor a scale-out is the good one before which nothing is needed.
    await finish('d2', 'd2', success);
    await finish('d9', 'd2', success, 'scale-out');
    expect(await kept('kept-01', 'web')).toEqual(['d1', 'd2', 'd9']);
    await finish('d2', 'd3', { type: 'release-aborted', data: { reason: 'x' } });
    expect(await kept('kept-01', 'web')).toEqual(['d1', 'd2', 'd3', 'd9']);
    expect(await kept('kept-01', 'other')).toEqual([]);
    expect(await kept('kept-02', 'web')).toEqual([]);
    const back = await running(db, { ...asked, kind: 'rollback', restoreFrom: last });
    await observe(db, back.release, back.epoch, 'kept-01', 'd4');
    expect(await kept('kept-01', 'web')).toEqual(['d1', 'd2', 'd3', 'd4', 'd9']);
  });
});

describe('where strategies send rollbacks', () => {
  test('is kept on its host while the release may still be taken back, also when nobody found it there lately', async () => {
    const { db } = store;
    const { release, epoch } = await running(db, { pool: 'sent', hosts: ['sent-01', 'sent-02'] });
    for (const host of ['sent-01', 'sent-02']) await observe(db, release, epoch, host, 'd5');
    const way = (host: string, digest: string) => ({ host, applications: [{ application: 'web', version: '1', digest, config: 'c' }], steps: [], feasible: true, why: null });
    const kept = async (): Promise<readonly unknown[]> => [...(await rollbackDigests(db, { hosts: ['sent-01', 'sent-02'], application: 'web' })).values()];
    await decide(db, release, 'sent', { type: 'rollback-planned', data: { plan: { mode: 'regular', batchPercent: 33, to: { web: '1' }, targets: [way('sent-01', 'd1'), way('sent-02', 'd2')] } } });
    expect(await kept()).toEqual([['d1', 'd5'], ['d2', 'd5']]);
    await decide(db, release, 'end', { type: 'release-succeeded', data: { debt: [] } });
    expect(await kept()).toEqual([['d1', 'd5'], ['d2', 'd5']]);
  });
});

describe('lists', () => {
  test('pages follow one another without gap or overlap, newest first, unopened ones included', async () => {
    const { db } = store;
    const asked = { pool: 'listed', hosts: ['listed-01'] };
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.push(index % 2 ? await open(db, asked) : await ask(db, asked));
    const first = await listReleases(db, { pool: 'listed', limit: 3 });
    const listed = [...first];
    for (let page = first; page.length > 0; listed.push(...page)) page = await listReleases(db, { pool: 'listed', limit: 3, after: page.at(-1)?.id ?? '' });
    expect(listed.map((one) => one.id).toSorted()).toEqual(made.toSorted());
    expect(listed.map((one) => one.createdAt)).toEqual(listed.map((one) => one.createdAt).toSorted().toReversed());
  });

  test('filters narrow by application, status and time', async () => {
    const { db } = store;
    const { release } = await running(db, { pool: 'filtered', hosts: ['filtered-01'] });
    const find = async (filter: object) => (await listReleases(db, { pool: 'filtered', limit: 10, ...filter })).map((one) => one.id);
    expect(await find({ application: 'web', status: 'preparing' })).toEqual([release]);
    expect(await find({ application: 'other' })).toEqual([]);
    expect(await find({ status: 'succeeded' })).toEqual([]);
    expect(await find({ since: '2999-01-01T00:00:00Z' })).toEqual([]);
    expect(await find({ since: '2020-01-01T00:00:00+08:00' })).toEqual([release]);
  });
});

function never(): never {
  throw new Error('the request is gone');
}
