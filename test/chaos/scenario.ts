/** What a scenario is: which stories, which points are armed, and what else is done to the stack while they are told. */
import type { ChaosStack } from './stack.ts';
import type { Fault, Point } from './points.ts';
import type { Plot } from './story.ts';

export type Need = 'root' | 'faketime';

export interface RoundSetting {
  readonly random: () => number;
  readonly round: number;
  /** points that nobody has come by yet; only `points` minds */
  readonly pending: readonly Point[];
}

export interface Scenario {
  readonly name: string;
  readonly does: string;
  readonly needs: readonly Need[];
  /** one list of plots per pool, of which one is drawn */
  readonly plots: readonly (readonly Plot[])[];
  /** what users ask of each pool; default 15 */
  readonly requestsPerSecond?: number;
  /** a request may fail for no fault of Signalbox; else one that fails fails the run */
  readonly mayFailRequests?: true;
  readonly arms: (setting: RoundSetting) => readonly Armed[];
  /** Once, before its first round. */
  readonly prepare?: (stack: ChaosStack) => Promise<void>;
  /** Until the signal fires, while the stories are told. */
  readonly disturb?: (stack: ChaosStack, setting: RoundSetting, over: AbortSignal) => Promise<void>;
  /** Ends every disturbance that would keep releases from their end. */
  readonly calm?: (stack: ChaosStack) => Promise<void>;
  /** Once, after its last round: the stack is as before. */
  readonly restore?: (stack: ChaosStack) => Promise<void>;
}

export interface Armed {
  readonly point: Point;
  readonly fault: Fault;
  /** a point that the stories may miss without fault */
  readonly optional?: true;
}

export function drawn<T>(random: () => number, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error('Nothing to draw from');
  return one;
}

/** In another order, the same for the same numbers. */
export function shuffled<T>(random: () => number, from: readonly T[]): readonly T[] {
  return from.map((one) => ({ one, key: random() })).toSorted((a, b) => a.key - b.key).map(({ one }) => one);
}
