import { describe, expect, test } from 'vitest';
import { closedBy } from '../../../domain/watchdog/finding.ts';
import { findingOfRelease, lookAtReleases, ownActs } from '../../../domain/watchdog/releases.ts';
import type { ReleaseLook, RunningRelease, WorkflowSight } from '../../../domain/watchdog/releases.ts';

const RUNNING: RunningRelease = { release: 'r-1', pool: 'web-prod', status: 'releasing', isOpen: true, version: 20, epoch: 7, ageMs: 60_000, isStarting: false, hasMessages: false, isNamed: false };
const WELL: WorkflowSight = { seen: 'running', attempt: null, failure: null, head: { version: 20, epoch: 7 } };

function look(sight: WorkflowSight, more: { readonly before?: Partial<RunningRelease>; readonly after?: Partial<RunningRelease> | null } = {}): ReleaseLook {
  return { before: { ...RUNNING, ...more.before }, sight, after: more.after === null ? null : { ...RUNNING, ...more.before, ...more.after } };
}

describe('what is found of a running release', () => {
  test.each<[string, ReleaseLook, object | null]>([
    ['its workflow runs: nothing', look(WELL), null],
    ['its workflow was terminated: orphaned', look({ seen: 'closed', status: 'terminated' }), { kind: 'orphaned-release', verb: 'adopt-release', repair: 'signalbox repair orphaned-release/r-1 --reason ...' }],
    ['Temporal knows no workflow of an open one: orphaned', look({ seen: 'absent' }), { kind: 'orphaned-release' }],
    ['Temporal knows no workflow of one that was never opened: nothing, it is started again', look({ seen: 'absent' }, { before: { isOpen: false } }), null],
    ['closed before it was opened: orphaned, for it is never started a second time', look({ seen: 'closed', status: 'terminated' }, { before: { isOpen: false } }), { kind: 'orphaned-release' }],
    ['it ended between the two looks: nothing', look({ seen: 'closed', status: 'completed' }, { after: null }), null],
    ['its start is on its way: nothing', look({ seen: 'absent' }, { before: { isStarting: true } }), null],
    ['its start was on its way before the look: nothing', look({ seen: 'absent' }, { before: { isStarting: true }, after: { isStarting: false } }), null],
    ['its adoption is on its way after the look: nothing', look({ seen: 'closed', status: 'terminated' }, { after: { isStarting: true } }), null],
    ['nobody could ask Temporal: nothing', look({ seen: 'unknown' }), null],
    ['its code failed twice: nothing yet', look({ ...WELL, attempt: 2 }), null],
    ['its code failed a third time: stuck, with the reason', look({ ...WELL, attempt: 3, failure: 'kaputt' }), { kind: 'stuck-release', sentence: expect.stringContaining('kaputt'), about: { release: 'r-1', pool: 'web-prod', terminate: true, epochAbove: 7 } }],
    ['its workflow has seen more than the log holds: the log is behind', look({ ...WELL, head: { version: 21, epoch: 9 } }), { kind: 'log-behind', about: { terminate: true, epochAbove: 9 } }],
    ['its workflow could not be asked: nothing', look({ ...WELL, head: null }), null],
    ['the log moved on after the workflow was asked: nothing', look({ ...WELL, head: { version: 21, epoch: 7 } }, { after: { version: 22 } }), null],
  ])('%s', (_what, seen, expected) => {
    const found = findingOfRelease(seen);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject({ ...expected, subject: 'r-1', matters: expect.stringContaining('web-prod') });
  });
});

describe('a finding of a release', () => {
  const open = [{ id: 'orphaned-release/r-1', kind: 'orphaned-release' }, { id: 'log-behind/r-1', kind: 'log-behind' }, { id: 'drift/r-1/web-01', kind: 'drift' }];

  test('is cleared once its workflow runs and knows no more than the log', () => {
    expect(closedBy(lookAtReleases([look(WELL)], new Set()), open)).toEqual(['orphaned-release/r-1', 'log-behind/r-1']);
  });

  test('is cleared when the release has ended', () => {
    expect(closedBy(lookAtReleases([], new Set()), open)).toEqual(['orphaned-release/r-1', 'log-behind/r-1']);
  });

  test('stays while Temporal does not answer, and while the release had no turn', () => {
    expect(closedBy(lookAtReleases([look({ seen: 'unknown' })], new Set()), open)).toEqual([]);
    expect(closedBy(lookAtReleases([], new Set(['r-1'])), open)).toEqual([]);
  });

  test('stays while its adoption is on its way', () => {
    expect(closedBy(lookAtReleases([look({ seen: 'closed', status: 'terminated' }, { after: { isStarting: true } })], new Set()), open)).toEqual([]);
  });

  test('of a log that is behind stays while the workflow does not answer', () => {
    expect(closedBy(lookAtReleases([look({ ...WELL, head: null })], new Set()), open)).toEqual(['orphaned-release/r-1']);
  });
});

describe('what is done without being asked', () => {
  test.each<[string, ReleaseLook, readonly string[]]>([
    ['a workflow that was never started is started again', look({ seen: 'absent' }, { before: { isOpen: false } }), ['start']],
    ['one whose start waits to be delivered is left alone', look({ seen: 'absent' }, { before: { isOpen: false, hasMessages: true } }), []],
    ['one that was lost is never started by itself', look({ seen: 'absent' }), []],
    ['one that was closed is never started by itself', look({ seen: 'closed', status: 'terminated' }, { before: { isOpen: false } }), []],
    ['a named holder that did not take its pool is woken again', look(WELL, { before: { isNamed: true } }), ['wake']],
    ['a named holder whose code fails is not', look({ ...WELL, attempt: 5 }, { before: { isNamed: true } }), []],
    ['one that took its pool meanwhile is not', look(WELL, { before: { isNamed: true }, after: { isNamed: false } }), []],
    ['one that ended meanwhile is not', look(WELL, { before: { isNamed: true }, after: null }), []],
  ])('%s', (_what, seen, expected) => {
    expect(ownActs(seen).map((act) => act.do)).toEqual(expected);
  });
});
