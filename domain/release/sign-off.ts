/** A person's word for the bastion, where the strategy asks for one. */
import type { ReleaseState, Rolling } from './state.ts';

/** The whole bastion is installed and has baked, none of it has failed, and the strategy wants a person's word before it joins. */
export function isSignOffOpen({ request }: ReleaseState, { progress, plan }: Rolling): boolean {
  if (request.strategy.signOff !== 'after-bastion' || progress.part !== 'install' || progress.signedOff === true || progress.failed.length > 0) return false;
  const settled = progress.stage === 'settled' && progress.hosts.length === 0 && plan.batches[0]?.bakeSeconds === 0;
  return settled || progress.stage === 'baked';
}
