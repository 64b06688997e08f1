/** Releases and what happens to them, drawn by lot. */
import fc from 'fast-check';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { CHOICES, unanswered } from '../../domain/release/answer.ts';
import { allowedCommands } from '../../domain/release/decide.ts';
import { progressOf } from '../../domain/release/evolve.ts';
import { anyJump } from '../../domain/release/jump.ts';
import { ENDS } from './lanes.ts';
import { apply, type Move } from './moves.ts';
import { STRATEGY, type Setup } from './setup.ts';
import type { Command, CommandType } from '../../domain/release/commands.ts';
import type { Choice } from '../../domain/release/events.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { World } from './world.ts';

/** The release a sequence plays on; each command moves it along. */
export interface Stage {
  world: World;
}

const strategy: fc.Arbitrary<StrategySpec> = fc
  .record({
    bastions: fc.constantFrom(1, 0, 2),
    percent: fc.constantFrom([33], [50], [25], [20, 30, 50]),
    mode: fc.constantFrom('barrier' as const, 'window' as const),
    maxParallel: fc.constantFrom(10, 1, 2),
    bakeSeconds: fc.constantFrom(0, 5),
    pauseSeconds: fc.constantFrom(0, 0, 5),
    manual: fc.constantFrom(false, false, true),
    promote: fc.constantFrom('auto' as const, 'auto' as const, 'manual' as const),
    tolerance: fc.constantFrom({ perBatch: 0, total: 0 }, { perBatch: 1, total: 2 }, { perBatch: 9, total: 9, consecutive: 1 }),
    late: fc.constantFrom(null, { afterPercent: 50, failuresMax: 1 }),
    signOff: fc.constantFrom(null, null, 'after-bastion' as const),
    onFailure: fc.constantFrom('rollback' as const, 'hold' as const, 'ask' as const),
    on: fc.constantFrom(['bastion' as const, 'tolerance' as const], []),
    back: fc.constantFrom('regular' as const, 'emergency' as const),
    then: fc.constantFrom('stay' as const, 'rollback' as const, 'abort' as const),
    watchSeconds: fc.constantFrom(0, 5),
  })
  .map((s) => ({
    ...STRATEGY,
    bastion: { count: s.bastions, bakeSeconds: s.bakeSeconds, promote: s.promote },
    batches: { ...STRATEGY.batches, percent: s.percent, mode: s.mode, maxParallel: s.maxParallel, bakeSeconds: s.bakeSeconds, pauseSeconds: s.pauseSeconds, advance: s.manual ? 'manual' : 'auto' },
    signOff: s.signOff,
    late: s.late,
    tolerance: s.tolerance,
    onFailure: s.onFailure,
    rollback: { on: s.on, mode: s.back, batchPercent: null },
    pause: { deadlineHours: 1, then: s.then },
    postRelease: { watchSeconds: s.watchSeconds },
  }));

const host = fc.record({ zone: fc.constantFrom('east', 'west'), standing: fc.constantFrom('serving' as const, 'serving' as const, 'serving' as const, 'serving' as const, 'serving' as const, 'drained' as const, 'empty' as const, 'passed' as const) });

/** Mostly a rollout, and fleets one can read in a report. */
export const drawnSetup: fc.Arbitrary<Setup> = fc
  .record({ hosts: fc.array(host, { minLength: 1, maxLength: 8, size: 'max' }), strategy, kind: fc.constantFrom('rollout' as const, 'rollout' as const, 'rollout' as const, 'rollout' as const, 'rollout' as const, 'rollback' as const), minInServicePercent: fc.constantFrom(50, 0, 66) })
  .map((setup) => ({ ...setup, hosts: setup.hosts.map(({ zone, standing }, index) => ({ name: `h${index}`, zone, standing })) }));

/** A move as it was drawn: numbers that mean something only where the release stands. */
class Happens implements fc.Command<Stage, Stage> {
  readonly #what: string;
  readonly #move: (world: World) => Move;
  constructor(what: string, move: (world: World) => Move) {
    this.#what = what;
    this.#move = move;
  }
  check(): boolean {
    return true;
  }
  run(_: Stage, stage: Stage): void {
    stage.world = apply(stage.world, this.#move(stage.world)) ?? stage.world;
  }
  toString(): string {
    return this.#what;
  }
}

const happens = (move: Move): Happens => new Happens(move.do === 'advance' ? `advance(${move.outcome})` : JSON.stringify(move), () => move);

const advance = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2).map((outcome) => happens({ do: 'advance', outcome }));

