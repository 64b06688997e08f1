/** The way back of applications that have no process of their own: what is linked is in force, or their cron entries stand. */
import { describe, expect, test } from 'vitest';
import { goalImage, isToStart, wayBackOf } from '../../../domain/rollback-plan.ts';
import { isUntouched, restoreSteps } from '../../../domain/rollback.ts';
import { isInForce, type Observation, type ObservedApplication } from '../../../domain/release/target.ts';

const linked = (digest: string | null, more: Partial<ObservedApplication> = {}): ObservedApplication => ({
  application: 'site', digest, config: digest === null ? null : `c-${digest}`, version: digest, process: null, unmanaged: false, kept: digest === null ? [] : [digest],
  ...(digest === null ? {} : { serves: true, runs: 'nothing' }), ...more,
});
const host = (application: ObservedApplication): Observation => ({ applications: [application], traffic: { admin: 'none', operational: 'unknown', weight: null, connections: 0, inService: true }, freeBytes: 1 });
const BACK = ['drain', 'stop', 'switch', 'start', 'verify', 'admit'];

describe('a target whose files are served by others', () => {
  const before = host(linked('one'));

  test('is in force while it is linked', () => {
    expect([isInForce(linked('one')), isInForce(linked(null)), isInForce(linked('one', { serves: false }))]).toEqual([true, false, false]);
  });

  test('that links another release goes back by every step', () => {
    expect(restoreSteps(before, host(linked('two')), 'verify')).toEqual(BACK);
  });

  test('that was stopped and no more is as it was: there was nothing to stop', () => {
    expect(restoreSteps(before, before, 'stop')).toEqual([]);
    expect(isUntouched(before, before)).toBe(true);
  });

  test('whose switch was begun has its server told again, for nobody sees what that has read', () => {
    expect(restoreSteps(before, before, 'switch')).toEqual(BACK);
  });

  test('that had nothing before is stopped and unlinked, and starts nothing', () => {
    expect(restoreSteps(host(linked(null)), host(linked('one')), 'admit')).toEqual(['drain', 'stop', 'switch']);
  });

  test('that is to go to an older version is brought there, and that is no process to wait for', () => {
    const goal = goalImage(host(linked('two')), [{ application: 'site', version: 'one', digest: 'one', config: 'c-one' }]);
    expect([isToStart(goal), goal.applications[0]]).toEqual([false, { ...linked('two'), version: 'one', digest: 'one', config: 'c-one' }]);
  });

  test('cannot go back where its configuration is gone, for that says how it is served', () => {
    const gone = wayBackOf('h', host(linked('one', { config: null })), new Set());
    expect([gone.feasible, gone.steps]).toEqual([false, BACK]);
  });
});

describe('a target whose jobs are started by cron', () => {
  const before = host(linked('one', { runs: 'schedule' }));

  test('whose entries are out gets them back, though nothing else was done', () => {
    const out = host(linked('one', { runs: 'schedule', serves: false }));
    expect(restoreSteps(before, out, 'stop')).toEqual(BACK);
    expect(isUntouched(before, out)).toBe(false);
  });

  test('whose entries were out before keeps them out', () => {
    const out = host(linked('one', { runs: 'schedule', serves: false }));
    expect(restoreSteps(out, host(linked('two', { runs: 'schedule' })), 'verify')).toEqual(['drain', 'stop', 'switch']);
  });
});
