/** States this process folded last, so that a warm append needs no read. A wrong guess costs one more round trip, never a wrong fold. */
import type { ReleaseState } from '../domain/release/state.ts';
import type { TargetState } from '../domain/release/target.ts';

/** `version` of the projection row the state was read from or written to. */
export interface Guess<S> {
  readonly state: S;
  readonly version: number;
}

const CORES_MAX = 200;
const TARGETS_MAX = 2_000;

export class FoldCache {
  readonly cores = new Recent<ReleaseState>(CORES_MAX);
  readonly targets = new Recent<TargetState>(TARGETS_MAX);
}

/** Keeps the most recently set entries. */
class Recent<S> {
  readonly #entries = new Map<string, Guess<S>>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Guess<S> | undefined {
    return this.#entries.get(key);
  }

  set(key: string, guess: Guess<S>): void {
    this.#entries.delete(key);
    this.#entries.set(key, guess);
    if (this.#entries.size > this.#max) this.#dropOldest();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
