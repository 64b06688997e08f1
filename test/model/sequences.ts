/** Releases played by lot: fast-check draws a fleet, a strategy and what happens; the laws are judged after every move. */
import fc from 'fast-check';
import { Coverage } from './coverage.ts';
import { drawnMoves, drawnSetup, type Stage } from './drawn.ts';
import { laws } from './laws.ts';
import { apply, type Move } from './moves.ts';
import { openWorld, type World } from './world.ts';

export interface SequencesAsked {
  readonly sequences: number;
  readonly seed: number;
  /** of a failed run: plays only that one */
  readonly path?: string;
  readonly replay?: string;
}

export interface SequencesPlayed {
  readonly sequences: number;
  readonly seconds: number;
  /** of the processor: what the machine has to spare does not count */
  readonly cpuSeconds: number;
  readonly coverage: Coverage;
  /** what was broken and how to see it again; null: nothing was */
  readonly broken: string | null;
}

/** What a release has behind it when the sequence begins, so that late and rare situations are met as often as early ones: good moves, then trouble. */
const opening = fc.record({ moves: fc.constantFrom(0, 4, 8, 12, 20, 30), trouble: fc.constantFrom('none', 'none', 'none', 'none', 'failure', 'retried failure', 'retried failure', 'failure in a pause', 'resumed with failures') });
type Opening = typeof opening extends fc.Arbitrary<infer T> ? T : never;

export function playSequences({ sequences, seed, path, replay }: SequencesAsked): SequencesPlayed {
  const coverage = new Coverage();
  const watch = coverage.watching(laws);
  const property = fc.property(drawnSetup, opening, drawnMoves(replay === undefined ? {} : { replayPath: replay }), (setup, before, moves) => {
    const stage: Stage = { world: opened(openWorld(setup, watch), before) };
    fc.modelRun(() => ({ model: stage, real: stage }), moves);
  });
  const [began, beganCpu] = [performance.now(), process.cpuUsage()];
  const details = fc.check(property, { numRuns: sequences, seed, ...(path === undefined ? {} : { path }) });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(beganCpu);
  return { sequences: details.numRuns, seconds, cpuSeconds: (user + system) / 1e6, coverage, broken: details.failed ? brokenOf(details) : null };
}

const GOOD: Move = { do: 'work', lane: 0, end: 'good', steps: 0, effect: false };
const SICK: Move = { do: 'work', lane: 0, end: 'sick', steps: 0, effect: false };
const LANES_MAX = 4;

function opened(world: World, { moves, trouble }: Opening): World {
  let now = world;
  for (let move = 0; move < moves; move++) now = wellGone(now);
  if (trouble === 'none') return now;
  for (let move = 0; move < LANES_MAX && now.work === null; move++) now = wellGone(now);
  if (trouble === 'failure in a pause' || trouble === 'resumed with failures') now = apply(now, sent('pause')) ?? now;
  now = apply(now, SICK) ?? now;
  for (let move = 0; move < LANES_MAX; move++) now = apply(now, GOOD) ?? now;
  if (trouble === 'resumed with failures') return apply(now, sent('resume')) ?? now;
  return trouble === 'retried failure' ? (apply(now, sent('retry')) ?? now) : now;
}

function sent(type: 'pause' | 'resume' | 'retry'): Move {
  const base = { id: 'c', by: { kind: 'token', name: 'operator' }, reason: 'asked' } as const;
  return { do: 'send', command: type === 'retry' ? { ...base, type, targets: null } : { ...base, type } };
}

function wellGone(world: World): World {
  return apply(world, world.work === null ? { do: 'advance', outcome: 0 } : GOOD) ?? apply(world, { do: 'wait' }) ?? world;
}

/** Everything that leads to the same run again. */
function brokenOf<T>({ counterexample, counterexamplePath, errorInstance, seed }: fc.RunDetails<T>): string {
  const [setup, before, moves] = (counterexample ?? []) as readonly unknown[];
  const replay = /replayPath=(".*?")/.exec(String(moves))?.[1] ?? '""';
  return [
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    `fleet and strategy: ${JSON.stringify(setup)}`,
    `opening: ${JSON.stringify(before)}`,
    `moves: ${String(moves)}`,
    `to see it again: npm run model -- --seed ${seed} --path ${counterexamplePath ?? ''} --replay ${replay}`,
  ].join('\n');
}
