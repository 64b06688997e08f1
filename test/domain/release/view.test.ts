import { describe, expect, test } from 'vitest';
import { initialTargets } from '../../../domain/release/fold.ts';
import { phaseOf, releaseView } from '../../../domain/release/view.ts';
import { AT, ended, failed, HOSTS, LATER, paused, PLAN, postRelease, preparing, progress, release, REQUEST, rolling, rollback, rollingBack, SICK } from './situations.ts';
import type { ReleaseState, Situation } from '../../../domain/release/state.ts';
import type { TargetState } from '../../../domain/release/target.ts';

const TARGETS = initialTargets(REQUEST.hosts);
const view = (core: ReleaseState, targets: Readonly<Record<string, TargetState>> = TARGETS) => releaseView({ core, targets, version: 11 });
const statuses = (situation: Situation): readonly string[] => view(release(situation)).batches.map(({ status }) => status);

function seen(host: string, version: string | null): TargetState {
  const application = (name: string, answered: string | null) => ({ application: name, digest: 'd', config: 'c', version: answered, process: null, unmanaged: false });
  const preImage = { applications: [application('other', '9'), application('web', version)], traffic: { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true }, freeBytes: 1 } as const;
  return { ...TARGETS[host]!, preImage };
}

describe('a release as it is read', () => {
  test('tells what was asked, where it stands and what it takes', () => {
    expect(view(release(rolling({ stage: 'rolling' })))).toEqual({
      id: 'r-1', kind: 'rollout', status: 'releasing', phase: 'release', paused: null, pool: 'web-prod', environment: 'prod',
      changes: [{ application: 'web', from: null, to: '2', config: null }], strategy: 'standard',
      batches: [expect.objectContaining({ index: 0, kind: 'bastion' }), expect.objectContaining({ index: 1, kind: 'batch' }), expect.objectContaining({ index: 2 })],
      toCome: [2], allowedCommands: ['pause', 'rollback', 'abort'], waiting: null, deadline: null, eta: { p50: 13.2, p90: 43.2 }, rollback: null, rollbackPlan: null, debt: [], unrestored: [], failure: null,
      warnings: ['Nobody watches this one.'], skipped: [], compared: null, version: 11, requestedBy: 'ci', reason: 'weekly', createdAt: AT, finishedAt: null, rollbackOf: null,
    });
  });

  test('names the deadline of the way at hand while it runs, put off by what was away', () => {
    const clock = { from: AT, workedMs: 60_000, since: AT, awayMs: 5_000, batch: null };
    expect(view(release(rolling(), { clock })).deadline).toEqual({ which: 'release', at: '2026-01-01T03:59:05.000Z', then: 'the release pauses' });
    expect(view(release(rollingBack(), { clock })).deadline).toEqual({ which: 'rollback', at: '2026-01-01T00:59:05.000Z', then: 'the rollback begins no further host' });
    expect(view(release(rolling(), { clock: { ...clock, since: null } })).deadline).toBeNull();
  });

  test('shows the pause and what it waits for', () => {
    expect(view(release(rolling(), { paused: paused() }))).toMatchObject({ paused: paused(), waiting: { for: 'resume' } });
  });

  test('names the versions its hosts ran before, each once and in order, of this application only', () => {
    expect(view(release(rolling()), { ...TARGETS, a: seen('a', '1.1'), b: seen('b', '1.0'), c: seen('c', '1.1'), d: seen('d', null) }).changes).toEqual([{ application: 'web', from: '1.0, 1.1', to: '2', config: null }]);
  });

  test('owes what was skipped so far, and at the end what the end says', () => {
    const debt = [{ host: 'c', cause: 'skipped', reason: 'r' }] as const;
    expect(view(release(rolling({ debt }))).debt).toEqual(debt);
    expect(view(release(ended('succeeded', { debt, progress: progress() }))).debt).toEqual(debt);
    expect(view(release(preparing())).debt).toEqual([]);
  });

  test('tells failure, unrestored hosts and when it ended', () => {
    expect(view(release(ended('rollback-incomplete', { failure: SICK, unrestored: [failed('b')] })))).toMatchObject({ failure: SICK, unrestored: [failed('b')], finishedAt: LATER, eta: null, waiting: null });
  });

  test('has no batches and no warnings before it has a plan', () => {
    expect(view(release(preparing()))).toMatchObject({ batches: [], warnings: [] });
  });

  test('tells how a rollback goes, while it goes and after', () => {
    const told = { mode: 'regular', cause: 'operator', by: 'op', reason: 'it smells', since: AT, restored: 2, untouched: 1 };
    expect(view(release(rollingBack({ restored: 2, untouched: 1 }))).rollback).toEqual(told);
    expect(view(release(ended('rolled-back', { rollback: rollback({ restored: 2, untouched: 1 }) }))).rollback).toEqual(told);
  });
});

