/** The plan of a release that goes back: which hosts, to what, in which width. */
import { laterReleaseTouching } from '../db/queries.ts';
import { begunHosts, originalChanges } from '../db/rollback-source.ts';
import { BATCH_CAP_PERCENT } from '../domain/plan/batch-cap.ts';
import { plannedMembers } from '../domain/plan/joined.ts';
import { standingOf } from '../domain/plan/standing.ts';
import { unknownServers } from '../domain/plan/warnings.ts';
import { rollbackWidth } from '../domain/plan/rollback-width.ts';
import { infeasibleFailure } from '../domain/rollback-plan.ts';
import { comparing, unplanned } from './plan-outcome.ts';
import { goalsOf, hostsToRestore, planPrevious, planTo } from './rollback-plan.ts';
import type { Planning } from './make-plan.ts';
import type { CoreEvent } from '../domain/release/events.ts';
import type { Plan, PlannedChange } from '../domain/plan/plan.ts';
import type { Failure } from '../domain/vocabulary.ts';
import type { WayBackRefusal } from '../domain/way-back.ts';

/** A rollback release has no batches of its own: it restores what the earlier release began, in the order of a rollback. */
export async function back(planning: Planning, restoreFrom: string): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request, skips } = planning;
  const begun = await begunHosts(deps.db, restoreFrom);
  const restore = begun.filter((host) => skips[host] === undefined);
  const skipped = begun.flatMap((host) => (skips[host] === undefined ? [] : [{ host, why: skips[host] }]));
  const { images, to } = await goalsOf(deps, restoreFrom);
  const restored = new Set(restore);
  const rollbackPlan = await planPrevious(deps, { ...inventory, hosts: inventory.hosts.filter(({ name }) => restored.has(name)) }, request, images);
  return [
    { type: 'rollback-planned', data: { plan: { ...rollbackPlan, to } } },
    { type: 'plan-made', data: { plan: { ...wayBackPlan(planning), changes: await originalChanges(deps.db, restoreFrom), restore, ...(skipped.length === 0 ? {} : { skipped }) } } },
  ];
}

/** A rollback to something older: what was chosen when it was asked for is chosen again on what the hosts show now. */
export async function toOlder(planning: Planning): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request, images, epoch } = planning;
  const later = await overtakenBy(planning);
  if (later !== null) return [unplanned({ class: 'refused', code: 'overtaken', message: `Release ${later} touched these hosts while this one waited, so "previous" means something else now. Nothing was touched.`, next: `Look at ${later}, then name the version to go back to.` })];
  const made = await planTo(deps, inventory, request, { images, epoch });
  if ('code' in made) return [unplanned(refusedWay(made, 'Release an older version instead.'))];
  const planned: CoreEvent = { type: 'rollback-planned', data: { plan: made } };
  const infeasible = infeasibleFailure(made);
  if (infeasible !== null) return [planned, unplanned(infeasible)];
  const changes = Object.keys(made.to).map((application): PlannedChange => {
    const goal = made.targets.flatMap(({ applications }) => applications.filter((one) => one.application === application)).find(({ digest }) => digest !== null);
    return { application, version: goal?.version ?? '', sha256: goal?.digest ?? '' };
  });
  return [planned, { type: 'plan-made', data: { plan: { ...wayBackPlan(planning), changes, restore: hostsToRestore(made, images) } } }];
}

/** `orElse`: what to do where no version can be had. */
export function refusedWay({ code, message, available }: WayBackRefusal, orElse: string): Failure {
  return { class: 'refused', code, message: `${message} Nothing was touched.`, next: available.length > 0 ? `Versions that can be had: ${available.join(', ')}.` : orElse };
}

/** Only `previous` depends on what ran last; a version is meant whatever ran since. */
async function overtakenBy({ deps, inventory, request }: Planning): Promise<string | null> {
  if (request.rollbackOf === null || !Object.values(request.to ?? {}).includes('previous')) return null;
  return laterReleaseTouching(deps.db, { release: request.rollbackOf, hosts: inventory.hosts.map(({ name }) => name) });
}

function wayBackPlan({ input, inventory, members, unknown }: Planning): Omit<Plan, 'changes' | 'restore'> {
  const { pool } = inventory;
  const serving = new Set(input.inService);
  const seen = inventory.hosts.map(({ name, zone }) => ({ name, zone, inService: serving.has(name) }));
  const standing = standingOf(seen, pool.capacity.minInServicePercent, { members, joins: pool.joins ?? [], capPercent: input.batchCapPercent ?? BATCH_CAP_PERCENT });
  return {
    batches: [],
    capacity: { hosts: seen.length, inService: input.inService.length, floor: standing.floor, outageAllowed: input.allowOutage },
    rollback: { batchPercent: rollbackWidth(inventory.strategy) },
    ...(standing.members.length === 0 ? {} : { members: plannedMembers(standing.members) }),
    warnings: unknown.map(unknownServers),
    ...comparing(input.kind),
  };
}
