/**
 * Where a target goes on that a hook has stopped: at the same step, under the same opIds, so that whatever was done answers what it did
 * and is not done twice; only the hook itself is taken as done, or run again under an opId of its own.
 */

export interface Resumption {
  /** the round in whose opIds the step acted */
  readonly round: number;
  /** hooks of the step that count as done, whatever the host says; each as `application/index` */
  readonly done: readonly string[];
  /** hooks that are run again, and the round of their opId; absent: none */
  readonly rounds?: Readonly<Record<string, number>>;
}

/** The hook that ended a step. */
export interface StoppedBy {
  /** `application/index`: its place in the application's list */
  readonly hook: string;
  /** it was cut off, nobody knows whether it took effect, and it may not be run twice. Absent: it failed */
  readonly unknown?: true;
  /** how the step stood, this hook not counted */
  readonly at: Resumption;
}

/** On from the hook: it counts as done. */
export function afterHook({ hook, at }: StoppedBy): Resumption {
  return { ...at, done: [...at.done, hook] };
}

/** On with the hook: it is run again. `round` must be one that this target has not had. */
export function hookAgain({ hook, at }: StoppedBy, round: number): Resumption {
  return { ...at, rounds: { ...at.rounds, [hook]: round } };
}
