import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unanswered } from '../../../domain/release/answer.ts';
import { allowedCommands, decide } from '../../../domain/release/decide.ts';
import { COMMAND_TYPES } from '../../../domain/release/commands.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { anyJump } from '../../../domain/release/jump.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { evolveTarget, initialTarget } from '../../../domain/release/target.ts';
import { isTerminal, SIGNALBOX, STEPS } from '../../../domain/vocabulary.ts';
import { command, Play, STRATEGY } from './simulated-release.ts';
import type { Command } from '../../../domain/release/commands.ts';
import type { Choice, Stored, TargetEvent } from '../../../domain/release/events.ts';
import type { Script } from './simulated-release.ts';

const drawnHost = fc.record({ zone: fc.integer({ min: 1, max: 5 }), inService: fc.boolean() });

/** Mostly fleets one can read in a report, now and then one of up to 300 hosts. */
const hosts = fc
  .oneof({ weight: 14, arbitrary: fc.array(drawnHost, { minLength: 1, maxLength: 60 }) }, { weight: 1, arbitrary: fc.array(drawnHost, { minLength: 61, maxLength: 300, size: 'max' }) })
  .map((list) => list.map(({ zone, inService }, index) => ({ name: `h${index}`, zone: `z${zone}`, inService })));

const strategy = fc
  .record({
    bastions: fc.integer({ min: 0, max: 3 }),
    percent: fc.constantFrom([10], [25], [33], [50], [20, 30, 50]),
    bake: fc.integer({ min: 0, max: 3 }),
    manual: fc.boolean(),
    promote: fc.constantFrom('auto' as const, 'manual' as const),
    perBatch: fc.integer({ min: 0, max: 3 }),
    total: fc.integer({ min: 0, max: 5 }),
    consecutive: fc.option(fc.integer({ min: 0, max: 3 })),
    late: fc.option(fc.record({ afterPercent: fc.integer({ min: 1, max: 100 }), failuresMax: fc.integer({ min: 1, max: 3 }) })),
    signOff: fc.constantFrom('after-bastion' as const, null),
    rest: fc.integer({ min: 0, max: 2 }),
    onFailure: fc.constantFrom('rollback' as const, 'hold' as const, 'ask' as const),
    mode: fc.constantFrom('regular' as const, 'emergency' as const),
    then: fc.constantFrom('stay' as const, 'rollback' as const, 'abort' as const),
    watch: fc.integer({ min: 0, max: 2 }),
  })
  .map((s) => ({
    ...STRATEGY,
    bastion: { count: s.bastions, bakeSeconds: s.bake, promote: s.promote },
    batches: { ...STRATEGY.batches, percent: s.percent, bakeSeconds: s.bake, pauseSeconds: s.rest, advance: s.manual ? ('manual' as const) : ('auto' as const) },
    signOff: s.signOff,
    late: s.late,
    tolerance: { perBatch: s.perBatch, total: s.total, consecutive: s.consecutive },
    onFailure: s.onFailure,
    rollback: { ...STRATEGY.rollback, mode: s.mode },
    pause: { deadlineHours: 1, then: s.then },
    postRelease: { watchSeconds: s.watch },
  }));

const anyCommand: fc.Arbitrary<Command> = fc.constantFrom(...COMMAND_TYPES).chain((type) =>
  fc.record({ mode: fc.constantFrom('regular' as const, 'emergency' as const), to: fc.nat(9) }).map(({ mode, to }) => command(type, type === 'rollback' ? { mode } : { to })),
);

const script: fc.Arbitrary<Script> = fc
  .record({ hosts, strategy, sick: fc.array(fc.nat(59), { maxLength: 4 }), sickBack: fc.array(fc.nat(59), { maxLength: 2 }), commands: fc.array(fc.tuple(fc.nat(40), anyCommand), { maxLength: 5 }) })
  .map(({ hosts: fleet, strategy: rules, sick, sickBack, commands }) => ({
    hosts: fleet,
    strategy: rules,
    failsForward: (host: string, round: number) => sick.some((index) => host === `h${index}`) && round < 2,
    failsBack: (host: string) => sickBack.some((index) => host === `h${index}`),
    commands: Object.fromEntries(commands),
  }));

const RUNS = { numRuns: 300 };

