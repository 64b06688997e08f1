/** What must be done about one server so that it serves exactly when every flag of its host is up. Decided anew in every round, from what is seen. */
import type { ObservedTraffic } from './release/target.ts';

/** A server that flags took out: how it stood before, and whether the drain was ever read back. */
export interface FlagDrain {
  readonly server: string;
  /** it was ready with this weight */
  readonly weight: number | null;
  readonly confirmed: boolean;
}

export interface KeepingInput {
  /** whether any flag but the release's is down */
  readonly lowered: boolean;
  /** whether the release's flag is down */
  readonly held: boolean;
  readonly drain: FlagDrain | null;
  readonly seen: ObservedTraffic;
  /** the process that answers now may never have been told of the drain: it was started later */
  readonly forgotten: boolean;
}

/**
 * - `take-out`: drain it, if the floor allows, and remember how it stood.
 * - `drain-again`: our drain was lost.
 * - `confirm`: our drain is seen.
 * - `bring-back`: every flag is up; put it back as it stood, the drain unconfirmed first, so that a flag lowered right then finds it to be written again.
 * - `forget`: it stands as it stood before, and is nobody's any more.
 * - `foreign-ready`, `foreign-maint`: somebody else set it so; told and left alone.
 */
export type Keeping = 'nothing' | 'take-out' | 'drain-again' | 'confirm' | 'bring-back' | 'forget' | 'foreign-ready' | 'foreign-maint';

/**
 * A server that is out by somebody else's hand is not touched, and one that a release holds out is never brought back. While a drain
 * of ours stands, a release's hold keeps it, too: otherwise a reload of the balancer would let a half-installed host in.
 */
export function keepingOf({ lowered, held, drain, seen, forgotten }: KeepingInput): Keeping {
  if (drain === null) return lowered && seen.admin === 'ready' ? 'take-out' : 'nothing';
  if (!lowered && !held) return wayIn(drain, seen);
  if (seen.admin !== 'ready') return drain.confirmed && !forgotten ? 'nothing' : 'confirm';
  return drain.confirmed && !forgotten ? 'foreign-ready' : 'drain-again';
}

function wayIn(drain: FlagDrain, seen: ObservedTraffic): Keeping {
  if (seen.admin === 'ready' && (drain.weight === null || seen.weight === drain.weight)) return 'forget';
  return seen.admin === 'maint' ? 'foreign-maint' : 'bring-back';
}
