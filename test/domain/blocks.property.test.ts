/** Who is behind a rollback, over played releases: people who send commands, answer and refuse bastions, and strategies that act by themselves. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heldApplications } from '../../domain/blocks.ts';
import { unanswered } from '../../domain/release/answer.ts';
import { progressOf } from '../../domain/release/evolve.ts';
import { nextStep } from '../../domain/release/next-step.ts';
import { isTerminal } from '../../domain/vocabulary.ts';
import { command, fleet, Play, STRATEGY } from './release/simulated-release.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { Choice } from '../../domain/release/events.ts';

const story = fc.record({
  hosts: fc.integer({ min: 4, max: 20 }),
  sick: fc.array(fc.nat(19), { maxLength: 3 }),
  onFailure: fc.constantFrom<StrategySpec['onFailure']>('ask', 'hold', 'rollback'),
  then: fc.constantFrom<StrategySpec['pause']['then']>('rollback', 'abort'),
  word: fc.constantFrom<'approve' | 'reject'>('approve', 'reject'),
  choices: fc.array(fc.constantFrom<Choice>('ignore', 'exclude', 'fail'), { minLength: 1, maxLength: 4 }),
  /** before this step somebody sends it */
  sends: fc.record({ at: fc.nat(40), type: fc.constantFrom<Command['type']>('rollback', 'abort', 'pause') }),
  /** the question is left to the deadline of the pause */
  isSilent: fc.boolean(),
});

type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

/** Plays to the end; answers how the rollback began, null when there was none. */
function rollbackOf({ hosts, sick, onFailure, then, word, choices, sends, isSilent }: Story): { readonly isPersons: boolean; readonly held: readonly string[] } | null {
  const names = fleet(hosts).map(({ name }) => name);
  const ill = new Set(sick.map((index) => names[index % names.length]));
  const strategy: StrategySpec = { ...STRATEGY, onFailure, signOff: 'after-bastion', pause: { deadlineHours: 1, then } };
  const play = new Play({ hosts: fleet(hosts), strategy, failsForward: (host) => ill.has(host) });
  for (let n = 0; n < 300 && !isTerminal(play.state.situation.status); n++) {
    const said = n === sends.at ? command(sends.type) : wordOf(play, { word, choices, isSilent, n });
    const isSaid = said !== null && play.send(said);
    if (!isSaid) play.run1();
    const started = play.events.at(-1);
    if (started?.type === 'rollback-started') return { isPersons: isSaid && said.type !== 'abort', held: heldApplications(play.state, started.data.cause) };
  }
  return null;
}

/** What a person says to what the release waits for. */
function wordOf({ state, nowMs }: Play, { word, choices, isSilent, n }: Pick<Story, 'word' | 'choices' | 'isSilent'> & { readonly n: number }): Command | null {
  const step = nextStep(state, nowMs);
  if (step.do !== 'wait') return null;
  if (step.for === 'sign-off') return command(word);
  const progress = progressOf(state.situation);
  const [host] = step.for === 'resume' && progress !== null && !isSilent ? unanswered(progress) : [];
  return host === undefined ? null : command('answer', { choices: { [host]: choices[n % choices.length] as Choice } });
}

test('a rollback holds the applications exactly where a person wanted it, in whatever words', () => {
  let [persons, strategys] = [0, 0];
  fc.assert(fc.property(story, (s) => {
    const rollback = rollbackOf(s);
    if (rollback === null) return;
    if (rollback.isPersons) persons++;
    else strategys++;
    expect(rollback.held).toEqual(rollback.isPersons ? ['web'] : []);
  }), { numRuns: 500 });
  // Nothing is promised where nothing was played.
  expect(Math.min(persons, strategys)).toBeGreaterThan(50);
});
