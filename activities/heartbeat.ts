/** Activities stay visibly alive from a timer of their own; the long ones learn of their cancellation by it. */
import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 800;

/** Runs `work` while heartbeating; the signal fires when the workflow cancelled or the worker shuts down. */
export async function alive<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { cancellationSignal, cancelled } = Context.current();
  return aliveToTheEnd(() => Promise.race([work(cancellationSignal), cancelled]));
}

/** Runs `work` while heartbeating, and lets nothing but its own end end it: what is written down must be told. */
export async function aliveToTheEnd<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Runs `work` on every item, at most `lanes` at a time; the first error ends it after the running ones have settled. */
export async function inLanes<T, R>(items: readonly T[], lanes: number, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
  return results;
}
