import { describe, expect, test } from 'vitest';
import { isUntouched, restoreSteps, rollbackBatches } from '../../domain/rollback.ts';
import type { RollbackInput } from '../../domain/rollback.ts';
import type { ObservedApplication, Observation, ObservedTraffic } from '../../domain/release/target.ts';
import { STEPS } from '../../domain/vocabulary.ts';
import type { Step } from '../../domain/vocabulary.ts';

function batches(input: Partial<RollbackInput>): string[][] {
  return rollbackBatches({ begun: [], outOfService: [], hostsTotal: 10, floor: 7, mode: 'regular', batchPercent: 33, ...input });
}

describe('batches of the way back', () => {
  const begun = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

  test('the newest goes first, in batches of the percentage of the whole pool', () => {
    expect(batches({ begun, floor: 0 })).toEqual([['g', 'f', 'e'], ['d', 'c', 'b'], ['a']]);
    expect(batches({ begun, floor: 0, batchPercent: 50 })).toEqual([['g', 'f', 'e', 'd', 'c'], ['b', 'a']]);
  });

  test('hosts out of service go before any that serves, the newest first among themselves', () => {
    expect(batches({ begun, outOfService: ['a', 'c'], floor: 0 })).toEqual([['c', 'a', 'g'], ['f', 'e', 'd'], ['b']]);
  });

  test('nothing begun needs no batch', () => {
    expect(batches({ outOfService: ['x'] })).toEqual([]);
    expect(batches({ mode: 'emergency' })).toEqual([]);
  });

  test('a small percentage still restores one host at a time', () => {
    expect(batches({ begun: ['a', 'b'], batchPercent: 1 })).toEqual([['b'], ['a']]);
  });

  test('an emergency takes as many as the floor can spare, whatever the percentage', () => {
    expect(batches({ begun, mode: 'emergency', floor: 5, batchPercent: 1 })).toEqual([['g', 'f', 'e', 'd', 'c'], ['b', 'a']]);
    expect(batches({ begun: ['a', 'b'], mode: 'emergency', hostsTotal: 2, floor: 1 })).toEqual([['b'], ['a']]);
  });

  test('a regular batch is narrowed to what stands above the floor', () => {
    expect(batches({ begun, floor: 8 })).toEqual([['g', 'f'], ['e', 'd'], ['c', 'b'], ['a']]);
  });

  test('a host that is restored counts for the batches after its own, not for its own', () => {
    expect(batches({ begun, outOfService: ['a', 'b'], floor: 7 })).toEqual([['b', 'a', 'g'], ['f', 'e', 'd'], ['c']]);
    expect(batches({ begun, outOfService: ['a', 'b', 'c'], floor: 7, batchPercent: 50 })).toEqual([['c', 'b', 'a'], ['g', 'f', 'e'], ['d']]);
  });

  test('hosts that are out and were never touched stay away from the floor', () => {
    expect(batches({ begun, outOfService: ['x', 'y'], floor: 7 })).toEqual([['g'], ['f'], ['e'], ['d'], ['c'], ['b'], ['a']]);
    expect(batches({ begun, outOfService: ['x', 'y'], floor: 7, mode: 'emergency' })).toHaveLength(7);
  });

  test('below the floor hosts in service go alone, after those that are out', () => {
    expect(batches({ begun: ['a', 'b', 'c', 'd'], outOfService: ['a', 'b', 'x', 'y', 'z'], floor: 8 })).toEqual([['b', 'a'], ['d'], ['c']]);
  });

  test('a host begun twice is restored once, at its first begin', () => {
    expect(batches({ begun: ['a', 'b', 'a'], floor: 9 })).toEqual([['b'], ['a']]);
  });

  test('a pool of one is restored at once', () => {
    expect(batches({ begun: ['a'], hostsTotal: 1, floor: 0 })).toEqual([['a']]);
    expect(batches({ begun: ['a'], hostsTotal: 1, floor: 0, mode: 'emergency', outOfService: ['a'] })).toEqual([['a']]);
  });

  test('the input is left as it was', () => {
    const input = { begun: ['a', 'b'], outOfService: ['a'] };
    batches(input);
    expect(input).toEqual({ begun: ['a', 'b'], outOfService: ['a'] });
  });
});

