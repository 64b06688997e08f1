import { describe, expect, test } from 'vitest';
import { restoreSteps } from '../../domain/rollback.ts';
import { goalImage, infeasibleFailure, isToStart, rollbackWarnings, wayBackOf, wayTo } from '../../domain/rollback-plan.ts';
import type { RollbackPlan, TargetWayBack } from '../../domain/rollback-plan.ts';
import type { Observation, ObservedApplication, ObservedTraffic } from '../../domain/release/target.ts';

const PROCESS = { pid: 7, startTicks: 8, bootId: 'b' };
const READY: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 100, connections: 0, inService: true };

function web(more: Partial<ObservedApplication> = {}): ObservedApplication {
  return { application: 'web', digest: 'd2', config: 'c2', version: '2', process: PROCESS, unmanaged: false, kept: ['d1', 'd2'], ...more };
}

function seen(application: ObservedApplication, traffic: ObservedTraffic = READY): Observation {
  return { applications: [application], traffic, freeBytes: 1 };
}

const NOTHING = { digest: null, config: null, version: null, process: null, kept: [] };

function planOf(...targets: readonly TargetWayBack[]): RollbackPlan {
  return { mode: 'regular', batchPercent: 33, to: 'previous', targets };
}

describe('the frozen way back of a target', () => {
  test('names package, configuration and all six steps of one that runs and is in traffic', () => {
    expect(wayBackOf('a', seen(web()))).toEqual({
      host: 'a', applications: [{ application: 'web', version: '2', digest: 'd2', config: 'c2' }], steps: ['drain', 'stop', 'switch', 'start', 'verify', 'admit'], feasible: true, why: null,
    });
  });

  test('a first install is feasible: it is drained, stopped and unlinked', () => {
    expect(wayBackOf('a', seen(web(NOTHING)))).toMatchObject({ applications: [{ version: null, digest: null, config: null }], steps: ['drain', 'stop', 'switch'], feasible: true, why: null });
    expect(wayBackOf('a', seen(web(NOTHING), { ...READY, admin: 'drain', inService: false })).steps).toEqual(['stop', 'switch']);
  });

  test('is not feasible where the old release is not kept any more, and says so', () => {
    expect(wayBackOf('a', seen(web({ kept: ['d1'] })))).toMatchObject({ feasible: false, why: 'The release web 2 is not kept on this host any more.' });
  });

  test('is not feasible where the run configuration is gone', () => {
    expect(wayBackOf('a', seen(web({ version: null })))).toMatchObject({ feasible: false, why: 'The run configuration of web d2 is not on this host any more.' });
  });

  test('of a host that did not tell what it keeps is taken to be feasible: what is linked is there', () => {
    const { kept: _kept, ...silent } = web();
    expect(wayBackOf('a', seen(silent)).feasible).toBe(true);
  });

  test('warns of what ran unmanaged and of what is quarantined, and stays feasible', () => {
    expect(wayBackOf('a', seen(web({ ...NOTHING, unmanaged: true })))).toMatchObject({ feasible: true, why: expect.stringContaining('unmanaged') });
    expect(wayBackOf('a', seen(web()), new Set(['web@2']))).toMatchObject({ feasible: true, why: 'web 2, which runs here, is quarantined.' });
  });
});

describe('a way to an older version', () => {
  const goal = { application: 'web', version: '1', digest: 'd1', config: 'c1' };

  test('gives the older release and is feasible while it is kept with its configuration', () => {
    expect(wayTo('a', seen(web({ configs: ['c1'] })), [goal])).toMatchObject({ applications: [goal], steps: ['drain', 'stop', 'switch', 'start', 'verify', 'admit'], feasible: true });
    expect(wayTo('a', seen(web({ configs: [] })), [goal])).toMatchObject({ feasible: false, why: 'The run configuration of web 1 is not on this host any more.' });
    expect(wayTo('a', seen(web({ kept: ['d2'], configs: ['c1'] })), [goal])).toMatchObject({ feasible: false });
  });

  test('restores to it with every step, and knows that what runs now is not yet it', () => {
    const image = goalImage(seen(web()), [goal]);
    expect(isToStart(image)).toBe(true);
    expect(restoreSteps(image, seen(web()), 'stop')).toEqual(['drain', 'stop', 'switch', 'start', 'verify', 'admit']);
  });

  test('leaves alone what is there already', () => {
    const image = goalImage(seen(web()), [{ application: 'web', version: '2', digest: 'd2', config: 'c2' }]);
    expect(image).toEqual(seen(web()));
    expect(isToStart(image)).toBe(false);
  });

  test('lifts a drain that an earlier release of ours left behind', () => {
    const left: Observation = { ...seen(web(), { ...READY, admin: 'drain', inService: false }), leftBy: { release: 'r-0', admin: 'ready', weight: 80 } };
    expect(goalImage(left, [goal]).traffic).toMatchObject({ admin: 'ready', weight: 80, inService: true });
  });
});

describe('a plan with targets that cannot go back', () => {
  const fine = wayBackOf('a', seen(web()));
  const stuck = wayBackOf('b', seen(web({ kept: [] })));

  test('is a reason not to start, and names them', () => {
    expect(infeasibleFailure(planOf(fine))).toBeNull();
    expect(infeasibleFailure(planOf(fine, stuck))).toMatchObject({ class: 'refused', code: 'rollback-infeasible', message: expect.stringContaining('b could not be brought back'), next: expect.stringContaining('rollback.on is []') });
  });

  test('is a warning where nobody wants an automatic rollback', () => {
    expect(rollbackWarnings(planOf(fine))).toEqual([]);
    expect(rollbackWarnings(planOf(fine, stuck))).toEqual([expect.stringContaining('b could not be brought back by a rollback')]);
    expect(rollbackWarnings(planOf(wayBackOf('c', seen(web()), new Set(['web@2']))))).toEqual([expect.stringContaining('has a catch on c')]);
  });
});
