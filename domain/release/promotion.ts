/** The person that a strategy wants before the next batch: whoever asks whether one is waited for asks here. */
import { waitsAfter } from './batch-order.ts';
import type { StrategySpec } from '../inventory.ts';
import type { Rolling } from './state.ts';

/** Nobody has promoted the batch at hand yet, and somebody must before the next one begins. A bastion that joins was promoted before. */
export function asksForPromotion(strategy: StrategySpec, rolling: Pick<Rolling, 'plan' | 'progress'>): boolean {
  const { batch, promoted, part } = rolling.progress;
  return !promoted && part !== 'join' && waitsAfter(strategy, rolling, batch).manual;
}

/** The same, and nothing else is left to be done first: the batch has baked, or has no host left and needs no bake. */
export function awaitsPromotion(strategy: StrategySpec, rolling: Pick<Rolling, 'plan' | 'progress'>): boolean {
  const { stage, batch, hosts } = rolling.progress;
  const isThrough = stage === 'baked' || (stage === 'settled' && hosts.length === 0 && waitsAfter(strategy, rolling, batch).bakeSeconds === 0);
  return isThrough && asksForPromotion(strategy, rolling);
}
