import { describe, expect, test } from 'vitest';
import { evolveTarget, initialTarget, nextAfter } from '../../../domain/release/target.ts';
import { AT, SICK } from './situations.ts';
import type { Stored, TargetEvent, TargetEventData } from '../../../domain/release/events.ts';
import type { Observation, TargetState } from '../../../domain/release/target.ts';
import type { Step } from '../../../domain/vocabulary.ts';

const OBSERVATION: Observation = {
  applications: [
    { application: 'web', digest: 'd1', config: 'c1', version: '1', process: { pid: 1, startTicks: 2, bootId: 'b' }, unmanaged: false },
    { application: 'new', digest: null, config: null, version: null, process: null, unmanaged: false },
  ],
  traffic: { admin: 'ready', operational: 'up', weight: 100, connections: 3, inService: true },
  freeBytes: 1_000,
};

function event<K extends keyof TargetEventData>(type: K, data: Omit<TargetEventData[K], 'host' | 'epoch'>): Stored<TargetEvent> {
  return { type, data: { host: 'a', epoch: 7, ...data }, id: 'r-1/x', version: 3, at: AT, actor: { kind: 'signalbox', name: 'signalbox' } } as unknown as Stored<TargetEvent>;
}

const key = { direction: 'forward', round: 0, step: 'drain' } as const;
const fold = (...events: readonly Stored<TargetEvent>[]): TargetState => events.reduce(evolveTarget, initialTarget('a', 'z1'));

describe('a target', () => {
  test('begins with nothing known, done or failed in either direction', () => {
    const nothing = { round: 0, begun: null, done: [], failure: null, waiting: null };
    expect(initialTarget('a', 'z1')).toEqual({ host: 'a', zone: 'z1', preImage: null, staged: false, configs: {}, forward: nothing, back: nothing, fenced: null, observedVersion: {} });
  });

  test('keeps what was observed as its pre-image, with the versions that were seen', () => {
    expect(fold(event('target-observed', { observation: OBSERVATION }))).toMatchObject({ preImage: OBSERVATION, observedVersion: { web: '1' } });
    expect(fold(event('target-observed', { observation: OBSERVATION })).observedVersion).toEqual({ web: '1' });
  });

  test('keeps the configurations that wait on the host once it is staged', () => {
    expect(fold(event('target-staged', { digests: { web: 'd2' }, configs: { web: 'c2' }, durationMs: 9 }))).toMatchObject({ staged: true, configs: { web: 'c2' } });
  });

  test('says in which part of the preparation it failed', () => {
    const before = fold(event('target-step-begun', key));
    expect(evolveTarget(before, event('target-preparation-failed', { step: 'stage', failure: SICK })).forward).toEqual({ ...before.forward, failure: { step: 'stage', failure: SICK } });
  });

  test('is fenced untouched or not', () => {
    expect(fold(event('target-fenced', { untouched: true, observation: OBSERVATION })).fenced).toEqual({ untouched: true });
    expect(fold(event('target-fenced', { untouched: false, observation: OBSERVATION })).fenced).toEqual({ untouched: false });
  });

  test('that cannot be fenced failed on the way back and keeps what is known of it', () => {
    const state = fold(event('target-step-begun', { ...key, direction: 'back' }), event('target-fence-failed', { failure: SICK }));
    expect(state.back).toMatchObject({ begun: 'drain', failure: { step: 'fence', failure: SICK } });
    expect(state.forward.failure).toBeNull();
  });
});

describe('what start and the checks after admit leave', () => {
  const PROCESSES = { web: { pid: 5, startTicks: 6, bootId: 'b' } };
  const started = event('target-step-succeeded', { ...key, step: 'start', result: { processes: PROCESSES }, durationMs: 1, repeated: false });
  const sick = event('target-check-failed', { direction: 'forward', round: 0, failure: SICK });

  test('is what was started, until something else is, also in a later round', () => {
    expect(fold(started).forward.processes).toEqual(PROCESSES);
    const retried = fold(started, event('target-step-begun', { ...key, round: 1, step: 'admit' }));
    expect(retried.forward).toMatchObject({ round: 1, done: [], processes: PROCESSES });
  });

  test('is why the host is taken out, which is no end yet and does not outlive the round', () => {
    expect(fold(started, sick).forward).toMatchObject({ failure: null, checkFailure: SICK });
    expect(fold(started, sick, event('target-step-begun', { ...key, round: 1 })).forward).not.toHaveProperty('checkFailure');
    expect(fold(event('target-step-begun', { ...key, round: 1 }), sick).forward).not.toHaveProperty('checkFailure');
  });

  test('stays on the way it belongs to', () => {
    expect(fold(started, sick).back).toEqual(initialTarget('a', 'z1').back);
  });
});

