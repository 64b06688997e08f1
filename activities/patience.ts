/** A host that does not answer may only have hiccuped: it is asked again for a while before that counts. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Acting } from './host-call.ts';

/** In preparation, where every host is asked, a silence longer than this fails the release: nothing was touched yet. On the way back it leaves the host unrestored. */
export const HICCUP_MS = 5_000;

const AGAIN_MS = 500;

/** Repeats `work` while the host is unreachable, until `timeoutMs` have passed since the first try or the signal fired; then throws what it threw. */
export async function patient<T>({ signal, timeoutMs }: Pick<Acting, 'signal' | 'timeoutMs'>, work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isUnreachable = error instanceof Error && error.name === 'HostUnreachable';
      if (!isUnreachable || signal.aborted || performance.now() >= deadlineMs) throw error;
      await delay(AGAIN_MS);
    }
  }
}
