/** Takes the place of drivers/health/factory.ts. A verify changes nothing: its intent is the first question, its effect the verdict. */
import { createHealth as real } from '../../../drivers/health/factory.ts';
import { at, now } from './acting.ts';
import type { Health } from '../../../drivers/health/port.ts';

export function createHealth(): Health {
  const health = real();
  return {
    kind: health.kind,
    async verify(call) {
      const isOwn = now()?.step === 'verify';
      if (isOwn) at('after-intent');
      const { executor } = call;
      const asking = { ...executor, run: async (...words: Parameters<typeof executor.run>) => struckAfter(isOwn, await executor.run(...words)) };
      const verdict = await health.verify({ ...call, executor: asking });
      if (isOwn) at('after-effect');
      return verdict;
    },
  };
}

function struckAfter<T>(isOwn: boolean, answer: T): T {
  if (isOwn) at('mid-effect');
  return answer;
}
