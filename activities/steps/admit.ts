/** Puts a host back where it stood before: a server that somebody else had drained stays drained. Then the second health list is asked. */
import { withTargetFence } from '../../db/fence.ts';
import { serverOf } from '../host-call.ts';
import { secondList } from './after-admit.ts';
import type { StepContext, StepDone } from '../target-step.ts';

export async function admit(context: StepContext): Promise<StepDone> {
  const { deps, inventory, input, acting, preImage } = context;
  const second = await secondList(context);
  await second?.resume();
  const { traffic: spec } = inventory.pool;
  if (spec.driver === 'none') return { result: { note: (await second?.ask()) ?? 'this pool has no traffic entry' } };
  const server = serverOf(inventory, acting.host);
  const { admin, weight } = input.direction === 'forward' && preImage.leftBy !== undefined ? preImage.leftBy : preImage.traffic;
  const wanted = { admin: admin === 'none' ? 'ready' : admin, weight } as const;
  const fence = <T>(write: () => Promise<T>): Promise<T> => withTargetFence(deps.db, input, write, { server, wanted });
  const observed = await deps.trafficFor(spec).admit(server, wanted, { signal: acting.signal, fence, timeoutMs: acting.timeoutMs });
  if (wanted.admin !== 'ready') return { result: { traffic: observed, note: `the server was in ${admin} before this release and stays so` } };
  const note = await second?.ask();
  return { result: { traffic: observed, ...(note === undefined ? {} : { note }) } };
}
