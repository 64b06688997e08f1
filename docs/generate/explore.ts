/**
 * Walks through every state a small release can reach: at each one all outcomes of its next step are tried, and all commands. The
 * pages about states and commands are what was met on the way, so they cannot say anything the code does not do.
 */
import { makePlan } from '../../domain/plan/make-plan.ts';
import { CHOICES, choicesFor, isUnknown } from '../../domain/release/answer.ts';
import { toCome } from '../../domain/release/batch-order.ts';
import { decide } from '../../domain/release/decide.ts';
import { evolve, initialRelease } from '../../domain/release/evolve.ts';
import { anyJump } from '../../domain/release/jump.ts';
import { nextStep } from '../../domain/release/next-step.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Command, CommandType, Refusal } from '../../domain/release/commands.ts';
import type { Choice, CoreEvent, Stored } from '../../domain/release/events.ts';
import type { NextStep } from '../../domain/release/next-step.ts';
import type { Progress, ReleaseState } from '../../domain/release/state.ts';
import type { FailedTarget, Status } from '../../domain/vocabulary.ts';

/** One change of status, and what made it. `by` is the command, or null when the release did it by itself. */
export interface Transition {
  readonly from: Status;
  readonly to: Status;
  readonly event: CoreEvent;
  readonly by: CommandType | null;
}

/** What one command gives in one reached state. */
export interface Tried {
  readonly state: ReleaseState;
  readonly command: CommandType;
  readonly refusal: Refusal['code'] | null;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: readonly Transition[];
  readonly tried: readonly Tried[];
}

/** Every event happens at this moment, so that two ways to one state make it once; waits end in `LATER_MS`. */
const AT = '2026-01-01T00:00:00.000Z';
const NOW_MS = Date.parse(AT);
const LATER_MS = NOW_MS + 365 * 86_400_000;
const ROUNDS_MAX = 1;
const HOSTS = ['a', 'b', 'c'] as const;

const BASE: StrategySpec = {
  name: 'explored',
  bastion: { count: 1, bakeSeconds: 10, promote: 'auto' },
  batches: { percent: [33], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: 1, bakeSeconds: 5, advance: 'auto' },
  tolerance: { perBatch: 0, total: 0 },
  onFailure: 'rollback',
  rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
  postRelease: { watchSeconds: 5 },
  pause: { deadlineHours: 1, then: 'stay' },
  deadlines: { stepSeconds: 1, targetSeconds: 1, progressSeconds: 1, releaseSeconds: 1, rollbackSeconds: 1 },
};

/** Strategies that between them lead everywhere. */
const STRATEGIES: readonly StrategySpec[] = [
  BASE,
  { ...BASE, onFailure: 'hold', pause: { deadlineHours: 1, then: 'rollback' } },
  { ...BASE, bastion: { ...BASE.bastion, promote: 'manual' }, batches: { ...BASE.batches, advance: 'manual' }, pause: { deadlineHours: 1, then: 'abort' } },
  { ...BASE, signOff: 'after-bastion', onFailure: 'ask', batches: { ...BASE.batches, pauseSeconds: 5 } },
];

/** The commands an operator can send; a retry or skip without names means every failed target. null: an answer that is none to what failed. */
const COMMANDS: readonly ((state: ReleaseState) => Command | null)[] = (['pause', 'resume', 'abort', 'promote', 'approve', 'reject', 'retry', 'skip', 'rollback', 'emergency', 'jump', ...CHOICES] as const).map((word, at, words) => (state) => {
  const base = { id: 'c', by: { kind: 'token', name: 'operator' }, reason: 'asked' } as const;
  if (word === 'jump') return { ...base, type: word, to: anyJump(state) ?? HOSTS.length - 1 };
  if (word === 'emergency' || word === 'rollback') return { ...base, type: 'rollback', mode: word === 'emergency' ? 'emergency' : 'regular' };
  if (word === 'skip' || (word === 'retry' && words.indexOf(word) === at)) return { ...base, type: word, targets: null };
  if (isChoice(word)) return answersTo(state, word) === null ? null : { ...base, type: 'answer', choices: answersTo(state, word) ?? {} };
  return { ...base, type: word };
});

function isChoice(word: string): word is Choice {
  return CHOICES.some((choice) => choice === word);
}

