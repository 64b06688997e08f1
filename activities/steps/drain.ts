/** Takes a host out of traffic: under the pool's turn, so that no two drains together can break the floor, and only while this release owns the host. */
import { activityInfo } from '@temporalio/activity';
import { withPoolTurn, withTargetFence } from '../../db/fence.ts';
import { openFinding } from '../../db/findings.ts';
import { setWantedTraffic } from '../../db/wanted-traffic.ts';
import { driftOf } from '../../domain/drift.ts';
import { capacityFloor, mayTakeOut } from '../../domain/plan/capacity.ts';
import { CapacityRefused, StepFailed } from '../failures.ts';
import { observe, serverOf } from '../host-call.ts';
import type { StepContext, StepDone } from '../target-step.ts';

/** On the way back capacity is waited for this often (about 6 s), then the host goes alone. */
const PATIENT_ATTEMPTS = 5;

export async function drain(context: StepContext): Promise<StepDone> {
  const { deps, inventory, input, acting } = context;
  if (input.direction === 'forward' && input.round === 0 && activityInfo().attempt === 1) await refuseDrift(context);
  const { traffic: spec, name: pool } = inventory.pool;
  if (spec.driver === 'none') return { result: { note: 'this pool has no traffic entry' } };
  const traffic = deps.trafficFor(spec);
  const server = serverOf(inventory, acting.host);
  let floorMet = false;
  const fence = <T>(write: () => Promise<T>): Promise<T> =>
    withPoolTurn(deps.db, { pool }, async () => {
      floorMet = await checkFloor(context);
      await setWantedTraffic(deps.db, { release: input.release, host: input.host, epoch: input.epoch, server, wanted: { admin: 'drain', weight: null } });
      return withTargetFence(deps.db, input, write);
    });
  const observed = await traffic.drain(server, { signal: acting.signal, fence, timeoutMs: spec.drainTimeoutSeconds * 1000 });
  return { result: { traffic: observed, ...(observed.connections > 0 ? { connectionsLeft: observed.connections } : {}), ...(floorMet ? { floorMet } : {}) } };
}

/** First touch: what a rollback would restore must still be what is there. A repeated attempt would see our own drain. */
async function refuseDrift({ deps, inventory, input, acting, preImage }: StepContext): Promise<void> {
  const { observation } = await observe(deps, inventory, acting, 'observe');
  const drift = driftOf(preImage, observation);
  if (drift.length === 0) return;
  const { host, release } = input;
  const message = `${host} changed since this release looked at it: ${drift.join('; ')}. Nothing was done on it.`;
  const next = `Find out who changed ${host}. Then skip it, or roll the release back and start it again.`;
  await openFinding(deps.db, { id: `drift/${release}/${host}`, kind: 'drift', subject: host, sentence: message, repair: `signalbox skip ${release} --targets ${host} --reason ...` });
  throw new StepFailed({ class: 'host', code: 'drift', message, next });
}

/**
 * Reads who serves right now and refuses to go below the floor. On the way back a host may go alone even so: leaving it on a
 * version that is being taken back would be worse. Answers whether the floor was met that way.
 */
async function checkFloor({ deps, inventory, input, acting }: StepContext): Promise<boolean> {
  const states = await deps.trafficFor(inventory.pool.traffic).observe(inventory.hosts.map((host) => serverOf(inventory, host)), acting.signal);
  const inService = inventory.hosts.filter((_, index) => states[index]?.inService === true).map(({ name }) => name);
  const floor = capacityFloor(inventory.pool.capacity.minInServicePercent, inventory.hosts.length);
  if (mayTakeOut({ floor, inService, out: input.host })) return false;
  const left = inService.length - 1;
  if (input.direction === 'back' && (left >= floor - 1 || activityInfo().attempt > PATIENT_ATTEMPTS)) return true;
  throw new CapacityRefused('capacity', `taking ${input.host} out would leave ${left} of ${inventory.hosts.length} hosts in service, the floor is ${floor}`);
}
