/** Takes the place of drivers/traffic/factory.ts: the same drivers, struck at their moments, each write witnessed right after it. */
import { createTraffic as real } from '../../../drivers/traffic/factory.ts';
import { at, now, witness } from './acting.ts';
import { isBroken } from './ground.ts';
import type { ObservedTraffic } from '../../../domain/release/target.ts';
import type { Fence, Traffic } from '../../../drivers/traffic/port.ts';

export function createTraffic(spec: Parameters<typeof real>[0]): Traffic {
  const traffic = real(spec);
  return {
    ...traffic,
    drain: (server, options) => acted('drain', 'drain', () => traffic.drain(server, { ...options, fence: struck(options.fence, 'drain', 'drain') })),
    admit: (server, wanted, options) => acted('admit', wanted.admin, () => traffic.admit(server, wanted, { ...options, fence: struck(options.fence, 'admit', wanted.admin) })),
  };
}

async function acted(what: 'drain' | 'admit', mark: string, act: () => Promise<ObservedTraffic>): Promise<ObservedTraffic> {
  // A drain of the step admit (a failed second list) is no moment of its own.
  const isOwn = now()?.step === what;
  if (isOwn) at('before-intent');
  witness('begun', what, mark);
  const shown = await act();
  if (isOwn) at('after-effect');
  return shown;
}

/** Inside the fence the wish is remembered and the lock held: that is the intent of a write. */
function struck(fence: Fence, what: 'drain' | 'admit', mark: string): Fence {
  return (write) => {
    const held: Fence = isBroken('fencing') ? (unfenced) => unfenced() : fence;
    return held(async () => {
      at('after-intent');
      const answer = await write();
      witness('done', what, mark);
      at('mid-effect');
      return answer;
    });
  };
}