function answersTo({ situation }: ReleaseState, choice: Choice): Readonly<Record<string, Choice>> | null {
  const failed = 'progress' in situation ? (situation.progress?.failed ?? []) : [];
  if (!failed.every((target) => choicesFor(target).includes(choice))) return null;
  return Object.fromEntries(failed.map(({ host }) => [host, choice]));
}

export function explore(): Exploration {
  const seen = new Set<string>();
  const transitions = new Map<string, Transition>();
  const tried: Tried[] = [];
  const open: ReleaseState[] = STRATEGIES.flatMap((strategy) => [requested(strategy, 'rollout'), requested(strategy, 'rollback')]);
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const key = keyOf(state);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const commandFor of COMMANDS) {
      const command = commandFor(state);
      if (command === null) continue;
      const decision = decide(state, command, { now: AT, ...atWork(state) });
      tried.push({ state, command: command.type, refusal: 'refusal' in decision ? decision.refusal.code : null });
      if ('events' in decision) open.push(...walk(state, [decision.events], command.type, transitions));
    }
    open.push(...walk(state, outcomes(state), null, transitions));
  }
  return { states: seen.size, transitions: [...transitions.values()], tried };
}

/** What decisions depend on. Two states that differ only in words or counts are one. */
function keyOf({ request, situation, paused, aborting }: ReleaseState): string {
  const pause = paused && [paused.cause, paused.deadline !== null, paused.quiet];
  return JSON.stringify([request.kind, STRATEGIES.indexOf(request.strategy), pause, aborting !== null, situationKey(situation)]);
}

function situationKey(situation: ReleaseState['situation']): unknown {
  switch (situation.status) {
    case 'queued':
    case 'preparing':
      return situation;
    case 'pre-release':
    case 'releasing':
      return [situation.status, progressKey(situation.progress), toCome(situation.plan, situation.progress)];
    case 'post-release':
      return [situation.status, situation.progress.stage, situation.progress.bake, situation.mismatches, situation.progress.failed.length + situation.progress.excluded.length > 0];
    case 'rolling-back': {
      const { mode, stage, index, batches, bake, then, unrestored } = situation.rollback;
      return [situation.status, mode, stage, index, batches.length, bake, then, unrestored.length > 0];
    }
    default:
      return [situation.status, (situation.progress?.begun.length ?? 0) > 0];
  }
}

function progressKey({ debt: _debt, later: _later, failed: list, ...progress }: Progress): unknown {
  return { ...progress, failed: list.map((target) => (isUnknown(target) ? [target.host, 'unknown'] : target.host)) };
}

/** The states after each of the outcomes; changes of status on the way are kept. */
function walk(state: ReleaseState, ways: readonly (readonly CoreEvent[])[], by: CommandType | null, transitions: Map<string, Transition>): readonly ReleaseState[] {
  return ways.map((events) =>
    events.reduce((before, event) => {
      const after = evolve(before, stored(event));
      const [from, to] = [before.situation.status, after.situation.status];
      const cause = event.type === 'rollback-started' ? event.data.cause : '';
      if (from !== to) transitions.set([from, to, event.type, cause, by].join(' '), { from, to, event, by });
      return after;
    }, state),
  );
}

/** What may come of the next step, good and bad. */
function outcomes(state: ReleaseState): readonly (readonly CoreEvent[])[] {
  const now = nextStep(state, NOW_MS);
  const step = now.do === 'wait' && now.untilMs !== null ? nextStep(state, LATER_MS) : now;
  switch (step.do) {
    case 'record':
      return [step.events];
    case 'acquire':
      return [
        [{ type: 'pool-acquired', data: { epoch: 1 } }],
        [{ type: 'release-queued', data: { behind: 'r-other' } }],
        [{ type: 'release-rejected', data: { code: 'pool-busy', reason: 'busy' } }],
      ];
    case 'observe':
      return [[], [failed('a', 'observe')]].map((list) => [{ type: 'targets-observed', data: { inService: HOSTS, failed: list } }]);
    case 'plan':
      return [planned(state)];
    case 'stage':
      return [[], [failed('b', 'stage')]].map((list) => [{ type: 'targets-staged', data: { failed: list } }]);
    case 'compare':
      return [[{ type: 'pool-compared', data: { left: [], joined: [], scaleOut: null, note: null } }]];
    case 'audit':
      return [[], [{ host: 'a', expected: 'v2', observed: 'v1' }]].map((mismatches) => [{ type: 'audit-finished', data: { mismatches } }]);
    case 'roll':
    case 'restore':
      return batches(step);
    case 'wait':
      return step.for === 'pool' ? [[{ type: 'pool-acquired', data: { epoch: 1 } }], [{ type: 'release-rejected', data: { code: 'superseded', reason: 'superseded' } }]] : [];
    case 'done':
      return [];
    default:
      return unknownStep(step);
  }
}

