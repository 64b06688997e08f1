/** What may happen to a modelled release at any moment. A move that cannot happen now gives null. */
import { countedFromMs, judgeDeadline, runningDeadlines } from '../../domain/release/deadlines.ts';
import { decide } from '../../domain/release/decide.ts';
import { evolve, initialRelease } from '../../domain/release/evolve.ts';
import { nextStep } from '../../domain/release/next-step.ts';
import { isTerminal } from '../../domain/vocabulary.ts';
import { actAstray, actInLane, fillLanes, openLanes } from './lanes.ts';
import { contextOf, eventsOf, hasEnded, interrupted, record } from './world.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { NextStep } from '../../domain/release/next-step.ts';
import type { Turn } from './lanes.ts';
import type { World } from './world.ts';

/**
 * `advance`: the next step is taken, with one of its outcomes; 0 is the good one. `work`: something happens in a lane. `wait`: the time of the
 * pause, the bake or the rest at hand is over. `deadline`: the nearest one has come, unless something of ours was away meanwhile. `stray`: an
 * activity that was given up acts. `lose`: the worker is lost, and another one goes on from the stream, or from what a run carried into the next.
 */
export type Move =
  | { readonly do: 'advance'; readonly outcome: number }
  | ({ readonly do: 'work'; readonly lane: number } & Turn)
  | { readonly do: 'send'; readonly command: Command }
  | { readonly do: 'wait' }
  | { readonly do: 'deadline'; readonly awayMs: number }
  | { readonly do: 'stray'; readonly which: number }
  | { readonly do: 'lose'; readonly goesOnFrom: 'stream' | 'carried' };

export function apply(world: World, move: Move): World | null {
  const moved = applyOnly(world, move);
  if (moved === null) return null;
  const rested = settle(moved);
  world.watch.onRest(rested);
  return rested;
}

function applyOnly(world: World, move: Move): World | null {
  switch (move.do) {
    case 'advance':
      return advance(world, move.outcome);
    case 'work':
      return actInLane(world, move.lane, move);
    case 'send':
      return send(world, move.command);
    case 'wait':
      return wait(world);
    case 'deadline':
      return deadline(world, move.awayMs);
    case 'stray':
      return actAstray(world, move.which);
    case 'lose':
      return { ...world, state: move.goesOnFrom === 'stream' ? refolded(world) : (JSON.parse(JSON.stringify(world.state)) as World['state']) };
  }
}

/** What follows by itself: lanes take up hosts, a batch finishes, a paused release in which nobody is in work says so. */
function settle(world: World): World {
  const now = fillLanes(world);
  const { paused } = now.state;
  const isQuiet = paused !== null && !paused.quiet && (now.work === null || now.work.running.length === 0);
  return isQuiet ? record(now, [{ type: 'quiet-reached', data: {} }]) : now;
}

function advance(world: World, outcome: number): World | null {
  if (world.work !== null) return null;
  const step = nextStep(world.state, world.nowMs);
  if (step.do === 'roll' || step.do === 'restore') return outcome === 0 ? openLanes(world, step) : null;
  const events = outcomesOf(world, step)[outcome];
  return events === undefined ? null : record(world, events);
}

type Outcomes = readonly (readonly CoreEvent[])[];

function outcomesOf({ plan, setup }: World, step: NextStep): Outcomes {
  const [first = ''] = 'hosts' in step ? step.hosts : setup.hosts.map(({ name }) => name);
  const failed = (at: 'observe' | 'stage') => [{ host: first, step: at, failure: { class: 'host', code: 'unreachable', message: 'gone', next: 'look' } }] as const;
  const acquired: CoreEvent = { type: 'pool-acquired', data: { epoch: 0 } };
  switch (step.do) {
    case 'record':
      return [step.events];
    case 'acquire':
      return [[acquired], [{ type: 'release-queued', data: { behind: 'r-other' } }], [{ type: 'release-rejected', data: { code: 'pool-busy', reason: 'busy' } }]];
    case 'observe':
      return [[], failed('observe')].map((list) => [{ type: 'targets-observed', data: { inService: setup.hosts.filter(({ standing }) => standing === 'serving' || standing === 'passed').map(({ name }) => name), failed: list } }]);
    case 'plan':
      if (plan === null) return [[{ type: 'release-failed', data: { failure: { class: 'refused', code: 'contradiction', message: 'cannot be planned', next: 'change it' } } }]];
      return [[{ type: 'plan-made', data: { plan } }]];
    case 'stage':
      return [[], failed('stage')].map((list) => [{ type: 'targets-staged', data: { failed: list } }]);
    case 'compare':
      return [[], [first]].map((left) => [{ type: 'pool-compared', data: { left, joined: [], scaleOut: null, note: null } }]);
    case 'audit':
      return [[], [{ host: first, expected: '2', observed: '1' }]].map((mismatches) => [{ type: 'audit-finished', data: { mismatches } }]);
    case 'wait':
      return step.for === 'pool' ? [[acquired], [{ type: 'release-rejected', data: { code: 'superseded', reason: 'superseded' } }]] : [];
    default:
      return [];
  }
}

function send(world: World, command: Command): World {
  const decision = decide(world.state, command, contextOf(world));
  world.watch.onCommand(world, command, decision);
  if ('refusal' in decision) return world;
  return afterCommand(record(world, decision.events, command.by), decision.events);
}

function afterCommand(world: World, events: readonly CoreEvent[]): World {
  const { situation, aborting } = world.state;
  const goesBack = events.some(({ type }) => type === 'rollback-started' || type === 'rollback-escalated');
  const ends = goesBack || isTerminal(situation.status) || (aborting !== null && (situation.status === 'preparing' || situation.status === 'post-release'));
  return ends ? interrupted(world) : world;
}

/** The clock of a pause rings wherever the release stands; bakes and rests end when nothing else is to be done. */
function wait(world: World): World | null {
  const { state, nowMs, work } = world;
  const step = work === null || state.paused !== null ? nextStep(state, nowMs, contextOf(world)) : null;
  if (step?.do !== 'wait' || step.untilMs === null) return null;
  const later = { ...world, nowMs: Math.max(nowMs, step.untilMs) };
  const then = nextStep(later.state, later.nowMs, contextOf(later));
  return then.do === 'record' ? afterCommand(record(later, then.events), then.events) : later;
}

function deadline(world: World, awayMs: number): World | null {
  const [first] = runningDeadlines(world.state);
  if (first === undefined || hasEnded(world)) return null;
  const now = { ...world, nowMs: Math.max(world.nowMs, first.atMs) };
  const fromMs = countedFromMs(now.state, first.which) ?? now.nowMs;
  const inWork = contextOf(now).inWork.map((host) => ({ host, doing: 'verify' }));
  const judged = judgeDeadline(now.state, { which: first.which, atMs: now.nowMs, fromMs, awayMs, isAway: false, away: awayMs > 0 ? ['the balancer'] : [], inWork });
  return record(now, judged.events);
}

/** The stream, read again after a way through JSON, is all that another worker has: it must stand where the lost one stood. */
function refolded(world: World): World['state'] {
  const [requested, ...events] = JSON.parse(JSON.stringify(eventsOf(world))) as ReturnType<typeof eventsOf>;
  if (requested?.type !== 'release-requested') throw new Error('A stream begins with release-requested');
  const state = events.reduce((folded, event) => evolve(folded, event), initialRelease(requested));
  if (JSON.stringify(state) !== JSON.stringify(world.state)) throw new Error('The stream folds to another state than the one at hand');
  return state;
}
