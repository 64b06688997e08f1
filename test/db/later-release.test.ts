import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { laterReleaseTouching } from '../../db/queries.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { RollbackPlan } from '../../domain/rollback-plan.ts';
import { ACTOR, begun, endAll, openStore, running, type Asked, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

const SUCCEEDED: CoreEvent = { type: 'release-succeeded', data: { debt: [] } };
const ROLLED_BACK: CoreEvent = { type: 'release-rolled-back', data: { restored: 1, untouched: 2 } };
const INCOMPLETE: CoreEvent = { type: 'rollback-ended-incomplete', data: { unrestored: [] } };
const ABORTED: CoreEvent = { type: 'release-aborted', data: { reason: 'enough' } };
const BACK: CoreEvent = { type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [['web-01']], then: 'rolled-back', epoch: 0 } };

/** A release that drained web-01 and ended so. */
async function touched(last: readonly CoreEvent[], asked: Asked = {}): Promise<string> {
  const { db } = store;
  const { release, epoch } = await running(db, asked);
  await appendTargetEvent(db, { release, opId: 'drain', actor: SIGNALBOX, event: begun('web-01', epoch) });
  for (const [index, event] of last.entries()) await appendReleaseEvents(db, { release, opId: `last-${index}`, actor: ACTOR, events: [event] });
  return release;
}

const laterThan = (release: string) => laterReleaseTouching(store.db, { release, hosts: ['web-01', 'web-02'] });

describe('a later release on the same hosts', () => {
  test('counts no more once it was rolled back whole: every host is as it found it', async () => {
    const first = await touched([SUCCEEDED]);
    const later = await touched([]);
    expect(await laterThan(first)).toBe(later);
    for (const [index, event] of [BACK, ROLLED_BACK].entries()) {
      expect(await laterThan(first)).toBe(later);
      await appendReleaseEvents(store.db, { release: later, opId: `back-${index}`, actor: ACTOR, events: [event] });
    }
    expect(await laterThan(first)).toBe(null);
  });

  test.each([
    ['succeeded', [SUCCEEDED]],
    ['was aborted', [ABORTED]],
    ['was rolled back in part', [BACK, INCOMPLETE]],
  ] as const)('counts when it %s', async (_, last) => {
    const first = await touched([SUCCEEDED]);
    const later = await touched(last);
    expect(await laterThan(first)).toBe(later);
  });

  test('counts although it was rolled back whole, when that brought hosts to a version of its strategy and not to what they ran', async () => {
    const way = (to: RollbackPlan['to']): CoreEvent => ({ type: 'rollback-planned', data: { plan: { mode: 'regular', batchPercent: 33, to, targets: [] } } });
    const first = await touched([SUCCEEDED]);
    await touched([way('previous'), BACK, ROLLED_BACK]);
    expect(await laterThan(first)).toBe(null);
    const sent = await touched([way({ web: '1' }), BACK, ROLLED_BACK]);
    expect(await laterThan(first)).toBe(sent);
  });

  test('counts when it is the release of a rollback, which ends rolled back by its nature', async () => {
    const first = await touched([SUCCEEDED]);
    const second = await touched([SUCCEEDED]);
    const back = await touched([BACK, ROLLED_BACK], { kind: 'rollback', restoreFrom: second });
    expect(await laterThan(first)).toBe(back);
    expect(await laterThan(second)).toBe(back);
    expect(await laterThan(back)).toBe(null);
  });

  test('does not count when it is a scale-out: what it brought there goes along. For another scale-out it does', async () => {
    const first = await touched([SUCCEEDED]);
    const scaleOut = await touched([SUCCEEDED], { kind: 'scale-out' });
    const another = await touched([SUCCEEDED], { kind: 'scale-out' });
    expect(await laterThan(first)).toBe(null);
    expect(await laterThan(scaleOut)).toBe(another);
  });

  test('is the newest that counts: one behind a release that was rolled back whole is found', async () => {
    const first = await touched([SUCCEEDED]);
    const second = await touched([SUCCEEDED]);
    await touched([BACK, ROLLED_BACK]);
    expect(await laterThan(first)).toBe(second);
    expect(await laterThan(second)).toBe(null);
  });
});