describe('laws of a release', () => {
  test('a release that has not ended always has a step to do, or a wait that says for what', () => {
    fc.assert(fc.property(script, (s) => {
      const { state, steps } = new Play(s).run();
      const last = steps.at(-1);
      expect(steps.length).toBeLessThan(3000);
      expect(last?.do === 'done').toBe(isTerminal(state.situation.status));
      if (last?.do === 'wait') expect(['resume', 'promote', 'sign-off', 'pool']).toContain(last.for);
    }), RUNS);
  });

  test('a terminal state absorbs every command and every event of batches', () => {
    fc.assert(fc.property(script, anyCommand, (s, sent) => {
      const { state } = new Play(s).run();
      if (!isTerminal(state.situation.status)) return;
      expect(decide(state, sent, { now: state.createdAt, inWork: [], begunNow: [] })).toHaveProperty('refusal.code', 'finished');
      expect(nextStep(state, Number.MAX_SAFE_INTEGER).do).toBe('done');
    }), RUNS);
  });

  test('folding after a JSON round trip gives the same state at every event', () => {
    fc.assert(fc.property(script, (s) => {
      const { events, states, state } = new Play(s).run();
      states.forEach((before, index) => {
        const event = events[index + 1];
        if (event === undefined) return;
        const after = states[index + 1] ?? state;
        expect(evolve(JSON.parse(JSON.stringify(before)), JSON.parse(JSON.stringify(event)))).toEqual(after);
      });
    }), { numRuns: 60 });
  });

  test('the bastion is begun before any other host, and no host is begun forward twice in a round', () => {
    fc.assert(fc.property(script, (s) => {
      const { acts, state } = new Play(s).run();
      const plan = 'plan' in state.situation ? state.situation.plan : null;
      const bastion = plan?.batches[0]?.kind === 'bastion' ? plan.batches[0].hosts : [];
      const forward = acts.filter(({ direction }) => direction === 'forward');
      if (bastion.length > 0) expect(forward.slice(0, 1).every(({ host }) => bastion.includes(host))).toBe(true);
      if (!Object.values(s.commands ?? {}).some(({ type }) => type === 'retry')) {
        const installs = forward.filter(({ part }) => part !== 'join').map(({ host }) => host);
        expect(new Set(installs).size).toBe(installs.length);
      }
    }), RUNS);
  });

  test('a rollback restores exactly what was begun, unless it is stopped on the way', () => {
    fc.assert(fc.property(script, (s) => {
      const { acts, state } = new Play(s).run();
      if (state.situation.status !== 'rolled-back') return;
      const begun = new Set(acts.filter(({ direction }) => direction === 'forward').map(({ host }) => host));
      const restored = new Set(acts.filter(({ direction }) => direction === 'back').map(({ host }) => host));
      expect(restored).toEqual(begun);
    }), RUNS);
  });

  test('there is at most one rollback, and after it nothing goes forward', () => {
    fc.assert(fc.property(script, (s) => {
      const { acts, events } = new Play(s).run();
      expect(events.filter(({ type }) => type === 'rollback-started').length).toBeLessThanOrEqual(1);
      const firstBack = acts.findIndex(({ direction }) => direction === 'back');
      if (firstBack >= 0) expect(acts.slice(firstBack).every(({ direction }) => direction === 'back')).toBe(true);
    }), RUNS);
  });

  test('a pause changes nothing but progress: while paused the only step is to wait or to let its deadline speak', () => {
    fc.assert(fc.property(script, fc.nat(60), (s, at) => {
      const play = new Play({ ...s, commands: {} });
      for (let n = 0; n < at && !isTerminal(play.state.situation.status); n++) play.run1();
      const before = play.state;
      if (!play.send(command('pause'))) return;
      expect(nextStep(play.state, play.nowMs)).toMatchObject({ do: 'wait', for: 'resume' });
      expect({ ...play.state.situation }).toEqual({ ...frozen(before, play) });
      expect(play.send(command('resume'))).toBe(true);
    }), RUNS);
  });

  test('every command that the list of allowed ones names is accepted, and no other', () => {
    fc.assert(fc.property(script, fc.nat(60), (s, at) => {
      const play = new Play({ ...s, commands: {} });
      for (let n = 0; n < at && !isTerminal(play.state.situation.status); n++) play.run1();
      if (isTerminal(play.state.situation.status)) return;
      const allowed = allowedCommands(play.state);
      for (const type of COMMAND_TYPES) {
        const decision = decide(play.state, command(type, { mode: 'emergency', choices: answersFor(play.state), to: anyJump(play.state) ?? 1 }), { now: play.state.createdAt, inWork: [], begunNow: [] });
        expect('events' in decision, type).toBe(allowed.includes(type));
        if ('refusal' in decision) expect(decision.refusal.allowed).toEqual(allowed);
      }
    }), RUNS);
  });

  test('an aborted release begins nothing after the command and ends without asking anybody', () => {
    fc.assert(fc.property(script, fc.nat(60), (s, at) => {
      const play = new Play({ ...s, failsBack: () => false, commands: {} });
      for (let n = 0; n < at && !isTerminal(play.state.situation.status); n++) play.run1();
      if (play.state.situation.status === 'rolling-back' || !play.send(command('abort'))) return;
      const begun = play.acts.length;
      const { state, acts } = play.run();
      expect(acts.slice(begun).every(({ direction }) => direction === 'back')).toBe(true);
      expect(['aborted', 'rollback-incomplete']).toContain(state.situation.status);
    }), RUNS);
  });
});

