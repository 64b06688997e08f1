/**
 * Puts a host back where it stood before: a server that somebody else had drained stays drained, and one whose flag is down stays out.
 * Then, if it serves, the second health list is asked.
 */
import { KeptOut } from '../../db/errors.ts';
import { withTargetFence } from '../../db/fence.ts';
import { leaveToFlags } from '../../db/flag-drains.ts';
import { admittedTo } from '../../domain/traffic-beneath.ts';
import { serverOf } from '../host-call.ts';
import { secondList } from './after-admit.ts';
import type { WantedTraffic } from '../../drivers/traffic/port.ts';
import type { StepContext, StepDone } from '../target-step.ts';

export async function admit(context: StepContext): Promise<StepDone> {
  const { deps, inventory, input, acting, preImage } = context;
  const second = await secondList(context);
  await second?.resume();
  const { traffic: spec, name: pool } = inventory.pool;
  if (spec.driver === 'none') return { result: { note: (await second?.ask()) ?? 'this pool has no traffic entry' } };
  const server = serverOf(inventory, acting.host);
  const { admin, weight } = admittedTo(preImage, input.direction);
  const wanted = { admin: admin === 'none' ? 'ready' : admin, weight } as const;
  const into = wanted.admin === 'ready' ? { into: pool } : {};
  const fence = <T>(write: () => Promise<T>): Promise<T> => withTargetFence(deps.db, { ...input, ...into }, write, { server, wanted });
  try {
    const observed = await deps.trafficFor(spec).admit(server, wanted, { signal: acting.signal, fence, timeoutMs: acting.timeoutMs });
    if (wanted.admin !== 'ready') return { result: { traffic: observed, note: `the server was in ${admin} before this release and stays so` } };
    const note = await second?.ask();
    return { result: { traffic: observed, ...(note === undefined ? {} : { note }) } };
  } catch (error) {
    if (!(error instanceof KeptOut)) throw error;
    return keptOut(context, wanted, error);
  }
}

/** The host is done but stays out: from now on it is the flags' to bring in. Unless they are up again by now. */
async function keptOut(context: StepContext, { weight }: WantedTraffic, { owners, message }: KeptOut): Promise<StepDone> {
  const { deps, inventory, input, acting } = context;
  const { traffic: spec, name: pool } = inventory.pool;
  const server = serverOf(inventory, acting.host);
  const { release, epoch, host } = input;
  acting.signal.throwIfAborted();
  if (!(await leaveToFlags(deps.db, { release, epoch, host, pool, server, weight }))) return admit(context);
  const [traffic] = await deps.trafficFor(spec).observe([server], acting.signal);
  return { result: { ...(traffic === undefined ? {} : { traffic }), keptOut: owners, note: message } };
}
