/** Facts are for ever: one stored event of every type and schema stands in samples/ and must stay readable, whatever changes here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { foldEvent } from '../../../domain/release/fold.ts';
import { AT, ended, failed, paused, postRelease, preparing, release, rolling, rollingBack, stored } from './situations.ts';
import type { ReleaseEventType, StoredReleaseEvent } from '../../../domain/release/events.ts';
import type { Folded } from '../../../domain/release/fold.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const FOLDER = join(import.meta.dirname, 'samples');

/** For every type: a release it may happen to, and what must be read from it. Adding an event without a line here does not compile. */
const READS: Readonly<Record<ReleaseEventType, readonly [ReleaseState | null, object]>> = {
  'release-requested': [null, { core: { request: { id: 'r-0cq1a2b3c4d5', pool: 'web-prod', reason: 'weekly' }, situation: { status: 'queued', behind: null } }, version: 1 }],
  'inventory-captured': [release({ status: 'queued', behind: null }), { core: { situation: { status: 'queued' } } }],
  'release-queued': [release({ status: 'queued', behind: null }), { core: { situation: { behind: 'r-0cq0z9y8x7w6' } } }],
  'release-rejected': [release({ status: 'queued', behind: null }), { core: { situation: { status: 'rejected', failure: { code: 'pool-busy' } } } }],
  'pool-acquired': [release({ status: 'queued', behind: null }, { epoch: null }), { core: { epoch: 7, situation: { status: 'preparing' } } }],
  'targets-observed': [release(preparing()), { core: { situation: { inService: ['a', 'b', 'c', 'd'], failed: [] } } }],
  'plan-made': [release(preparing()), { core: { situation: { plan: { capacity: { floor: 2 }, batches: [{ kind: 'bastion', hosts: ['a'] }, { kind: 'batch', lanes: 2 }] } } } }],
  'rollback-planned': [release(preparing()), { rollbackPlan: { mode: 'regular', to: 'previous', targets: [{ host: 'a', feasible: true, steps: ['drain', 'stop', 'switch', 'start', 'verify', 'admit'] }, { host: 'b', feasible: false }] }, core: { situation: { plan: null } } }],
  'targets-staged': [release(preparing()), { core: { situation: { staged: false, failed: [{ host: 'b', step: 'stage' }] } } }],
  'phase-entered': [release(preparing({ plan: rolling().plan })), { core: { situation: { status: 'pre-release' } } }],
  'batch-started': [release(rolling({ stage: 'ready', batch: 0 })), { core: { situation: { progress: { stage: 'rolling', part: 'install', hosts: ['a'] } } } }],
  'batch-finished': [release(rolling({ stage: 'rolling', hosts: ['b', 'c', 'd'] })), { core: { situation: { progress: { stage: 'settled', hosts: ['d'], begun: ['a', 'b', 'c'], failed: [{ host: 'c' }] } } } }],
  'bake-started': [release(rolling()), { core: { situation: { progress: { stage: 'baking', bake: { seconds: 2 } } } } }],
  'bake-finished': [release(rolling({ stage: 'baking' })), { core: { situation: { progress: { stage: 'baked', bake: null } } } }],
  'batch-jumped': [release(rolling({ batch: 0 })), { core: { situation: { progress: { batch: 0, later: [2, 1] } } } }],
  'batch-promoted': [release(rolling()), { core: { situation: { progress: { promoted: true } } } }],
  'rest-started': [release(rolling({ stage: 'baked' })), { core: { situation: { progress: { stage: 'resting', bake: { seconds: 60 } } } } }],
  'rest-finished': [release(rolling({ stage: 'resting' })), { core: { situation: { progress: { stage: 'rested', bake: null } } } }],
  'bastion-signed-off': [release(rolling({ part: 'install' })), { core: { situation: { progress: { signedOff: true } } } }],
  'bastion-rejected': [release(rolling({ part: 'install' })), { core: { situation: { progress: { part: 'install' } } } }],
  'failures-answered': [release(rolling({ failed: [failed('c')], answers: { b: 'retry' } })), { core: { situation: { progress: { answers: { b: 'retry', c: 'ignore' } } } } }],
  'brake-applied': [release(rolling()), { core: { situation: { progress: { braked: true } } } }],
  'paused': [release(rolling()), { core: { paused: { cause: 'operator', by: 'op', reason: 'lunch', deadline: '2026-01-02T00:01:00.000Z', then: 'stay' } } }],
  'quiet-reached': [release(rolling(), { paused: paused() }), { core: { paused: { quiet: true } } }],
  'resumed': [release(rolling(), { paused: paused() }), { core: { paused: null } }],
  'pause-expired': [release(rolling(), { paused: paused({ deadline: 'x' }) }), { core: { paused: { deadline: null } } }],
  'targets-retried': [release(rolling({ failed: [failed('c')] })), { core: { epoch: 8, situation: { progress: { hosts: ['c'], round: 1, failed: [] } } } }],
  'targets-skipped': [release(rolling({ failed: [failed('c')] })), { core: { situation: { progress: { failed: [], excluded: ['c'], debt: [{ host: 'c', cause: 'skipped' }] } } } }],
  'abort-started': [release(rolling()), { core: { aborting: { reason: 'wrong version' } } }],
  'rollback-started': [release(rolling()), { core: { epoch: 9, situation: { status: 'rolling-back', rollback: { mode: 'regular', cause: 'tolerance', batches: [['c'], ['b'], ['a']] } } } }],
  'rollback-escalated': [release(rollingBack()), { core: { situation: { rollback: { mode: 'emergency', batches: [['b', 'a']] } } } }],
  'rollback-batch-started': [release(rollingBack()), { core: { situation: { rollback: { index: 1, stage: 'rolling' } } } }],
  'rollback-batch-finished': [release(rollingBack({ stage: 'rolling' })), { core: { situation: { rollback: { stage: 'settled', restored: 1, unrestored: [{ host: 'b' }] } } } }],
  'deadline-extended': [release(rolling(), { clock: { from: AT, workedMs: 0, since: AT, awayMs: 5_000, batch: null } }), { core: { clock: { since: AT, awayMs: 100_000 } } }],
  'deadline-reached': [release(rollingBack({ stage: 'rolling' })), { core: { situation: { rollback: { expiredSeconds: 3600 } } } }],
  'release-adopted': [release(rolling()), { core: { epoch: 12, adoptions: 1, situation: { status: 'releasing' } } }],
  'batch-cut-off': [release(rolling({ stage: 'rolling', hosts: ['b', 'c', 'd'] })), { core: { situation: { progress: { stage: 'settled', round: 1, hosts: ['c', 'd'], begun: ['a', 'b', 'c'], failed: [] } } } }],
  'audit-finished': [release(postRelease()), { core: { situation: { mismatches: [{ host: 'a', observed: 'web 1.9.0' }] } } }],
  'pool-compared': [release(postRelease()), { core: { compared: { left: ['d'], joined: ['e'], scaleOut: 'r-0cq1a2k7m9p2x4z6', note: null } } }],
  'release-succeeded': [release(postRelease()), { core: { situation: { status: 'succeeded', debt: [{ host: 'c' }] } } }],
  'release-failed': [release(preparing()), { core: { situation: { status: 'failed', failure: { code: 'health-timeout' } } } }],
  'release-rolled-back': [release(rollingBack()), { core: { situation: { status: 'rolled-back' } } }],
  'rollback-ended-incomplete': [release(rollingBack()), { core: { situation: { status: 'rollback-incomplete', unrestored: [{ host: 'b' }] } } }],
  'release-aborted': [release(rolling()), { core: { situation: { status: 'aborted' } } }],
  'target-observed': [release(preparing()), { targets: { a: { preImage: { freeBytes: 52428800 }, observedVersion: { web: '1.9.0' } } } }],
  'target-staged': [release(preparing()), { targets: { a: { staged: true, configs: { web: 'e'.repeat(64) } } } }],
  'target-cleaned': [release(postRelease()), { targets: { a: { kept: { web: ['d'.repeat(64), 'f'.repeat(64)] } } } }],
  'target-step-begun': [release(rolling()), { targets: { a: { forward: { begun: 'drain' } } } }],
  'target-step-waiting': [release(rolling()), { targets: { a: { forward: { waiting: { dependency: 'the balancer' } } } } }],
  'target-step-succeeded': [release(rolling()), { targets: { a: { forward: { done: ['verify'] }, observedVersion: { web: '2.0.0' } } } }],
  'target-check-failed': [release(rolling()), { targets: { a: { forward: { failure: null, checkFailure: { code: 'health-timeout' } } } } }],
  'target-step-failed': [release(rolling()), { targets: { a: { forward: { failure: { step: 'verify', failure: { code: 'health-timeout' } } } } } }],
  'target-preparation-failed': [release(preparing()), { targets: { a: { forward: { failure: { step: 'stage' } } } } }],
  'target-fenced': [release(rollingBack()), { targets: { a: { fenced: { untouched: false } } } }],
  'target-fence-failed': [release(rollingBack()), { targets: { a: { back: { failure: { step: 'fence' } } } } }],
};

