/**
 * Puts a host back where it stood before, at one entry after the other: a server that somebody else had drained stays drained, and one
 * whose flag is down stays out. What one entry does not take, the next ones are not given. Then, if it serves, the second health list is
 * asked.
 */
import { KeptOut } from '../../db/errors.ts';
import { withTargetFence } from '../../db/fence.ts';
import { leaveToFlags } from '../../db/flag-drains.ts';
import { admittedTo } from '../../domain/traffic-beneath.ts';
import { FLAG_OWNERS } from '../../domain/flags.ts';
import { secondList } from './after-admit.ts';
import { hasEntry, placesNow, shownAt } from './places.ts';
import type { FlagOwner } from '../../domain/flags.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { StandingPlace } from './places.ts';
import type { StepContext, StepDone } from '../target-step.ts';

export async function admit(context: StepContext): Promise<StepDone> {
  await context.begun;
  const second = await secondList(context);
  await second?.resume();
  const places = await placesNow(context);
  if (!hasEntry(places)) return { result: { note: (await second?.ask()) ?? 'this pool has no traffic entry' } };
  const endMs = performance.now() + context.acting.timeoutMs;
  const admitted: Admitted[] = [];
  for (const place of places) admitted.push(await admitAt(context, place, endMs));
  const keptOut = FLAG_OWNERS.filter((owner) => admitted.some((one) => one.keptOut.includes(owner)));
  const asked = admitted.some(({ note }) => note === null) ? await second?.ask() : undefined;
  const notes = [...new Set(admitted.flatMap(({ note }) => note ?? [])), ...(asked === undefined ? [] : [asked])];
  return { result: { ...shownAt(places, admitted.map(({ traffic }) => traffic)), ...(keptOut.length === 0 ? {} : { keptOut }), ...(notes.length === 0 ? {} : { note: notes.join(' ') }) } };
}

/** One server. `note` says why it does not serve; null: it does. */
interface Admitted {
  readonly traffic: ObservedTraffic | undefined;
  readonly keptOut: readonly FlagOwner[];
  readonly note: string | null;
}

async function admitAt(context: StepContext, place: StandingPlace, endMs: number): Promise<Admitted> {
  const { deps, input, acting } = context;
  const { pool, traffic, server, before } = place;
  const { admin, weight } = admittedTo(before, input.direction);
  const wanted = { admin: admin === 'none' ? 'ready' : admin, weight } as const;
  const into = wanted.admin === 'ready' ? { into: pool } : {};
  const fence = <T>(write: () => Promise<T>): Promise<T> => withTargetFence(deps.db, { ...input, ...into }, write, [{ pool, server, wanted }]);
  try {
    const shown = await deps.trafficFor(traffic).admit(server, wanted, { signal: acting.signal, fence, timeoutMs: Math.max(0, endMs - performance.now()) });
    return { traffic: shown, keptOut: [], note: wanted.admin === 'ready' ? null : `the server was in ${admin} before this release and stays so` };
  } catch (error) {
    if (!(error instanceof KeptOut)) throw error;
    return leftToFlags(context, place, { endMs, kept: error });
  }
}

/** The host is done but stays out here: from now on it is the flags' to bring in. Unless they are up again by now. */
async function leftToFlags(context: StepContext, place: StandingPlace, { endMs, kept }: { readonly endMs: number; readonly kept: KeptOut }): Promise<Admitted> {
  const { deps, input: { release, epoch, host, direction }, acting } = context;
  const { pool, traffic, server, before } = place;
  acting.signal.throwIfAborted();
  const { weight } = admittedTo(before, direction);
  if (!(await leaveToFlags(deps.db, { release, epoch, host, pool, server, weight }))) return admitAt(context, place, endMs);
  const [shown] = await deps.trafficFor(traffic).observe([server], acting.signal);
  return { traffic: shown, keptOut: kept.owners, note: kept.message };
}
