/** Puts a host back where it stood before: a server that somebody else had drained stays drained. */
import { withTargetFence } from '../../db/fence.ts';
import { serverOf } from '../host-call.ts';
import type { StepContext, StepDone } from '../target-step.ts';

export async function admit({ deps, inventory, input, acting, preImage }: StepContext): Promise<StepDone> {
  const { traffic: spec } = inventory.pool;
  if (spec.driver === 'none') return { result: { note: 'this pool has no traffic entry' } };
  const server = serverOf(inventory, acting.host);
  const { admin, weight } = input.direction === 'forward' && preImage.leftBy !== undefined ? preImage.leftBy : preImage.traffic;
  const wanted = { admin: admin === 'none' ? 'ready' : admin, weight } as const;
  const fence = <T>(write: () => Promise<T>): Promise<T> => withTargetFence(deps.db, input, write, { server, wanted });
  const observed = await deps.trafficFor(spec).admit(server, wanted, { signal: acting.signal, fence, timeoutMs: acting.timeoutMs });
  return { result: { traffic: observed, ...(admin === 'ready' || admin === 'none' ? {} : { note: `the server was in ${admin} before this release and stays so` }) } };
}