interface Sample {
  readonly file: string;
  readonly schema: number;
  readonly event: StoredReleaseEvent;
}

const samples: readonly Sample[] = readdirSync(FOLDER).map((file) => {
  const { schema, ...event }: { schema: number } & StoredReleaseEvent = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
  return { file, schema, event };
});

describe('stored events', () => {
  test('there is a sample of every type in its first schema, named after it', () => {
    expect(samples.filter(({ schema }) => schema === 1).map(({ event }) => event.type).sort()).toEqual(Object.keys(READS).sort());
    expect(samples.filter(({ file, event }) => !file.startsWith(event.type))).toEqual([]);
  });

  test.each(samples)('$file is still read', ({ event }) => {
    const [core, read] = READS[event.type];
    const before: Folded | null = core === null ? null : { core, targets: {}, version: 19 };
    expect(foldEvent(before, event)).toMatchObject({ version: event.version, ...read });
  });
});

describe('folding a stream', () => {
  const requested = samples.find(({ event }) => event.type === 'release-requested')!.event;

  test('the first event makes one untouched target per host, with its zone', () => {
    const { targets } = foldEvent(null, requested);
    expect(Object.values(targets).map(({ host, zone, preImage }) => [host, zone, preImage])).toEqual([['a', 'z0', null], ['b', 'z1', null], ['c', 'z0', null], ['d', 'z1', null]]);
  });

  test('a stream that begins with anything else is refused', () => {
    expect(() => foldEvent(null, stored({ type: 'resumed', data: { reason: 'r' } }))).toThrow('A release stream begins with release-requested, not resumed');
  });

  test('an event of one target leaves the decisions and every other target as they are', () => {
    const before = foldEvent(null, requested);
    const after = foldEvent(before, samples.find(({ event }) => event.type === 'target-step-begun')!.event);
    expect(after.core).toBe(before.core);
    expect({ ...after.targets, a: null }).toEqual({ ...before.targets, a: null });
  });

  test('a decision leaves the targets as they are', () => {
    const before = foldEvent(null, requested);
    expect(foldEvent(before, stored({ type: 'release-aborted', data: { reason: 'r' } }))).toMatchObject({ targets: before.targets, core: { situation: { status: ended('aborted').status } } });
  });

  test('a host the request did not name gets a target without a zone', () => {
    const before = { ...foldEvent(null, requested), targets: {} };
    expect(foldEvent(before, samples.find(({ event }) => event.type === 'target-step-begun')!.event).targets['a']).toMatchObject({ host: 'a', zone: '' });
  });
});
