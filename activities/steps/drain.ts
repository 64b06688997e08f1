/** Takes a host out of traffic, wherever it stands: under the turns of its entries, so that no two drains together can break a floor, and only while this release owns the host. */
import { activityInfo } from '@temporalio/activity';
import { openFinding } from '../../db/findings.ts';
import { hasWantedTraffic, isDrainWanted } from '../../db/wanted-traffic.ts';
import { DRIFT, driftOf } from '../../domain/drift.ts';
import { countedAt } from '../../domain/place.ts';
import { floorsBroken } from '../../domain/plan/capacity.ts';
import { unflagged } from '../../domain/traffic-beneath.ts';
import { CapacityRefused, StepFailed } from '../failures.ts';
import { observe } from '../host-call.ts';
import { hasEntry, placesNow, shownAt, standingPlaces, takeOut } from './places.ts';
import type { StepContext, StepDone } from '../step-context.ts';

/** On the way back capacity is waited for this often (about 6 s), then the host goes alone. */
const PATIENT_ATTEMPTS = 5;

export async function drain(context: StepContext): Promise<StepDone> {
  const { input } = context;
  if (input.direction === 'forward' && input.round === 0) await refuseDrift(context);
  const places = await placesNow(context);
  if (!hasEntry(places)) return { result: { note: 'this pool has no traffic entry' } };
  let floorMet = false;
  const shown = await takeOut(context, places, (serving) => {
    floorMet = checkFloor(context, serving);
  }).catch((error: unknown) => halfRefused(context, error));
  const connectionsLeft = shown.reduce((sum, { connections }) => sum + connections, 0);
  return { result: { ...shownAt(places, shown), ...(connectionsLeft > 0 ? { connectionsLeft } : {}), ...(floorMet ? { floorMet } : {}) } };
}

/** First touch, on every attempt of it: what a rollback would restore must still be what is there. */
async function refuseDrift(context: StepContext): Promise<void> {
  const { deps, input } = context;
  const { drift, code } = await driftNow(context);
  if (drift.length === 0) return;
  const { host, release } = input;
  const message = `${host} changed since this release looked at it: ${drift.join('; ')}. No application on it was touched.`;
  const next = `Find out who changed ${host}. Then skip it, or roll the release back and start it again.`;
  await openFinding(deps.db, { id: `drift/${release}/${host}`, kind: 'drift', subject: host, sentence: message, repair: `signalbox skip ${release} --targets ${host} --reason ...` });
  throw new StepFailed({ class: 'host', code, message, next });
}

/**
 * What changed that is not our own doing: a drain of ours is remembered before it is written, at all entries together, so once one is, the
 * servers may stand as an earlier attempt left them, and only the applications are compared.
 */
async function driftNow(context: StepContext): Promise<{ readonly drift: readonly string[]; readonly code: string }> {
  const { deps, inventory, acting, preImage } = context;
  const before = unflagged(preImage);
  // Flags explain a difference, they never make one: they are asked about only where there is one.
  const glance = await observe(deps, inventory, acting, { verb: 'observe', withoutFlags: true });
  if (driftOf(before, glance.observation).length === 0) return { drift: [], code: DRIFT.untouched };
  const { observation } = await observe(deps, inventory, acting, { verb: 'observe' });
  const drift = driftOf(before, unflagged(observation));
  // Asked after the look: a drain of ours that was seen was remembered before.
  const mayBeOurs = drift.length > 0 && (await hasWish(context));
  if (!mayBeOurs) return { drift, code: DRIFT.untouched };
  const { elsewhere: _elsewhere, ...installed } = observation;
  return { drift: driftOf(before, { ...installed, traffic: before.traffic }), code: DRIFT.drained };
}

async function hasWish(context: StepContext): Promise<boolean> {
  const { deps, input: { release, host } } = context;
  for (const { pool, server } of standingPlaces(context)) if (await hasWantedTraffic(deps.db, { release, host, pool, server })) return true;
  return false;
}

/**
 * Refuses to go below the floor of any pool that holds the host. On the way back a host may go alone even so: leaving it on a version that
 * is being taken back would be worse. Answers whether a floor was met that way.
 */
function checkFloor({ inventory, input }: StepContext, serving: ReadonlySet<string>): boolean {
  const [lowest] = floorsBroken(countedAt(inventory, input.host), { serving, out: input.host, outageAllowed: true });
  if (lowest === undefined) return false;
  const { pool, hosts, floor, left } = lowest;
  if (input.direction === 'back' && (left >= floor - 1 || activityInfo().attempt > PATIENT_ATTEMPTS)) return true;
  throw new CapacityRefused(`taking ${input.host} out would leave ${left} of ${hosts} hosts of pool ${pool} in service, the floor is ${floor}`);
}

/** A host that an earlier attempt has begun to take out is not untouched, whatever stands at its entries now: its drain is asserted again. */
async function halfRefused(context: StepContext, error: unknown): Promise<never> {
  if (!(error instanceof CapacityRefused)) throw error;
  const { deps, input: { release, host } } = context;
  for (const { pool, server } of standingPlaces(context)) if (await isDrainWanted(deps.db, { release, host, pool, server })) throw new CapacityRefused(error.message, false);
  throw error;
}
