/** Behind what cannot be undone a failure holds, and nobody goes back but a person who says so. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOOK_POINTS } from '../../../domain/hooks.ts';
import { placeOf } from '../../../domain/irreversible.ts';
import { crossed, crossingsOf } from '../../../domain/release/crossings.ts';
import { allowedCommands, decide } from '../../../domain/release/decide.ts';
import { brakeEvents } from '../../../domain/release/failure-policy.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { STEPS } from '../../../domain/vocabulary.ts';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import { AT, failed, HOSTS, PLAN, paused, release, rolling, rollingBack } from './situations.ts';
import type { HookPoint } from '../../../domain/inventory.ts';
import type { IrreversibleMark } from '../../../domain/irreversible.ts';
import type { Command } from '../../../domain/release/commands.ts';
import type { Progress, ReleaseState } from '../../../domain/release/state.ts';
import type { FailedTarget, Step } from '../../../domain/vocabulary.ts';

const CONTEXT = { now: AT, inWork: [], begunNow: [] };
const MARK: IrreversibleMark = { application: 'web', at: 'after-switch', hook: 0 };

const at = (progress: Partial<Progress>, marks: readonly IrreversibleMark[] = [MARK], status: 'releasing' | 'pre-release' = 'releasing'): ReleaseState => release(rolling(progress, { ...PLAN, irreversible: marks }, status));
const hostsOf = (state: ReleaseState, hosts: readonly string[]) => crossingsOf(state, hosts).map(({ host }) => host);
const failedAt = (host: string, step: FailedTarget['step'], stoppedBy?: string): FailedTarget => {
  const target = failed(host);
  return { ...target, step, failure: { ...target.failure, ...(stoppedBy === undefined ? {} : { stoppedBy: { hook: stoppedBy, at: { round: 0, done: [] } } }) } };
};
const word = { acrossIrreversible: true } as const;

describe('a target is behind what cannot be undone', () => {
  test('when it was finished, or is in work, for nobody knows how far it is', () => {
    expect(hostsOf(at({ begun: ['a', 'b'] }), ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(hostsOf(at({ begun: ['a', 'b'] }, []), ['a', 'b', 'c'])).toEqual([]);
  });

  test('when it failed at a step behind it, at the very step, or at a hook around that step, and not before', () => {
    const points: readonly (Step | HookPoint)[] = STEPS.flatMap((step) => [`before-${step}`, step, `after-${step}`] as const);
    fc.assert(fc.property(fc.constantFrom(...points), fc.constantFrom(...STEPS), fc.boolean(), (mark, step, byHook) => {
      const state = at({ begun: ['a', 'b'], failed: [failedAt('b', step, byHook ? 'web/1' : undefined)] }, [{ application: 'web', at: mark }]);
      expect(hostsOf(state, ['b'])).toEqual(placeOf(mark) <= placeOf(byHook ? `after-${step}` : step) ? ['b'] : []);
    }));
    for (const step of ['observe', 'stage', 'fence'] as const) expect(hostsOf(at({ begun: ['b'], failed: [failedAt('b', step)] }, [{ application: 'web', at: 'before-drain', hook: 0 }]), ['b'])).toEqual([]);
  });

  test('a bastion that has not joined is behind all but what comes with admit', () => {
    const bastion = (mark: HookPoint | Step) => hostsOf(at({ batch: 0, part: 'install', begun: ['a'] }, [{ application: 'web', at: mark }], 'pre-release'), ['a']);
    expect([bastion('after-verify'), bastion('before-admit'), bastion('admit'), bastion('after-admit')]).toEqual([['a'], [], [], []]);
    expect(hostsOf(at({ batch: 1, begun: ['a'] }, [{ application: 'web', at: 'after-admit', hook: 0 }]), ['a'])).toEqual(['a']);
  });

  test('names are told once each, hosts up to five', () => {
    const state = at({ begun: ['a', 'b'], failed: [failedAt('b', 'stop')] }, [{ application: 'web', at: 'before-stop', hook: 1 }, MARK]);
    expect(crossed(crossingsOf(state, ['a', 'b']))).toBe('web before-stop.1, web after-switch.0, which cannot be undone, was done or begun on a, b');
    expect(crossed(crossingsOf(at({}), Array.from({ length: 7 }, (_, index) => `h${index}`)))).toContain('on h0, h1, h2, h3, h4 and 2 more');
  });
});

describe('a failure behind it', () => {
  const braked = (more: Partial<Progress>, marks?: readonly IrreversibleMark[]) => {
    const state = at({ begun: ['a', 'b', 'c'], ...more }, marks);
    return brakeEvents(state, state.situation as ReturnType<typeof rolling>, Date.parse(AT));
  };

  test('holds where the strategy would roll back, and says why', () => {
    const [applied, pause, ...more] = braked({ failed: [failed('b')] });
    expect(applied).toMatchObject({ type: 'brake-applied', data: { then: 'hold', sentence: expect.stringContaining('It is not taken back by itself, because web after-switch.0, which cannot be undone, was done or begun on a, b, c.') } });
    expect(pause).toMatchObject({ type: 'paused', data: { cause: 'brake', deadline: null, reason: expect.stringContaining('web after-switch.0') } });
    expect(more).toEqual([]);
  });

  test('rolls back while nothing of it was done anywhere', () => {
    expect(braked({ begun: ['b'], failed: [failedAt('b', 'stop')] }).map(({ type }) => type)).toEqual(['brake-applied', 'rollback-started']);
    expect(braked({ failed: [failed('b')] }, []).map(({ type }) => type)).toEqual(['brake-applied', 'rollback-started']);
  });

  test('never takes a release back by itself, in no strategy that rolls back, and holds exactly where it would have', () => {
    const story = fc.record({ hosts: fc.integer({ min: 3, max: 30 }), sick: fc.array(fc.nat(29), { minLength: 1, maxLength: 4 }), perBatch: fc.nat(2), mark: fc.constantFrom(...HOOK_POINTS.filter((point) => placeOf(point) <= placeOf('verify'))) });
    fc.assert(fc.property(story, ({ hosts, sick, perBatch, mark }) => {
      const names = fleet(hosts).map(({ name }) => name);
      const ill = new Set(sick.map((index) => names[index % names.length]));
      const played = (irreversible: readonly IrreversibleMark[]) =>
        new Play({ hosts: fleet(hosts), strategy: { ...STRATEGY, tolerance: { perBatch, total: perBatch } }, failsForward: (host) => ill.has(host), irreversible }).run();
      const [marked, plain] = [played([{ application: 'web', at: mark, hook: 0 }]), played([])];
      expect(marked.events.map(({ type }) => type)).not.toContain('rollback-started');
      const brakes = ({ events }: typeof marked) => events.flatMap((event) => (event.type === 'brake-applied' ? [{ index: event.data.index, hosts: event.data.hosts, then: event.data.then }] : []));
      expect(brakes(marked)).toEqual(brakes(plain).map((brake) => ({ ...brake, then: 'hold' })));
      expect(marked.state.situation.status === 'succeeded').toBe(plain.state.situation.status === 'succeeded');
    }), { numRuns: 100 });
  });
});

describe('going back across it', () => {
  const state = at({ begun: ['a', 'b'], failed: [failed('b')], braked: true });
  const held: ReleaseState = { ...state, paused: paused({ cause: 'ask' }) };
  const signOff = release(rolling({ batch: 0, part: 'install', stage: 'baked', begun: ['a'] }, { ...PLAN, irreversible: [MARK] }, 'pre-release'), { strategy: { signOff: 'after-bastion' } });

  test.each<[string, ReleaseState, Command]>([
    ['rollback', state, command('rollback', { mode: 'emergency' })],
    ['the answer fail', held, command('answer', { choices: { b: 'fail' } })],
    ['the rejection of the bastion', signOff, command('reject')],
  ])('by %s is refused with what was done and where, and happens once that is said to be known', (_, before, asked) => {
    const without = decide(before, asked, CONTEXT);
    expect(without).toMatchObject({ refusal: { code: 'irreversible', message: expect.stringMatching(/web after-switch\.0, which cannot be undone, was done or begun on [ab].*--across-irreversible/) } });
    const across = decide(before, { ...asked, ...word }, CONTEXT);
    expect('events' in across ? across.events.map(({ type }) => type) : across).toContain('rollback-started');
    expect(allowedCommands(before)).toContain(asked.type);
  });

  test('is not asked about again once the way back has begun, nor by an abort, which never waits', () => {
    const back: ReleaseState = release({ ...rollingBack(), plan: { ...PLAN, irreversible: [MARK] } });
    expect(decide(back, command('rollback', { mode: 'emergency' }), CONTEXT)).toMatchObject({ events: [{ type: 'rollback-escalated' }] });
    expect(decide(state, command('abort'), CONTEXT)).toMatchObject({ events: [{ type: 'abort-started' }] });
  });

  test('does not happen at the deadline of a pause: nobody is there to say it', () => {
    const expires = (marks: readonly IrreversibleMark[]) => {
      const waiting = { ...at({ begun: [...HOSTS] }, marks), paused: paused({ deadline: AT, then: 'rollback' }) };
      return nextStep(waiting, Date.parse(AT) + 1);
    };
    expect(expires([MARK])).toEqual({ do: 'record', events: [{ type: 'pause-expired', data: { then: 'stay' } }] });
    expect(expires([])).toMatchObject({ do: 'record', events: [{ type: 'pause-expired', data: { then: 'rollback' } }, { type: 'rollback-started' }] });
  });
});
