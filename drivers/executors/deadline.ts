/** The time a call may take and the abort of its caller, as one signal. */
import type { RunOptions } from './port.ts';

/**
 * Does the work under a signal that aborts with `late()` once `timeoutMs` are over, or with the caller's own reason. Whatever the
 * work throws is thrown on, so it should throw the reason of the signal when that ends it.
 */
export async function withinTime<T>({ timeoutMs, signal }: RunOptions, late: () => Error, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(signal.reason);
  const timer = setTimeout(() => ending.abort(late()), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