const process = { pid: 10, startTicks: 100, bootId: 'boot' };
const application = (change: Partial<ObservedApplication> = {}): ObservedApplication => ({
  application: 'web',
  digest: 'old',
  config: 'c1',
  version: '1.0.0',
  process,
  unmanaged: false,
  ...change,
});
const traffic = (change: Partial<ObservedTraffic> = {}): ObservedTraffic => ({ admin: 'ready', operational: 'up', weight: 100, connections: 3, inService: true, ...change });
const drained = traffic({ admin: 'drain', connections: 0, inService: false });
const seen = (applications: readonly ObservedApplication[] = [application()], at: ObservedTraffic = traffic()): Observation => ({ applications, traffic: at, freeBytes: 1 });
const before = seen();
const absent = seen([application({ digest: null, config: null, version: null, process: null })], traffic({ admin: 'drain', operational: 'down', inService: false }));
const other = { ...process, pid: 11, startTicks: 200 };
const WHOLE: readonly Step[] = ['drain', 'stop', 'switch', 'start', 'verify', 'admit'];

describe('untouched', () => {
  test('what moves by itself does not make a target touched', () => {
    expect(isUntouched(before, seen([application({ version: null })], traffic({ connections: 99, operational: 'unknown' })))).toBe(true);
    expect(isUntouched(before, { ...before, freeBytes: 99 })).toBe(true);
    expect(isUntouched(absent, absent)).toBe(true);
  });

  test.each([
    { what: 'another digest', observed: seen([application({ digest: 'new' })]) },
    { what: 'another configuration', observed: seen([application({ config: 'c2' })]) },
    { what: 'no process', observed: seen([application({ process: null })]) },
    { what: 'another pid', observed: seen([application({ process: { ...process, pid: 11 } })]) },
    { what: 'another start', observed: seen([application({ process: { ...process, startTicks: 101 } })]) },
    { what: 'another boot', observed: seen([application({ process: { ...process, bootId: 'later' } })]) },
    { what: 'an application that is gone', observed: seen([]) },
    { what: 'a drained server', observed: seen([application()], drained) },
    { what: 'another weight', observed: seen([application()], traffic({ weight: 1 })) },
    { what: 'a lost place in traffic', observed: seen([application()], traffic({ operational: 'down', inService: false })) },
  ])('$what makes a target touched', ({ observed }) => {
    expect(isUntouched(before, observed)).toBe(false);
  });

  test('a process where none was makes a target touched', () => {
    expect(isUntouched(seen([application({ process: null })]), before)).toBe(false);
  });

  test('one of two applications changed makes a target touched', () => {
    const two = seen([application(), application({ application: 'api' })]);
    expect(isUntouched(two, seen([application(), application({ application: 'api' })]))).toBe(true);
    expect(isUntouched(two, seen([application(), application({ application: 'api', digest: 'new' })]))).toBe(false);
  });

  test('another wish at the balancer makes a target touched, though it serves neither before nor after', () => {
    expect(isUntouched(seen([application()], drained), seen([application()], { ...drained, admin: 'maint' }))).toBe(false);
  });

  test('observations are compared by what they say, also after a journey through JSON', () => {
    expect(isUntouched(before, structuredClone(before))).toBe(true);
    expect(restoreSteps(before, structuredClone(before), 'verify')).toEqual([]);
  });

  test('a place in traffic won by itself does not', () => {
    expect(isUntouched(seen([application()], traffic({ operational: 'down', inService: false })), before)).toBe(true);
  });
});

