/** Who looks on while a modelled release goes its way: the laws, and the count of what was reached. */
import type { Command } from '../../domain/release/commands.ts';
import type { Decision } from '../../domain/release/decide.ts';
import type { CoreEvent, Stored } from '../../domain/release/events.ts';
import type { World } from './world.ts';

export interface Watch {
  /** a decision is about to be written down under this number */
  readonly onDecision: (world: World, decision: number) => void;
  readonly onEvent: (before: World, event: Stored<CoreEvent>, after: World) => void;
  /** a lane takes up a host; `world` has it in its lanes already */
  readonly onBegin: (world: World, host: string) => void;
  /** something changed on a host */
  readonly onAct: (before: World, host: string, after: World) => void;
  readonly onCommand: (world: World, command: Command, decision: Decision) => void;
  /** whatever follows by itself has followed */
  readonly onRest: (world: World) => void;
}
