/** Takes a host out of traffic: under the pool's turn, so that no two drains together can break the floor, and only while this release owns the host. */
import { activityInfo } from '@temporalio/activity';
import { withTargetFence } from '../../db/fence.ts';
import { openFinding } from '../../db/findings.ts';
import { withPoolTurn } from '../../db/pool-turn.ts';
import { hasWantedTraffic } from '../../db/wanted-traffic.ts';
import { DRIFT, driftOf } from '../../domain/drift.ts';
import { floorsBroken } from '../../domain/plan/capacity.ts';
import { countedPools, entryOf, hostsOf } from '../../domain/joined-pool.ts';
import { serverName } from '../../domain/server-name.ts';
import { unflagged } from '../../domain/traffic-beneath.ts';
import { CapacityRefused, StepFailed } from '../failures.ts';
import { observe, serverOf } from '../host-call.ts';
import type { PoolTurn } from '../../db/pool-turn.ts';
import type { StepContext, StepDone } from '../target-step.ts';

/** On the way back capacity is waited for this often (about 6 s), then the host goes alone. */
const PATIENT_ATTEMPTS = 5;

export async function drain(context: StepContext): Promise<StepDone> {
  const { deps, inventory, input, acting } = context;
  if (input.direction === 'forward' && input.round === 0) await refuseDrift(context);
  const { traffic: spec } = inventory.pool;
  if (spec.driver === 'none') return { result: { note: 'this pool has no traffic entry' } };
  const traffic = deps.trafficFor(spec);
  const server = serverOf(inventory, acting.host);
  let floorMet = false;
  const fence = <T>(write: () => Promise<T>): Promise<T> =>
    withPoolTurn(deps.db, {
      ...countingOf(context),
      take: (inService) => {
        floorMet = checkFloor(context, inService);
        inService.delete(input.host);
        return withTargetFence(deps.db, input, write, { server, wanted: { admin: 'drain', weight: null } });
      },
    });
  const observed = await traffic.drain(server, { signal: acting.signal, fence, timeoutMs: spec.drainTimeoutSeconds * 1000 });
  return { result: { traffic: observed, ...(observed.connections > 0 ? { connectionsLeft: observed.connections } : {}), ...(floorMet ? { floorMet } : {}) } };
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
 * What changed that is not our own doing: a drain of ours is remembered before it is written, so once it is, the server may stand as an
 * earlier attempt left it, and only the applications are compared.
 */
async function driftNow({ deps, inventory, input, acting, preImage }: StepContext): Promise<{ readonly drift: readonly string[]; readonly code: string }> {
  const before = unflagged(preImage);
  // Flags explain a difference, they never make one: they are asked about only where there is one.
  const glance = await observe(deps, inventory, acting, { verb: 'observe', withoutFlags: true });
  if (driftOf(before, glance.observation).length === 0) return { drift: [], code: DRIFT.untouched };
  const { observation } = await observe(deps, inventory, acting, { verb: 'observe' });
  const drift = driftOf(before, unflagged(observation));
  // Asked after the look: a drain of ours that was seen was remembered before.
  const mayBeOurs = drift.length > 0 && (await hasWantedTraffic(deps.db, { release: input.release, host: input.host, server: serverOf(inventory, acting.host) }));
  if (!mayBeOurs) return { drift, code: DRIFT.untouched };
  return { drift: driftOf(before, { ...observation, traffic: before.traffic }), code: DRIFT.drained };
}

/** The turn in which hosts may leave, and the look at all whose service counts: the pool's own hosts, and those of every pool that counts beside it. */
export function countingOf({ deps, inventory, acting }: StepContext): Pick<PoolTurn<never>, 'entry' | 'hosts' | 'count'> {
  const { traffic } = inventory.pool;
  const hosts = hostsOf([{ hosts: inventory.hosts.map(({ name }) => name) }, ...countedPools(inventory)]);
  return {
    entry: entryOf(traffic),
    hosts,
    async count() {
      const states = await deps.trafficFor(traffic).observe(hosts.map((host) => serverName(traffic, host)), acting.signal);
      return new Set(hosts.filter((_, index) => states[index]?.inService === true));
    },
  };
}

/**
 * Refuses to go below the floor of any pool that holds the host. On the way back a host may go alone even so: leaving it on a version that
 * is being taken back would be worse. Answers whether a floor was met that way.
 */
function checkFloor({ inventory, input }: StepContext, inService: ReadonlySet<string>): boolean {
  const [lowest] = floorsBroken(countedPools(inventory), { inService, out: input.host });
  if (lowest === undefined) return false;
  const { pool, hosts, floor, left } = lowest;
  if (input.direction === 'back' && (left >= floor - 1 || activityInfo().attempt > PATIENT_ATTEMPTS)) return true;
  throw new CapacityRefused('capacity', `taking ${input.host} out would leave ${left} of ${hosts} hosts of pool ${pool} in service, the floor is ${floor}`);
}