const work = fc
  .record({ lane: fc.nat(3), end: fc.constantFrom('good' as const, 'good' as const, 'good' as const, 'good' as const, 'good' as const, 'good' as const, ...ENDS), steps: fc.nat(5), effect: fc.boolean() })
  .map((turn) => new Happens(`work(${JSON.stringify(turn)})`, ({ work: batch }) => ({ do: 'work', ...turn, lane: turn.lane % Math.max(1, batch?.running.length ?? 0) })));

/** A skip is refused for the most different reasons, some of them rare, so it is sent twice as often as the others. */
const drawnCommand = fc
  .record({ type: fc.constantFrom(...COMMAND_TYPES, 'skip' as const), isApt: fc.boolean(), emergency: fc.boolean(), who: fc.constantFrom('all' as const, 'all' as const, 'one' as const, 'any' as const), nth: fc.nat(7), choice: fc.constantFrom(...CHOICES) })
  .map((drawn) => new Happens(`send(${JSON.stringify(drawn)})`, (world) => ({ do: 'send', command: commandOf(world, drawn.isApt ? { ...drawn, type: allowedOr(world, drawn) } : drawn) })));

/** Half of what people send is sent where it fits. */
function allowedOr({ state }: World, { type, nth }: DrawnCommand): CommandType {
  const allowed = allowedCommands(state);
  return allowed[nth % allowed.length] ?? type;
}

const others = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Move>({ do: 'wait' }) },
  { weight: 1, arbitrary: fc.constantFrom<Move[]>({ do: 'deadline', awayMs: 0 }, { do: 'deadline', awayMs: 60_000 }) },
  { weight: 1, arbitrary: fc.nat(2).map((which): Move => ({ do: 'stray', which })) },
  { weight: 1, arbitrary: fc.constantFrom<Move[]>({ do: 'lose', goesOnFrom: 'stream' }, { do: 'lose', goesOnFrom: 'carried' }) },
).map(happens);

/** Several of a kind make it likelier. */
export const drawnMoves = (options: fc.CommandsContraints = {}): fc.Arbitrary<Iterable<fc.Command<Stage, Stage>>> => fc.commands<Stage, Stage>([advance, advance, work, work, work, drawnCommand, others], { maxCommands: 40, size: 'max', ...options });

interface DrawnCommand {
  readonly type: CommandType;
  readonly emergency: boolean;
  readonly who: 'all' | 'one' | 'any';
  readonly nth: number;
  readonly choice: Choice;
}

/** Names are drawn from those that failed, where any did: others are refused anyway, and `any` draws them. */
export function commandOf({ state, setup }: World, { type, emergency, who, nth, choice }: DrawnCommand): Command {
  const base = { id: 'c', by: { kind: 'token', name: 'operator' }, reason: 'asked' } as const;
  const progress = progressOf(state.situation);
  const failed = progress?.failed.map(({ host: name }) => name) ?? [];
  const pick = (names: readonly string[]): readonly string[] => (names.length === 0 ? [] : [names[nth % names.length] as string]);
  const every = setup.hosts.map(({ name }) => name);
  switch (type) {
    case 'rollback':
      return { ...base, type, mode: emergency ? 'emergency' : 'regular' };
    case 'retry':
    case 'skip':
      return { ...base, type, targets: who === 'all' ? null : pick(who === 'one' && failed.length > 0 ? failed : every) };
    case 'jump':
      return { ...base, type, to: who === 'all' ? (anyJump(state) ?? nth) : nth };
    case 'answer': {
      const asked = progress === null ? [] : unanswered(progress);
      const hosts = who === 'all' ? asked : pick(who === 'one' ? asked : every);
      return { ...base, type, choices: Object.fromEntries(hosts.map((name) => [name, choice])) };
    }
    default:
      return { ...base, type };
  }
}
