/** Waiting for what a notification tells of by its id. The table is the source: a ring only says "look again", so none that is lost or early matters. */

export interface Bells {
  /** Whoever waits for this id looks again. */
  ring(id: string): void;
  /** Everybody looks again: listening began anew, and something may have been missed. */
  ringAll(): void;
  /**
   * Looks until there is something, or the signal aborts: then null. Looks at every ring, and without one every `lookMs`.
   * Throws what looking throws.
   */
  untilFound<T>(id: string, options: { readonly signal: AbortSignal; readonly lookMs: number }, look: () => Promise<T | null>): Promise<T | null>;
}

export function createBells(): Bells {
  const waiting = new Map<string, Set<() => void>>();
  const hear = (id: string, onRing: () => void): (() => void) => {
    const listeners = waiting.get(id) ?? new Set();
    waiting.set(id, listeners.add(onRing));
    return () => {
      listeners.delete(onRing);
      if (listeners.size === 0 && waiting.get(id) === listeners) waiting.delete(id);
    };
  };
  return {
    ring: (id) => waiting.get(id)?.forEach((onRing) => onRing()),
    ringAll: () => [...waiting.values()].forEach((listeners) => listeners.forEach((onRing) => onRing())),
    async untilFound(id, { signal, lookMs }, look) {
      // Heard before it is looked, so that nothing falls in between.
      const bell = rememberingBell();
      const leave = hear(id, bell.ring);
      try {
        while (!signal.aborted) {
          const found = await look();
          if (found !== null) return found;
          await bell.wait(lookMs, signal);
        }
        return null;
      } finally {
        leave();
      }
    },
  };
}

/** A ring while nobody waits is remembered once. */
function rememberingBell(): { readonly ring: () => void; readonly wait: (longestMs: number, signal: AbortSignal) => Promise<void> } {
  let isRung = false;
  let wake: (() => void) | null = null;
  return {
    ring: () => {
      isRung = true;
      wake?.();
    },
    wait: async (longestMs, signal) => {
      if (!isRung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const end = (): void => resolve();
        const timer = setTimeout(end, longestMs);
        signal.addEventListener('abort', end, { once: true });
        wake = end;
        await promise;
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        wake = null;
      }
      isRung = false;
    },
  };
}
