/** Laws of failures that people are asked about: played releases in which somebody answers, now and then wrongly. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unanswered } from '../../../domain/release/answer.ts';
import { isTerminal } from '../../../domain/vocabulary.ts';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { Choice } from '../../../domain/release/events.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const choice = fc.constantFrom<Choice>('retry', 'ignore', 'exclude');

const story = fc.record({
  hosts: fc.integer({ min: 4, max: 40 }),
  sick: fc.array(fc.nat(39), { minLength: 1, maxLength: 5 }),
  /** sick for this many rounds */
  rounds: fc.integer({ min: 1, max: 2 }),
  perBatch: fc.nat(2),
  total: fc.nat(3),
  choices: fc.array(choice, { minLength: 1, maxLength: 8 }),
});

type Story = (typeof story extends fc.Arbitrary<infer S> ? S : never) & { readonly sickInTraffic?: readonly string[] };

/** Plays to the end, answering one failed target after the other as the story says. */
function playAsked({ hosts, sick, rounds, perBatch, total, choices, sickInTraffic = [] }: Story): Play {
  const strategy: StrategySpec = { ...STRATEGY, onFailure: 'ask', tolerance: { perBatch, total } };
  const names = fleet(hosts).map(({ name }) => name);
  const ill = new Set(sick.map((index) => names[index % names.length]));
  const play = new Play({ hosts: fleet(hosts), strategy, failsForward: (host, round) => ill.has(host) && round < rounds, failsInTraffic: (host, round) => sickInTraffic.includes(host) && round < rounds });
  for (let n = 0; n < 400 && !isTerminal(play.state.situation.status); n++) {
    if (play.state.paused === null) play.run1();
    else {
      const [host] = asked(play.state);
      expect(play.send(command('answer', { choices: { [host as string]: choices[n % choices.length] as Choice } }))).toBe(true);
    }
  }
  return play;
}

function asked({ situation }: ReleaseState): readonly string[] {
  return 'progress' in situation && situation.progress !== null ? unanswered(situation.progress) : [];
}

const RUNS = { numRuns: 200 };

describe('a release that asks', () => {
  test('comes to its end whatever is answered, and every host is in service, debt, or both where its failure was ignored', () => {
    fc.assert(fc.property(story, (s) => {
      const { state, acts } = playAsked(s);
      expect(state.situation.status).toBe('succeeded');
      const debt = 'debt' in state.situation ? state.situation.debt : [];
      const out = new Set(debt.filter(({ cause }) => cause !== 'ignored').map(({ host }) => host));
      const begun = new Set(acts.map(({ host }) => host));
      for (const { name } of fleet(s.hosts)) expect(begun.has(name) || out.has(name)).toBe(true);
      expect(new Set(debt.map(({ host }) => host)).size).toBe(debt.length);
    }), RUNS);
  });

  test('runs a failed host again only when its own answer says so', () => {
    fc.assert(fc.property(story, (s) => {
      const { events } = playAsked(s);
      const failed = new Set<string>();
      const allowed = new Set<string>();
      for (const { type, data } of events) {
        if (type === 'batch-finished') {
          for (const { host } of data.failed) {
            failed.add(host);
            allowed.delete(host);
          }
        }
        if (type === 'failures-answered') for (const [host, given] of Object.entries(data.choices)) if (given === 'retry' || given === 'ignore') allowed.add(host);
        if (type === 'targets-retried') for (const host of data.hosts) if (failed.has(host)) expect(allowed.has(host), host).toBe(true);
        if (type === 'batch-started' && data.part !== 'join') for (const host of data.hosts) if (failed.has(host)) expect(allowed.has(host), host).toBe(true);
      }
    }), RUNS);
  });

  test('goes on only when every failed target of the question has an answer', () => {
    fc.assert(fc.property(story, (s) => {
      const { events, states } = playAsked(s);
      events.forEach(({ type }, index) => {
        if (type !== 'targets-retried' && type !== 'resumed') return;
        const before = states[index - 1] as ReleaseState;
        expect(asked(before)).toEqual([]);
      });
    }), RUNS);
  });
});

describe('a host whose checks fail once it is admitted', () => {
  test('serves and is no debt where that was ignored, and is begun once more for each answer that lets it run', () => {
    fc.assert(fc.property(story, ({ sick, ...s }) => {
      const names = fleet(s.hosts).map(({ name }) => name);
      const ill = new Set(sick.map((index) => names[index % names.length] as string));
      const { state, acts, events } = playAsked({ ...s, sick: [], sickInTraffic: [...ill], choices: s.choices });
      expect(state.situation.status).toBe('succeeded');
      const debt = 'debt' in state.situation ? state.situation.debt : [];
      const given = events.flatMap(({ type, data }) => (type === 'failures-answered' ? Object.entries(data.choices) : []));
      for (const host of ill) {
        const last = given.filter(([of]) => of === host).at(-1)?.[1];
        if (last === 'ignore') expect(debt.filter((owed) => owed.host === host)).toEqual([]);
        if (last === 'exclude') expect(debt).toContainEqual(expect.objectContaining({ host, cause: 'skipped' }));
        const joins = acts.filter((act) => act.host === host && act.part !== 'install').length;
        expect(joins).toBe(1 + given.filter(([of, choice]) => of === host && choice !== 'exclude').length);
      }
    }), RUNS);
  });
});

describe('a failed host within tolerance', () => {
  const tolerant = fc.record({ hosts: fc.integer({ min: 8, max: 60 }), sick: fc.array(fc.nat(59), { minLength: 1, maxLength: 3 }) });

  test('is never begun again by a later batch, and ends as debt', () => {
    fc.assert(fc.property(tolerant, ({ hosts, sick }) => {
      const names = fleet(hosts).map(({ name }) => name);
      const ill = new Set(sick.map((index) => names[index % names.length]));
      const play = new Play({ hosts: fleet(hosts), strategy: { ...STRATEGY, bastion: { ...STRATEGY.bastion, count: 0 }, tolerance: { perBatch: 3, total: 3 } }, failsForward: (host) => ill.has(host) });
      const { state, acts } = play.run();
      expect(state.situation).toMatchObject({ status: 'succeeded', debt: expect.anything() });
      const debt = 'debt' in state.situation ? state.situation.debt.map(({ host, cause }) => [host, cause]) : [];
      expect(new Set(debt.map(([host]) => host))).toEqual(ill);
      for (const host of ill) expect(acts.filter((act) => act.host === host)).toHaveLength(1);
    }), RUNS);
  });
});
