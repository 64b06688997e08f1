/**
 * Everything that can happen to a small release, in every order: breadth first over states that differ in what decides, each visited once.
 * Nothing is drawn, so two runs give the same counts. Words, moments and counts that no decision reads make no difference between states.
 */
import { toCome } from '../../domain/release/batch-order.ts';
import { progressOf } from '../../domain/release/evolve.ts';
import { outOfService } from '../../domain/release/start-rollback.ts';
import { commandOf } from './drawn.ts';
import { laws } from './laws.ts';
import { apply, type Move } from './moves.ts';
import { STRATEGY, type Setup } from './setup.ts';
import { openWorld, type World } from './world.ts';
import type { Coverage } from './coverage.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Progress, RollbackProgress } from '../../domain/release/state.ts';

export interface Walked {
  readonly states: number;
  readonly transitions: number;
  /** statuses it can end in */
  readonly ends: readonly string[];
}

/** One strategy for each thing a failure can lead to, and one that asks about its bastion. A fleet of four has two lanes; a smaller one would lose too much. */
const BASE: StrategySpec = { ...STRATEGY, bastion: { count: 1, bakeSeconds: 0, promote: 'auto' }, batches: { ...STRATEGY.batches, percent: [50], maxParallel: 2, bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };
export const SMALL_STRATEGIES: Readonly<Record<'rollback' | 'hold' | 'ask' | 'sign-off', StrategySpec>> = {
  rollback: BASE,
  hold: { ...BASE, onFailure: 'hold' },
  ask: { ...BASE, onFailure: 'ask', tolerance: { perBatch: 1, total: 1 } },
  'sign-off': { ...BASE, onFailure: 'hold', signOff: 'after-bastion' },
};

/** Unless said otherwise half of the fleet may be out: of four that is two, one for each lane. */
export function smallSetup(strategy: StrategySpec, targets: number, minInServicePercent = 50): Setup {
  return { hosts: Array.from({ length: targets }, (_, index) => ({ name: `h${index}`, zone: 'z', standing: 'serving' })), strategy, kind: 'rollout', minInServicePercent };
}

/** What people send: everything there is, or what stops and turns a release, and no more. */
export type People = 'everything' | 'pause, resume and rollback';

/** Throws the law that is broken, with the shortest way to it. */
export function walk(setup: Setup, coverage: Coverage, people: People = 'everything'): Walked {
  const first = openWorld(setup, coverage.watching(laws));
  const seen = new Map<string, Seen>([[keyOf(first), { from: null, move: null }]]);
  const ends = new Set<string>();
  let transitions = 0;
  let level: World[] = [first];
  while (level.length > 0) {
    const next: World[] = [];
    for (const world of level) {
      const from = keyOf(world);
      const moves = movesOf(world, people);
      if (moves.length === 0) ends.add(world.state.situation.status);
      for (const move of moves) {
        const after = tried(world, move, () => wayTo(seen, from));
        if (after === null) continue;
        transitions++;
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.set(key, { from, move });
        next.push(after);
      }
    }
    level = next;
  }
  return { states: seen.size, transitions, ends: [...ends] };
}

interface Seen {
  readonly from: string | null;
  readonly move: Move | null;
}

function tried(world: World, move: Move, way: () => readonly Move[]): World | null {
  try {
    return apply(world, move);
  } catch (error) {
    const moves = [...way(), move].map((one) => JSON.stringify(one));
    throw new Error(`${(error as Error).message}\nafter ${moves.length} moves: ${moves.join(', ')}`, { cause: error });
  }
}

function wayTo(seen: ReadonlyMap<string, Seen>, key: string): readonly Move[] {
  const moves: Move[] = [];
  for (let at = seen.get(key); at?.move != null; at = at.from === null ? undefined : seen.get(at.from)) moves.push(at.move);
  return moves.reverse();
}

const ROUNDS_MAX = 1;
const GOOD = { end: 'good', steps: 0, effect: false } as const;
/** Success, failure, a host that goes away, one that is still in work. */
const TURNS = [GOOD, { end: 'sick', steps: 0, effect: false }, { end: 'unreachable', steps: 1, effect: true }, { end: 'stays', steps: 3, effect: false }] as const;
const DRAWN = { emergency: false, who: 'all', nth: 0, choice: 'retry' } as const;

function movesOf(world: World, people: People): readonly Move[] {
  const { state, work } = world;
  if ('finishedAt' in state.situation) return [];
  const moves: Move[] = work === null ? [0, 1, 2].map((outcome) => ({ do: 'advance', outcome })) : work.running.flatMap((_, lane) => TURNS.map((turn): Move => ({ do: 'work', lane, ...turn })));
  for (const command of people === 'everything' ? commandsOf(world) : STOP_AND_TURN) moves.push({ do: 'send', command: commandOf(world, { ...DRAWN, ...command }) });
  moves.push({ do: 'lose', goesOnFrom: 'carried' });
  for (const which of world.stray.keys()) moves.push({ do: 'stray', which });
  return moves;
}

/** Of two and of three hosts the second, which comes after the bastion. */
const NOT_BEGUN = 7;

type Sent = Partial<Parameters<typeof commandOf>[1]> & Pick<Parameters<typeof commandOf>[1], 'type'>;

const STOP_AND_TURN: readonly Sent[] = [{ type: 'pause' }, { type: 'resume' }, { type: 'rollback' }];

/** Who retries without end gets nowhere new. */
function commandsOf({ state }: World): readonly Sent[] {
  const round = progressOf(state.situation)?.round ?? 0;
  const signOffs: readonly Sent[] = state.request.strategy.signOff === 'after-bastion' ? [{ type: 'approve' }, { type: 'reject' }] : [];
  const anew: readonly Sent[] = round < ROUNDS_MAX ? [{ type: 'retry' }, { type: 'answer', choice: 'retry' }] : [];
  return [...anew, { type: 'pause' }, { type: 'resume' }, { type: 'rollback' }, { type: 'rollback', emergency: true }, { type: 'abort' }, { type: 'skip' }, { type: 'skip', who: 'any', nth: NOT_BEGUN }, { type: 'answer', choice: 'exclude' }, { type: 'answer', choice: 'fail' }, { type: 'jump' }, ...signOffs];
}

/** What decisions, laws and moves still read: of an ended release nothing, of the way forward behind a rollback who it left out of service. */
function keyOf(world: World): string {
  const { state, truths, work, stray, touched, unheard } = world;
  const { situation, paused, aborting, compared } = state;
  if ('finishedAt' in situation) return situation.status;
  const progress = progressOf(situation);
  return JSON.stringify([
    situation.status,
    'behind' in situation ? situation.behind : 'inService' in situation ? [situation.inService !== null, situation.plan !== null, situation.staged, situation.failed.length] : 'mismatches' in situation ? situation.mismatches?.length : null,
    progress === null ? null : situation.status === 'rolling-back' ? outOfService(progress, world.plan?.batches[0]?.hosts ?? []).toSorted() : progressKey(progress),
    'rollback' in situation && situation.rollback !== null ? rollbackKey(situation.rollback) : null,
    situation.status === 'pre-release' || situation.status === 'releasing' ? toCome(situation.plan, situation.progress) : null,
    paused === null ? null : [paused.cause, paused.quiet],
    aborting !== null,
    compared == null ? null : compared.left.length,
    Object.values(truths).map(({ digest, process, admin, begun }) => `${digest}${process}${admin}${begun === null || begun === 'drain' ? begun : 'further'}`),
    work === null ? null : [work.step.do, work.pending, work.running.map(({ host, todo }) => host + todo?.length), work.begun.length, work.untouched, hostsOf(work.failed), work.succeeded],
    stray.map(({ host, todo }) => host + todo?.length),
    touched.length,
    unheard.toSorted(),
  ]);
}

function progressKey({ batch, part, stage, round, hosts, begun, failed, braked, excluded, answers, signedOff }: Progress): unknown {
  return [batch, part, stage, round, hosts, begun.length, hostsOf(failed), braked, excluded.toSorted(), answers, signedOff];
}

function rollbackKey({ mode, batches, index, stage, unrestored, then }: RollbackProgress): unknown {
  return [mode, batches.slice(index), stage, hostsOf(unrestored), then];
}

function hostsOf(failed: readonly { readonly host: string }[]): readonly string[] {
  return failed.map(({ host }) => host).toSorted();
}
