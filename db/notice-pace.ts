/** How often listeners are told that a release went on: whoever follows it sees ten steps a second as well as fifty. */

/** A listener is told at most so often, and at the latest so long after an append. */
export const NOTICE_EVERY_MS = 100;

export class NoticePace {
  readonly #tell: (release: string) => Promise<unknown>;
  /** releases that were told of just now; true: something was appended since */
  readonly #told = new Map<string, boolean>();

  /** @param tell tells listeners of a release by itself, after its last append of a busy moment */
  constructor(tell: (release: string) => Promise<unknown>) {
    this.#tell = tell;
  }

  /** Whether the append at hand is to tell listeners; else they are told later, of it and of those that follow. */
  isDue(release: string): boolean {
    if (this.#told.has(release)) {
      this.#told.set(release, true);
      return false;
    }
    this.#rest(release);
    return true;
  }

  #rest(release: string): void {
    this.#told.set(release, false);
    setTimeout(() => {
      const isOwed = this.#told.get(release) === true;
      this.#told.delete(release);
      if (!isOwed) return;
      this.#rest(release);
      // Nothing hangs on it: followers look by themselves every few seconds.
      this.#tell(release).catch(() => undefined);
    }, NOTICE_EVERY_MS).unref();
  }
}