describe('steps back on one target', () => {
  test.each([null, ...STEPS])('a target that stands as before needs none, with %s begun', (begun) => {
    expect(restoreSteps(before, before, begun)).toEqual([]);
    expect(restoreSteps(absent, absent, begun)).toEqual([]);
  });

  test.each([null, 'drain', 'stop'] as const)('a target that was only drained is admitted, with %s begun', (begun) => {
    expect(restoreSteps(before, seen([application()], drained), begun)).toEqual(['admit']);
  });

  test('another weight or a lost place in traffic is put right by admitting', () => {
    expect(restoreSteps(before, seen([application()], traffic({ weight: 5 })), null)).toEqual(['admit']);
    expect(restoreSteps(before, seen([application()], traffic({ inService: false })), null)).toEqual(['admit']);
  });

  test('a released target in service goes the whole way', () => {
    expect(restoreSteps(before, seen([application({ digest: 'new', process: other })]), 'admit')).toEqual(WHOLE);
    expect(restoreSteps(before, seen([application({ config: 'c2', process: other })]), 'admit')).toEqual(WHOLE);
  });

  test('a target that is drained already is not drained again', () => {
    expect(restoreSteps(before, seen([application({ digest: 'new', process: null })], drained), 'start')).toEqual(WHOLE.slice(1));
    expect(restoreSteps(before, seen([application({ digest: 'new' })], traffic({ admin: 'maint', inService: false })), 'start')).toEqual(WHOLE.slice(1));
  });

  test('a target the balancer would take in as soon as it answers is drained first', () => {
    expect(restoreSteps(before, seen([application({ digest: 'new', process: null })], traffic({ operational: 'down', inService: false })), 'start')).toEqual(WHOLE);
  });

  test('a target without a balancer is drained where it counts as in service', () => {
    const none = traffic({ admin: 'none', operational: 'unknown', weight: null });
    expect(restoreSteps(seen([application()], none), seen([application({ digest: 'new' })], none), 'start')[0]).toBe('drain');
  });

  test('a stopped target is started again, whoever stopped it', () => {
    expect(restoreSteps(before, seen([application({ process: null })], drained), 'stop')).toEqual(WHOLE.slice(1));
    expect(restoreSteps(before, seen([application({ process: null })], drained), null)).toEqual(WHOLE.slice(1));
  });

  test('another process of the same build is ours only from stop on', () => {
    const restarted = seen([application({ process: other })], drained);
    expect(restoreSteps(before, restarted, 'start')).toEqual(WHOLE.slice(1));
    expect(restoreSteps(before, restarted, 'stop')).toEqual(WHOLE.slice(1));
    expect(restoreSteps(before, restarted, 'drain')).toEqual(['admit']);
    expect(restoreSteps(before, seen([application({ process: other })]), null)).toEqual([]);
  });

  test('a first install is stopped and unlinked, and stays out of traffic', () => {
    expect(restoreSteps(absent, before, 'admit')).toEqual(['drain', 'stop', 'switch']);
    expect(restoreSteps(absent, seen([application({ digest: 'new' })], drained), 'start')).toEqual(['stop', 'switch']);
    expect(restoreSteps(absent, seen(absent.applications, traffic()), 'drain')).toEqual([]);
  });

  test('an application that was stopped before is not started', () => {
    const stopped = seen([application({ process: null })], drained);
    expect(restoreSteps(stopped, seen([application({ digest: 'new' })]), 'admit')).toEqual(['drain', 'stop', 'switch']);
    expect(restoreSteps(stopped, seen([application()], drained), 'start')).toEqual(['stop', 'switch']);
  });

  test('of two applications one changed is enough to go the whole way', () => {
    const two = seen([application(), application({ application: 'api' })]);
    expect(restoreSteps(two, seen([application(), application({ application: 'api', digest: 'new' })]), 'switch')).toEqual(WHOLE);
    expect(restoreSteps(two, seen([application({ application: 'api' }), application()]), 'switch')).toEqual([]);
    expect(restoreSteps(two, seen([application()]), 'switch')).toEqual(WHOLE);
  });

  test('a pool of a running and an absent application starts again what ran', () => {
    const mixed = seen([application({ application: 'api', digest: null, config: null, process: null }), application()]);
    expect(restoreSteps(mixed, seen([application({ application: 'api', digest: 'new' }), application({ digest: 'new' })]), 'admit')).toEqual(WHOLE);
  });
});
