/** Waiting between attempts: doubling from 200 ms to 5 s, with a spread so that a hundred CI jobs do not knock at the same moment. */

const FIRST_MS = 200;
const LONGEST_MS = 5000;

/** Delay before attempt number `attempt` (0 = the first repetition), between half and all of the doubled time. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random());
}

/** Resolves after `durationMs`, at once when `signal` aborts: whoever waits looks at the signal afterwards. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal?.addEventListener('abort', done);
  });
}