/** All good, or the first host sick or stopped by a hook that nobody knows the end of, and the others not begun. Endless retries lead nowhere new. */
function batches(step: Extract<NextStep, { do: 'roll' | 'restore' }>): readonly (readonly CoreEvent[])[] {
  const { index, hosts } = step;
  const [first = '', ...rest] = hosts;
  if (step.do === 'restore') {
    return [
      [{ type: 'rollback-batch-finished', data: { index, restored: hosts.length, untouched: 0, failed: [] } }],
      [{ type: 'rollback-batch-finished', data: { index, restored: rest.length, untouched: 0, failed: [failed(first, 'verify')] } }],
    ];
  }
  const { part, round } = step;
  const good: CoreEvent = { type: 'batch-finished', data: { index, part, round, succeeded: hosts.length, failed: [], untouched: [] } };
  const bad = { type: 'batch-finished', data: { index, part, round, succeeded: 0, failed: [failed(first, 'verify')], untouched: rest } } as const;
  const unknown: CoreEvent = { ...bad, data: { ...bad.data, failed: [cutOff(first, step.steps[0] ?? 'admit')] } };
  return round < ROUNDS_MAX ? [[good], [bad], [unknown]] : [[good]];
}

/** While a batch is in work its first host is the one that is begun. */
function atWork(state: ReleaseState): { readonly inWork: readonly string[]; readonly begunNow: readonly string[] } {
  const step = nextStep({ ...state, paused: null, aborting: null }, NOW_MS);
  const hosts = step.do === 'roll' ? step.hosts.slice(0, 1) : [];
  return { inWork: hosts, begunNow: hosts };
}

function planned({ request }: ReleaseState): readonly CoreEvent[] {
  const hosts = HOSTS.map((name) => ({ name, zone: 'z', inService: true }));
  const made = makePlan({ pool: { name: 'web', capacity: { minInServicePercent: 50 } }, strategy: request.strategy, hosts, changes: [], allowOutage: false, reason: null });
  if ('refusals' in made) throw new Error(`The explored fleet cannot be planned: ${made.refusals[0]?.message}`);
  const plan = request.kind === 'rollback' ? { ...made.plan, batches: [], restore: HOSTS } : made.plan;
  return [{ type: 'plan-made', data: { plan } }];
}

function requested(strategy: StrategySpec, kind: 'rollout' | 'rollback'): ReleaseState {
  const hosts = HOSTS.map((name) => ({ name, zone: 'z' }));
  const data = {
    id: 'r', kind, pool: 'web', environment: 'prod', applications: ['web'], changes: [], strategy, hosts, requestedBy: 'ci', reason: null, busy: 'queue' as const,
    allowOutage: false, adopt: false, rollbackOf: null, restoreFrom: null, mode: null,
  };
  return initialRelease({ type: 'release-requested', data, id: '', version: 1, at: AT, actor: SIGNALBOX });
}

function failed(host: string, step: FailedTarget['step']): FailedTarget {
  return { host, step, failure: { class: 'bad-build', code: 'health-timeout', message: 'sick', next: 'fix it' } };
}

function cutOff(host: string, step: FailedTarget['step']): FailedTarget {
  return { host, step, failure: { class: 'host', code: 'unknown-outcome', message: 'cut off', next: 'look', stoppedBy: { hook: 'web/0', unknown: true, at: { round: 0, done: [] } } } };
}

/** The store gives epochs; one is as good as another here. */
function stored(event: CoreEvent): Stored<CoreEvent> {
  const data = 'epoch' in event.data ? { ...event.data, epoch: 1 } : event.data;
  return { ...event, data, id: '', version: 0, at: AT, actor: SIGNALBOX } as Stored<CoreEvent>;
}

function unknownStep(step: never): never {
  throw new Error(`The exploration does not know the step ${JSON.stringify(step)}`);
}
