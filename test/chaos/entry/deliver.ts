/** Takes the place of worker/deliver.ts: struck when a message was claimed, before it goes out, and when it was delivered but nobody has noted it. */
import { deliver as real } from '../../../worker/deliver.ts';
import { isBroken, strike } from './ground.ts';

export const deliver: typeof real = async (deps, message) => {
  strike('delivery.claimed', message.release);
  // What a broken outbox looks like: the message counts as delivered and never was.
  if (message.kind === 'start' && isBroken('outbox')) return;
  strike('delivery.before', message.release);
  await real(deps, message);
  strike('delivery.after', message.release);
};
