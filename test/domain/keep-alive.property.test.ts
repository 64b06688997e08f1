import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FLAPS, flapping, isKeptAlive, keepAlive, wasLeftRunning } from '../../domain/keep-alive.ts';
import type { ServiceSeen } from '../../domain/keep-alive.ts';
import type { SeenInstall } from '../../domain/liveness.ts';
import type { RecipeSpec } from '../../domain/recipe/composition.ts';
import type { Observation, TargetState } from '../../domain/release/target.ts';

const NOW_MS = 1_700_000_000_000;
const SEEN: SeenInstall = { application: 'web', version: '2', digest: 'd2', config: 'c2', running: false, unmanaged: false };
const DEAD: ServiceSeen = { expected: { application: 'web', version: '2', digest: 'd2', leftRunning: true }, seen: SEEN, isDrained: false, isLeftAlone: false, startsMs: [], nowMs: NOW_MS };
const starts = (count: number, agoMs: number): readonly number[] => Array.from({ length: count }, (_, index) => NOW_MS - agoMs - index);

describe('a service', () => {
  test.each<[string, Partial<ServiceSeen>, string]>([
    ['that is dead is started', {}, 'start'],
    ['that runs is left as it is', { seen: { ...SEEN, running: true } }, 'nothing'],
    ['that the last release did not leave running is not started', { expected: { ...DEAD.expected, leftRunning: false } }, 'nothing'],
    ['of another version than the log says is not started', { seen: { ...SEEN, digest: 'd1' } }, 'nothing'],
    ['that is not linked any more is not started', { seen: { ...SEEN, digest: null, config: null } }, 'nothing'],
    ['without a configuration is not started', { seen: { ...SEEN, config: null } }, 'nothing'],
    ['that was taken off is not started', { expected: { ...DEAD.expected, version: null, digest: null }, seen: { ...SEEN, digest: null } }, 'nothing'],
    ['of which the host says nothing is not started', { seen: null }, 'nothing'],
    ['in whose folder somebody else works is not started', { seen: { ...SEEN, unmanaged: true } }, 'nothing'],
    ['on a host that an operator drained is not started', { isDrained: true }, 'nothing'],
    ['that dies again and again is left alone', { startsMs: starts(FLAPS.startsMax, 1_000) }, 'leave-alone'],
    ['that died long ago as often is started', { startsMs: starts(FLAPS.startsMax, FLAPS.withinMs) }, 'start'],
    ['that was left alone stays so', { isLeftAlone: true }, 'nothing'],
    ['that was left alone and runs again was looked at', { isLeftAlone: true, seen: { ...SEEN, running: true } }, 'forget'],
  ])('%s', (_what, more, expected) => {
    expect(keepAlive({ ...DEAD, ...more })).toBe(expected);
  });

  test('is started at most five times in any ten minutes, whenever it dies', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 60 }), (pauses) => {
      const startsMs: number[] = [];
      let nowMs = NOW_MS;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        if (keepAlive({ ...DEAD, startsMs, nowMs }) === 'start') startsMs.push(nowMs);
        expect(startsMs.filter((atMs) => nowMs - atMs < FLAPS.withinMs).length).toBeLessThanOrEqual(FLAPS.startsMax);
      }
      expect(startsMs.length).toBeGreaterThan(0);
    }));
  });

  test('that runs, or is another than the log says, is never started, whatever else is so', () => {
    const any = fc.record({ isDrained: fc.boolean(), isLeftAlone: fc.boolean(), startsMs: fc.array(fc.integer({ min: NOW_MS - 1e6, max: NOW_MS })), running: fc.boolean(), same: fc.boolean() });
    fc.assert(fc.property(any, ({ running, same, ...more }) => {
      const act = keepAlive({ ...DEAD, ...more, seen: { ...SEEN, running, digest: same ? 'd2' : 'd1' } });
      if (running || !same) expect(['nothing', 'forget']).toContain(act);
    }));
  });

  test('is what is kept alive, and says how to begin again when it flaps', () => {
    const own: Readonly<Record<string, RecipeSpec>> = { warmed: { name: 'warmed', extends: 'nodejs', steps: {} }, pages: { name: 'pages', extends: 'static', steps: {} } };
    const kept = ['service', 'nodejs', 'java-web', 'warmed', 'static', 'scheduled-task', 'pages', 'nobody'].filter((recipe) => isKeptAlive({ recipe }, (name) => own[name]));
    expect(kept).toEqual(['service', 'nodejs', 'java-web', 'warmed']);
    const found = flapping({ host: 'web-01', pool: 'web-prod', application: 'web', outcome: 'no such file' });
    expect(found).toMatchObject({ id: 'service-flapping/web-01/web', verb: 'keep-alive', about: { host: 'web-01', application: 'web' }, repair: 'signalbox repair service-flapping/web-01/web --reason ...' });
    expect(found.sentence).toContain('no such file');
  });
});

describe('what a release left', () => {
  const journey = (done: TargetState['forward']['done']): TargetState['forward'] => ({ round: 0, begun: done.at(-1) ?? null, done, failure: null, waiting: null });
  const before = (runs: boolean): Observation => ({
    applications: [{ application: 'web', digest: 'd1', config: 'c1', version: '1', process: runs ? { pid: 1, startTicks: 2, bootId: 'b' } : null, unmanaged: false }],
    traffic: { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true },
    freeBytes: 1,
  });
  const left = (state: Partial<Pick<TargetState, 'preImage' | 'forward' | 'back' | 'fenced'>>): boolean =>
    wasLeftRunning({ preImage: before(false), forward: journey([]), back: journey([]), fenced: null, ...state } as TargetState, 'web');

  test.each<[string, Parameters<typeof left>[0], boolean]>([
    ['runs when it was started', { forward: journey(['drain', 'stop', 'switch', 'start', 'verify', 'admit']) }, true],
    ['runs when it ran before and was only looked at', { preImage: before(true), forward: journey(['drain', 'admit']) }, true],
    ['does not run when nothing ran and nothing was started', { forward: journey(['drain', 'admit']) }, false],
    ['does not run when what was started was taken back to nothing', { forward: journey(['drain', 'start']), back: journey(['stop', 'switch']) }, false],
    ['runs when what ran before was restored', { preImage: before(true), forward: journey(['drain', 'start']), back: journey(['stop', 'switch', 'start']) }, true],
  ])('%s', (_what, state, expected) => {
    expect(left(state)).toBe(expected);
  });
});
