/** An executor whose line is bad: one of its calls is answered by the host, and the answer arrives late. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Executor } from '../../drivers/executors/port.ts';

/** @param nth which call, counted from 1 */
export function heldUp(executor: Executor, { nth, forMs }: { readonly nth: number; readonly forMs: number }): Executor {
  let calls = 0;
  return {
    driver: executor.driver,
    async run(host, verb, input, options) {
      calls += 1;
      const isLate = calls === nth;
      const answer = await executor.run(host, verb, input, options);
      if (isLate) await delay(forMs, undefined, { signal: options.signal });
      return answer;
    },
  };
}
