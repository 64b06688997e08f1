/** Waiting in tests: for a condition, never for a time. */
import { setTimeout as delay } from 'node:timers/promises';

/** Asks until the answer is neither false nor null nor undefined, and returns it. Throws with `what` at the deadline. */
export async function until<T>(what: string, ask: () => Promise<T | false | null | undefined> | T | false | null | undefined, timeoutMs = 15_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await delay(10);
  }
}