describe('a step of a target', () => {
  test('is begun, then done, in the order of the events', () => {
    const state = fold(event('target-step-begun', key), event('target-step-succeeded', { ...key, result: {}, durationMs: 1, repeated: false }), event('target-step-begun', { ...key, step: 'stop' }));
    expect(state.forward).toEqual({ round: 0, begun: 'stop', done: ['drain'], failure: null, waiting: null });
  });

  test('that waits says for what and since when, and no longer once it is done or failed', () => {
    const waiting = fold(event('target-step-begun', key), event('target-step-waiting', { ...key, dependency: 'the balancer', message: 'no answer' }));
    expect(waiting.forward.waiting).toEqual({ dependency: 'the balancer', message: 'no answer', since: AT });
    expect(evolveTarget(waiting, event('target-step-succeeded', { ...key, result: {}, durationMs: 1, repeated: false })).forward.waiting).toBeNull();
    expect(evolveTarget(waiting, event('target-step-failed', { ...key, failure: SICK, durationMs: 1 })).forward).toEqual({ round: 0, begun: 'drain', done: [], waiting: null, failure: { step: 'drain', failure: SICK } });
  });

  test('that succeeds after it failed clears the failure', () => {
    const state = fold(event('target-step-failed', { ...key, failure: SICK, durationMs: 1 }), event('target-step-succeeded', { ...key, result: {}, durationMs: 1, repeated: false }));
    expect(state.forward.failure).toBeNull();
  });

  test('that tells a version adds it to those already known', () => {
    const state = fold(
      event('target-observed', { observation: OBSERVATION }),
      event('target-step-succeeded', { ...key, step: 'verify', result: { observedVersion: { new: '2' } }, durationMs: 1, repeated: false }),
      event('target-step-succeeded', { ...key, step: 'admit', result: {}, durationMs: 1, repeated: false }),
    );
    expect(state.observedVersion).toEqual({ web: '1', new: '2' });
  });

  test('on the way back leaves the way forward as it was', () => {
    const forward = fold(event('target-step-begun', key));
    const state = evolveTarget(forward, event('target-step-begun', { ...key, direction: 'back', step: 'stop' }));
    expect(state.forward).toEqual(forward.forward);
    expect(state.back.begun).toBe('stop');
  });

  test('of a newer round begins the journey anew', () => {
    const state = fold(event('target-step-succeeded', { ...key, result: {}, durationMs: 1, repeated: false }), event('target-step-begun', { ...key, round: 1, step: 'stop' }));
    expect(state.forward).toEqual({ round: 1, begun: 'stop', done: [], failure: null, waiting: null });
  });

  test('of a newer round leaves begun what was begun before, for the round may be but the last steps', () => {
    const started = ['drain', 'stop', 'switch', 'start'].map((step) => event('target-step-succeeded', { ...key, step: step as Step, result: {}, durationMs: 1, repeated: false }));
    const failed = fold(event('target-step-begun', key), ...started, event('target-step-failed', { ...key, step: 'verify', failure: SICK, durationMs: 1 }));
    const admitted = evolveTarget(failed, event('target-step-succeeded', { ...key, round: 1, step: 'admit', result: {}, durationMs: 1, repeated: false }));
    expect(admitted.forward).toEqual({ round: 1, begun: 'verify', done: ['admit'], failure: null, waiting: null });
  });

  test('of an older round changes nothing, not even on its first event', () => {
    const state = fold(event('target-step-begun', { ...key, round: 1 }));
    expect(evolveTarget(state, event('target-step-failed', { ...key, failure: SICK, durationMs: 1 }))).toBe(state);
  });

  test('nobody knows is an error of the program', () => {
    expect(() => evolveTarget(initialTarget('a', 'z1'), { type: 'target-danced' } as never)).toThrow('evolveTarget does not know the event {"type":"target-danced"}');
  });
});

describe('the furthest step that may have begun', () => {
  test.each([
    ['nothing was begun', null, [], null],
    ['the first step was begun and not recorded as done', 'drain', [], 'drain'],
    ['a step is done', 'drain', ['drain'], 'stop'],
    ['several steps are done', 'start', ['drain', 'stop', 'switch', 'start'], 'verify'],
    ['all are done', 'admit', ['verify', 'admit'], 'admit'],
  ] as const)('is the one after the last that is done: %s', (_what, begun, done, furthest) => {
    expect(nextAfter({ round: 0, begun, done, failure: null, waiting: null })).toBe(furthest);
  });
});
