/** Takes the place of activities/target-step.ts: the same steps, with a name for what runs. */
import { runStep as real } from '../../../activities/target-step.ts';
import { at, during } from './acting.ts';

export * from '../../../activities/target-step.ts';

export const runStep: typeof real = (deps, step, input) =>
  during({ ...input, step }, () => {
    // The host program and the balancer have moments of their own before their intents; a look has none.
    if (step === 'verify') at('before-intent');
    return real(deps, step, input);
  });
