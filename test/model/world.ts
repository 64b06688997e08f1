/**
 * One release in the making, as a value: the real state, folded by the real `evolve`, beside the truth on its hosts and what is in work.
 * `moves.ts` says what may happen to it. The laws are judged while it happens, by whoever watches.
 */
import { evolve, initialRelease, progressOf } from '../../domain/release/evolve.ts';
import { nextStep } from '../../domain/release/next-step.ts';
import { SIGNALBOX, isTerminal } from '../../domain/vocabulary.ts';
import { imagesAtStart, imagesBefore, planOf } from './setup.ts';
import type { DecideContext } from '../../domain/release/decide.ts';
import type { CoreEvent, Stored } from '../../domain/release/events.ts';
import type { NextStep } from '../../domain/release/next-step.ts';
import type { ReleaseState } from '../../domain/release/state.ts';
import type { Streak } from '../../domain/release/streak.ts';
import type { Actor, FailedTarget, Step } from '../../domain/vocabulary.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { Setup } from './setup.ts';
import type { Truth } from './truth.ts';
import type { Watch } from './watch.ts';

export type BatchStep = Extract<NextStep, { do: 'roll' | 'restore' }>;

/** A host in a lane; `todo` null: its restore has not fenced it yet. */
export interface Running {
  readonly host: string;
  readonly todo: readonly Step[] | null;
}

/** A batch in its lanes. */
export interface Work {
  readonly step: BatchStep;
  readonly pending: readonly string[];
  readonly running: readonly Running[];
  readonly begun: readonly string[];
  readonly untouched: readonly string[];
  readonly succeeded: number;
  /** restores only: hosts that nothing had reached */
  readonly untouchedOnArrival: number;
  readonly failed: readonly FailedTarget[];
  readonly streak: Streak;
}

/** The stream, newest first: worlds of one walk share what they have in common. */
export interface Log {
  readonly event: Stored<CoreEvent>;
  readonly before: Log | null;
}

export interface World {
  readonly setup: Setup;
  readonly plan: Plan | null;
  /** hosts as they stood before the release */
  readonly before: Readonly<Record<string, Truth>>;
  readonly state: ReleaseState;
  readonly log: Log;
  readonly nowMs: number;
  readonly truths: Readonly<Record<string, Truth>>;
  readonly work: Work | null;
  /** hosts that a step forward was begun on: what a rollback must restore */
  readonly touched: readonly string[];
  /** hosts whose activity lives on although a rollback took them out of their lanes, until they are fenced */
  readonly stray: readonly Running[];
  /** hosts in work, or failed, when the way back was planned: it takes them to be out of service, whether they were drained yet or not */
  readonly takenForOut: readonly string[];
  /** hosts that failed after the way back was planned, or in a batch nobody waited for: they may be out of service, and its batches do not know it */
  readonly unheard: readonly string[];
  /** the number of the last decision that was written down: each has one of its own */
  readonly decision: number;
  readonly epoch: number;
  /** by the stream: hosts that were ever left out, and how often a rollback was begun */
  readonly leftOut: readonly string[];
  readonly rollbacks: number;
  readonly watch: Watch;
}

export const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

export function openWorld(setup: Setup, watch: Watch): World {
  const { hosts, kind, strategy } = setup;
  const requested: Stored<Extract<CoreEvent, { type: 'release-requested' }>> = {
    type: 'release-requested', id: 'r/1', version: 1, at: isoOf(START_MS), actor: SIGNALBOX,
    data: {
      id: 'r', kind, pool: 'web', environment: 'prod', applications: ['web'], changes: [{ application: 'web', version: '2' }], strategy,
      hosts: hosts.map(({ name, zone }) => ({ name, zone })), requestedBy: 'ci', reason: null, busy: 'queue', allowOutage: true, adopt: false,
      rollbackOf: null, restoreFrom: null, mode: null,
    },
  };
  const truths = imagesAtStart(setup);
  return {
    setup, plan: planOf(setup), before: imagesBefore(setup), state: initialRelease(requested), log: { event: requested, before: null }, nowMs: START_MS, truths,
    work: null, touched: kind === 'rollback' ? Object.keys(truths) : [], stray: [], takenForOut: [], unheard: [], decision: 0, epoch: 0, leftOut: [], rollbacks: 0, watch,
  };
}

