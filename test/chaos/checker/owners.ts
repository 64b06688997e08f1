/** I5: one release at a time owns a host, and only the owner acts there. */
import { operationOf } from './record.ts';
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, LoggedEvent } from './record.ts';

const ENDINGS: ReadonlySet<string> = new Set(['release-succeeded', 'release-failed', 'release-rolled-back', 'release-aborted', 'release-rejected', 'rollback-ended-incomplete']);

export const owners: Rule = {
  id: 'I5',
  promise: 'At any instant at most one release owns a host; the owner in the log is the owner on the host.',
  judge: (record) => [...overlaps(record), ...strangers(record)],
};

export function isEnding({ event }: LoggedEvent): boolean {
  return ENDINGS.has(event.type);
}

/** In the order of the log, since its positions are given under the lock that gives the pool. */
function overlaps({ pools, events }: ChaosRecord): readonly Found[] {
  const poolOf = poolOfRelease(events);
  return pools.flatMap(({ pool, hosts }) => {
    const found: Found[] = [];
    let owner: string | null = null;
    for (const logged of events.toSorted((a, b) => a.position - b.position)) {
      if (poolOf.get(logged.release) !== pool) continue;
      if (logged.event.type === 'pool-acquired') {
        if (owner !== null) found.push({ what: `release ${logged.release} took ${hosts.join(', ')} while release ${owner} still owned them`, atMs: logged.seenMs });
        owner = logged.release;
      }
      if (isEnding(logged) && owner === logged.release) owner = null;
    }
    return found;
  });
}

function poolOfRelease(events: readonly LoggedEvent[]): ReadonlyMap<string, string> {
  return new Map(events.flatMap(({ release, event }) => (event.type === 'release-requested' ? [[release, event.data.pool] as const] : [])));
}

/** The epoch of an effect must have been given to the release that acts, and the release must not have been seen to have ended. */
function strangers({ events, effects }: ChaosRecord): readonly Found[] {
  const given = new Map(events.flatMap(({ release, event }) => ('epoch' in event.data && ['pool-acquired', 'rollback-started', 'targets-retried', 'release-adopted'].includes(event.type) ? [[event.data.epoch, release] as const] : [])));
  const ended = new Map(events.filter(isEnding).map(({ release, seenMs }) => [release, seenMs]));
  return effects.filter(({ kind, what }) => kind === 'done' && what !== 'fence').flatMap(({ opId, epoch, host, atMs, what }) => {
    const { release } = operationOf(opId);
    const owner = given.get(epoch);
    if (owner !== release) return [{ what: `${what} on ${host} by release ${release} carried epoch ${epoch}, which was given to ${owner ?? 'nobody'}`, atMs }];
    if (atMs > (ended.get(release) ?? Number.POSITIVE_INFINITY)) return [{ what: `${what} on ${host} took effect after release ${release} had ended`, atMs }];
    return [];
  });
}