describe('the phase', () => {
  test.each<[string | null, Situation]>([
    ['preparation', { status: 'queued', behind: null }],
    ['preparation', preparing()],
    ['preparation', ended('failed')],
    ['pre-release', rolling({}, PLAN, 'pre-release')],
    ['release', rolling()],
    ['post-release', postRelease()],
    ['post-release', ended('succeeded')],
    ['rollback', rollingBack()],
    ['rollback', ended('rolled-back')],
    ['rollback', ended('rollback-incomplete')],
    ['rollback', ended('aborted', { rollback: rollback() })],
    ['release', ended('aborted')],
    ['preparation', ended('aborted', { progress: null })],
    [null, ended('rejected')],
  ])('is %s', (phase, situation) => {
    expect(phaseOf(situation)).toBe(phase);
  });
});

describe('the batches', () => {
  test('say what counts for each: lanes, mode, bake, rest, promotion, health, tolerance', () => {
    const [bastion, batch] = view(release(rolling())).batches;
    expect(bastion).toMatchObject({ lanes: 1, mode: 'barrier', bakeSeconds: 10, pauseSeconds: 0, manual: false, verification: 'required', tolerance: 0, zone: null });
    expect(batch).toMatchObject({ lanes: 2, bakeSeconds: 2, tolerance: REQUEST.strategy.tolerance.perBatch });
    const zoned = { ...PLAN, batches: PLAN.batches.map((one) => ({ ...one, zone: 'z1', mode: 'window' as const, pauseSeconds: 5, tolerance: 3 })) };
    expect(view(release(rolling({}, zoned))).batches[1]).toMatchObject({ zone: 'z1', mode: 'window', pauseSeconds: 5, tolerance: 3 });
  });

  test('list their targets in the order of the plan', () => {
    expect(view(release(rolling())).batches.map(({ targets }) => targets.map(({ host, zone }) => `${host} ${zone}`))).toEqual([['a z0'], ['b z1', 'c z0'], ['d z1']]);
  });

  test.each<[string, Situation, readonly string[]]>([
    ['before they begin', preparing({ plan: PLAN }), ['pending', 'pending', 'pending']],
    ['when the first is ready', rolling({ batch: 0, stage: 'ready' }), ['pending', 'pending', 'pending']],
    ['in work', rolling({ stage: 'rolling' }), ['done', 'rolling', 'pending']],
    ['baking', rolling({ stage: 'baking' }), ['done', 'baking', 'pending']],
    ['settled', rolling({ stage: 'settled' }), ['done', 'done', 'pending']],
    ['with a failure', rolling({ stage: 'rolling', failed: [failed('c')] }), ['done', 'failed', 'pending']],
    ['after the last', postRelease({ batch: 0 }), ['done', 'done', 'done']],
    ['of a release that succeeded', ended('succeeded', { progress: progress({ batch: 1, stage: 'ready' }) }), ['done', 'done', 'done']],
    ['of a release that rolls back', rollingBack({}, progress({ stage: 'rolling' })), ['done', 'done', 'pending']],
  ])('are told one by one %s', (_when, situation, expected) => {
    expect(statuses(situation)).toEqual(expected);
  });

  const restoring = (more: Parameters<typeof rollback>[0]): Situation => ({ ...rollingBack(more), plan: { ...PLAN, batches: [], restore: [...HOSTS] } });

  test.each<[string, Situation, readonly string[]]>([
    ['ready', restoring({ index: 1 }), ['done', 'pending', 'pending']],
    ['in work', restoring({ index: 1, stage: 'rolling' }), ['done', 'rolling', 'pending']],
    ['baking', restoring({ index: 1, stage: 'baking' }), ['done', 'baking', 'pending']],
    ['settled', restoring({ index: 1, stage: 'settled' }), ['done', 'done', 'pending']],
    ['with a host that could not be restored', restoring({ index: 1, stage: 'rolling', unrestored: [failed('b')] }), ['done', 'failed', 'pending']],
  ])('of the release of a rollback are its batches back: %s', (_when, situation, expected) => {
    expect(statuses(situation)).toEqual(expected);
    expect(view(release(situation)).batches.map(({ index, kind, targets }) => [index, kind, targets.map(({ host }) => host)])).toEqual([[0, 'rollback', ['c']], [1, 'rollback', ['b']], [2, 'rollback', ['a']]]);
  });

  test('of the release of a rollback are not known before it begins', () => {
    expect(statuses(preparing({ plan: { ...PLAN, batches: [], restore: ['a'] } }))).toEqual([]);
  });
});
