/** Time that passes only when everybody waits for it: real promises run on it without sleeping. */
export class VirtualClock {
  nowMs = 0;
  readonly #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ untilMs: this.nowMs + ms, wake }));
  }

  /** Lets time pass until the work has ended. */
  async until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const ended = work.finally(() => (over = true));
    ended.catch(() => undefined);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over) return ended;
      const next = this.#sleepers.toSorted((a, b) => a.untilMs - b.untilMs)[0];
      if (next === undefined) throw new Error('Everybody waits, and nobody for the clock');
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
      this.nowMs = next.untilMs;
      next.wake();
    }
  }
}
