/** The servers of a target that a step moves, all of them together. */
import { withPoolTurn } from '../../db/pool-turn.ts';
import { withTargetFence } from '../../db/fence.ts';
import { countedAt, placesOf } from '../../domain/place.ts';
import { serverIn } from '../../domain/traffic-beneath.ts';
import { serverKeys } from '../../domain/traffic-entry.ts';
import { countingOf, drainTogether, observeKnown } from '../../drivers/traffic/several.ts';
import type { Place } from '../../domain/place.ts';
import type { ObservedServer, ObservedTraffic, StepResult } from '../../domain/release/target.ts';
import type { StepContext, UnbegunStep } from '../step-context.ts';

/** A server of the target, and how it stood before the release. */
export interface StandingPlace extends Place {
  readonly before: ObservedServer;
}

/** The servers as the release found them: the first is the target's own, and may be none at all (`none`). */
export function standingPlaces({ inventory, input, preImage }: UnbegunStep): readonly StandingPlace[] {
  return placesOf(inventory, input.host).flatMap((place, index) => {
    const before = serverIn(preImage, index === 0 ? null : place.pool);
    return before === undefined ? [] : [{ ...place, before }];
  });
}

/** Without those elsewhere that their balancer has forgotten since: no request reaches them there, so they are neither taken out nor put back. */
export async function placesNow(context: StepContext): Promise<readonly StandingPlace[]> {
  const { deps, acting } = context;
  const [own, ...further] = standingPlaces(context);
  const seen = await Promise.all(further.map(async ({ traffic, server }) => (await observeKnown(deps.trafficFor(traffic), [server], acting.signal))[0] ?? null));
  return [...(own === undefined ? [] : [own]), ...further.filter((_, index) => seen[index] !== null)];
}

export function hasEntry(places: readonly Place[]): boolean {
  return places.some(({ traffic }) => traffic.driver !== 'none');
}

/**
 * Takes the target out at every one of these places in one act: under the turns of all their entries, after `ask` was told who serves
 * (by serverKeys of domain/traffic-entry.ts) and did not throw, and only while this release owns the host. Waits for the connections of each.
 */
export async function takeOut({ deps, inventory, input, acting, begun }: StepContext, places: readonly StandingPlace[], ask: (serving: ReadonlySet<string>) => void): Promise<readonly ObservedTraffic[]> {
  const wishes = places.filter(({ traffic }) => traffic.driver !== 'none').map(({ pool, server }) => ({ pool, server, wanted: { admin: 'drain', weight: null } as const }));
  const fence = <T>(write: () => Promise<T>): Promise<T> =>
    withPoolTurn(deps.db, {
      ...countingOf(countedAt(inventory, input.host), deps.trafficFor, acting.signal),
      take: (serving) => {
        ask(serving);
        for (const { traffic } of places) serving.delete(serverKeys(traffic)(input.host));
        return withTargetFence(deps.db, input, () => begun.then(write), wishes);
      },
    });
  const servers = places.map(({ traffic, server }) => ({ traffic: deps.trafficFor(traffic), server, timeoutMs: traffic.driver === 'none' ? 0 : traffic.drainTimeoutSeconds * 1000 }));
  return drainTogether(servers, { signal: acting.signal, fence });
}

/** What a step tells of its places: the first is the target's own. */
export function shownAt(places: readonly Place[], shown: readonly (ObservedTraffic | undefined)[]): Pick<StepResult, 'traffic' | 'elsewhere'> {
  const [own, ...further] = shown;
  const elsewhere = further.flatMap((traffic, index) => (traffic === undefined ? [] : [{ pool: places[index + 1]?.pool ?? '', traffic }]));
  return { ...(own === undefined ? {} : { traffic: own }), ...(elsewhere.length === 0 ? {} : { elsewhere }) };
}
