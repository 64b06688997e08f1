/** Which pairs of a situation and what happened in it were met: events that were written, commands that were applied or refused. */
import { situationOf } from '../../docs/generate/states.ts';
import type { ReleaseState } from '../../domain/release/state.ts';
import type { Watch } from './watch.ts';

export class Coverage {
  readonly met = new Map<string, number>();

  count(state: ReleaseState, what: string): void {
    const pair = `${nameOf(state)} × ${what}`;
    this.met.set(pair, (this.met.get(pair) ?? 0) + 1);
  }

  /** Judges as `laws` does, and counts. */
  watching(laws: Watch): Watch {
    return {
      ...laws,
      onEvent: (before, event, after) => {
        this.count(before.state, event.type);
        laws.onEvent(before, event, after);
      },
      onCommand: (world, command, decision) => {
        this.count(world.state, `${command.type}: ${'refusal' in decision ? decision.refusal.code : 'applied'}`);
        laws.onCommand(world, command, decision);
      },
    };
  }
}

/** The situations of the generated page, and the stages between them by their own names. */
export function nameOf(state: ReleaseState): string {
  const known = situationOf(state);
  if (known !== null) return known;
  const { situation } = state;
  return 'progress' in situation ? `${situation.status}, ${situation.progress?.stage ?? 'ready'}` : situation.status;
}