/** What the workflow knows besides the log when somebody decides. */
export function contextOf({ work, nowMs }: World): DecideContext {
  return { now: isoOf(nowMs), inWork: work?.running.map(({ host }) => host) ?? [], begunNow: work?.begun ?? [] };
}

const CHAIN_MAX = 20;

/** Writes decisions down and folds them, as the store gives them back. Signalbox's own are followed by what needs no work in between. */
export function record(world: World, events: readonly CoreEvent[], actor: Actor = SIGNALBOX): World {
  if (events.length === 0) return world;
  const { decisions } = world.state;
  world.watch.onDecision(world, decisions);
  let after: World = { ...world, decision: decisions };
  for (const event of events) after = recordOne(after, event, actor);
  if (actor !== SIGNALBOX) return after;
  for (let chained = 0; chained < CHAIN_MAX; chained++) {
    const step = nextStep(after.state, after.nowMs);
    if (step.do !== 'record') return after;
    for (const event of step.events) after = recordOne(after, event, actor);
  }
  throw new Error(`More than ${CHAIN_MAX} decisions followed one another without any work`);
}

const RAISES = new Set<CoreEvent['type']>(['pool-acquired', 'rollback-started', 'targets-retried']);

function recordOne(world: World, event: CoreEvent, actor: Actor): World {
  const epoch = RAISES.has(event.type) ? world.epoch + 1 : world.epoch;
  const version = world.log.event.version + 1;
  const stored = { ...event, data: RAISES.has(event.type) ? { ...event.data, epoch } : event.data, id: `r/${version}`, version, at: isoOf(world.nowMs), actor } as Stored<CoreEvent>;
  const after: World = {
    ...world, epoch, state: evolve(world.state, stored), log: { event: stored, before: world.log },
    leftOut: event.type === 'targets-skipped' ? [...world.leftOut, ...event.data.hosts] : world.leftOut,
    rollbacks: world.rollbacks + (event.type === 'rollback-started' ? 1 : 0),
    unheard: unheardAfter(world, event),
    takenForOut: event.type === 'rollback-started' || event.type === 'rollback-escalated' ? [...contextOf(world).inWork, ...(progressOf(world.state.situation)?.failed.map(({ host }) => host) ?? [])] : world.takenForOut,
  };
  world.watch.onEvent(world, stored, after);
  return after;
}

function unheardAfter({ unheard, state: { situation } }: World, event: CoreEvent): World['unheard'] {
  if (event.type === 'rollback-batch-finished') return [...unheard, ...event.data.failed.map(({ host }) => host)];
  if (event.type !== 'rollback-escalated' || situation.status !== 'rolling-back') return unheard;
  return unheard.filter((host) => !situation.rollback.unrestored.some((one) => one.host === host));
}

/** A rollback, or the end, takes the work at hand out of its lanes: nobody waits for it, and until it is fenced it may still act. */
export function interrupted(world: World): World {
  const { work } = world;
  if (work === null) return world;
  const forward = work.step.do === 'roll' ? work.running.filter(({ todo }) => todo !== null && todo.length > 0) : [];
  return { ...world, work: null, stray: [...world.stray, ...forward], unheard: [...world.unheard, ...work.failed.map(({ host }) => host)] };
}

export function hasEnded({ state }: World): boolean {
  return isTerminal(state.situation.status);
}

/** The stream in its order. */
export function eventsOf({ log }: Pick<World, 'log'>): readonly Stored<CoreEvent>[] {
  const events: Stored<CoreEvent>[] = [];
  for (let at: Log | null = log; at !== null; at = at.before) events.push(at.event);
  return events.reverse();
}

const isoCache = new Map<number, string>();

/** Worlds meet the same moments again and again. */
export function isoOf(ms: number): string {
  const known = isoCache.get(ms);
  if (known !== undefined) return known;
  const text = new Date(ms).toISOString();
  if (isoCache.size < 100_000) isoCache.set(ms, text);
  return text;
}
