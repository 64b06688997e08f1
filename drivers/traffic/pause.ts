/** How often a balancer is asked while waiting: often at first, since most drains end at once, then seldom. */
import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_MS = 20;
const MAX_MS = 250;
const GROWTH = 1.4;

export interface Pauses {
  /** Waits for the next look, at most until `endMs` on the performance clock. Throws the signal's reason when aborted. */
  next(endMs: number, signal: AbortSignal): Promise<void>;
}

export function createPauses(): Pauses {
  let pauseMs = FIRST_MS;
  return {
    async next(endMs, signal) {
      signal.throwIfAborted();
      const leftMs = Math.max(1, endMs - performance.now());
      try {
        await sleep(Math.min(pauseMs, leftMs), undefined, { signal });
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
      pauseMs = Math.min(pauseMs * GROWTH, MAX_MS);
    },
  };
}