describe('a release that is being aborted', () => {
  test('takes no command that would start something new', () => {
    fc.assert(fc.property(script, fc.nat(60), (s, at) => {
      const play = new Play({ ...s, commands: {} });
      for (let n = 0; n < at && !isTerminal(play.state.situation.status); n++) play.run1();
      if (play.state.situation.status === 'rolling-back' || !play.send(command('abort'))) return;
      for (const type of ['pause', 'retry', 'skip', 'promote', 'jump'] as const) expect(play.send(command(type)), type).toBe(false);
    }), RUNS);
  });
});

describe('laws of a target', () => {
  const event = (host: string): fc.Arbitrary<Stored<TargetEvent>> =>
    fc.record({ step: fc.constantFrom(...STEPS), direction: fc.constantFrom('forward' as const, 'back' as const), kind: fc.constantFrom('target-step-begun', 'target-step-succeeded', 'target-check-failed', 'target-step-failed') }).map(({ step, direction, kind }) => {
      const key = { host, epoch: 1, direction, round: 0, step };
      const result = step === 'start' ? { processes: { web: { pid: 1, startTicks: 2, bootId: 'b' } } } : {};
      const data = kind === 'target-step-succeeded' ? { ...key, result, durationMs: 1, repeated: false } : kind === 'target-step-failed' || kind === 'target-check-failed' ? { ...key, durationMs: 1, failure: { class: 'host', code: 'c', message: 'm', next: 'n' } } : key;
      return { type: kind, data, id: `${host}${step}`, version: 1, at: '2026-01-01T00:00:00.000Z', actor: SIGNALBOX } as Stored<TargetEvent>;
    });

  test('forward and back on one target commute: a late forward result leaves the same state', () => {
    fc.assert(fc.property(fc.array(event('a'), { maxLength: 12 }), (events) => {
      const forward = events.filter(({ data }) => 'direction' in data && data.direction === 'forward');
      const back = events.filter(({ data }) => 'direction' in data && data.direction === 'back');
      const fold = (list: readonly Stored<TargetEvent>[]) => list.reduce(evolveTarget, initialTarget('a', 'z'));
      expect(fold([...forward, ...back])).toEqual(fold([...back, ...forward]));
    }), RUNS);
  });

  test('an event of an older round changes nothing', () => {
    fc.assert(fc.property(event('a'), (old) => {
      const newer = { ...old, data: { ...old.data, round: 3 } } as Stored<TargetEvent>;
      const state = evolveTarget(initialTarget('a', 'z'), newer);
      const direction = 'direction' in old.data ? old.data.direction : 'forward';
      expect(evolveTarget(state, old)[direction]).toEqual(state[direction]);
    }), RUNS);
  });
});

/** One answer for the first target that waits for one. */
function answersFor({ situation }: Play['state']): Readonly<Record<string, Choice>> {
  const progress = 'progress' in situation ? situation.progress : null;
  return Object.fromEntries((progress === null ? [] : unanswered(progress)).slice(0, 1).map((host) => [host, 'retry']));
}

/** A pause may only stop the clock of a bake. */
function frozen(before: Play['state'], play: Play): Play['state']['situation'] {
  const { situation } = before;
  const after = play.state.situation;
  if (situation.status === 'rolling-back' && after.status === 'rolling-back') return { ...situation, rollback: { ...situation.rollback, bake: after.rollback.bake } };
  if ((situation.status === 'pre-release' || situation.status === 'releasing' || situation.status === 'post-release') && after.status === situation.status) {
    return { ...situation, progress: { ...situation.progress, bake: after.progress.bake } };
  }
  return situation;
}
