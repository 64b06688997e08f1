/** The plan of a release and its way back, from the service state just observed; stored as events and never computed again. */
import { readCore } from '../db/append-core.ts';
import { standingBlocks } from '../db/blocks.ts';
import { appendReleaseEvents } from '../db/events.ts';
import { laterReleaseTouching, preImages } from '../db/queries.ts';
import { begunHosts, originalChanges } from '../db/rollback-source.ts';
import { lastEventOf } from '../db/stored-events.ts';
import { blockedFailure, mayBeBlocked } from '../domain/blocks.ts';
import { capacityFloor } from '../domain/plan/capacity.ts';
import { makePlan as plan } from '../domain/plan/make-plan.ts';
import { rollbackWidth } from '../domain/plan/rollback-width.ts';
import { infeasibleFailure, rollbackWarnings } from '../domain/rollback-plan.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { packageOf } from './facts.ts';
import { storing } from './failures.ts';
import { goalsOf, hostsToRestore, planPrevious, planTo } from './rollback-plan.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { CoreEvent, CoreEventData, Stored } from '../domain/release/events.ts';
import type { Observation } from '../domain/release/target.ts';
import type { Plan, PlannedChange } from '../domain/plan/plan.ts';
import type { Failure } from '../domain/vocabulary.ts';

export interface PlanInput {
  readonly release: string;
  readonly opId: string;
  readonly inService: readonly string[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  /** release whose pre-images are restored, this one itself when it goes to an older version; null for a release that brings something new */
  readonly restoreFrom: string | null;
}

/** Answers `plan-made` or `release-failed`; `rollback-planned` stands in the log before it. Asked again it answers what it stored. */
export async function makePlan(deps: ActivityDeps, input: PlanInput): Promise<Stored<CoreEvent>> {
  // What a second try would find (holds, quarantine) may have changed since the first was stored.
  const earlier = await lastEventOf(deps.db, input.release, ['plan-made', 'release-failed']);
  if (earlier !== null) return earlier;
  const planning = await planningOf(deps, input);
  const events = await (input.restoreFrom === null ? forward(planning) : input.restoreFrom === input.release ? toOlder(planning) : back(planning, input.restoreFrom));
  const stored = await storing(() => appendReleaseEvents(deps.db, { release: input.release, opId: input.opId, actor: SIGNALBOX, events: [...events] }));
  const last = stored.at(-1);
  if (last === undefined) throw new Error(`The plan of ${input.release} was not stored`);
  return last;
}

interface Planning {
  readonly deps: ActivityDeps;
  readonly input: PlanInput;
  readonly inventory: Inventory;
  readonly request: CoreEventData['release-requested'];
  readonly epoch: number;
  /** what was observed of each target just now */
  readonly images: Readonly<Record<string, Observation>>;
}

async function planningOf(deps: ActivityDeps, input: PlanInput): Promise<Planning> {
  const [inventory, images, { state }] = await Promise.all([deps.facts.inventory(input.release), preImages(deps.db, input.release), readCore(deps.db, input.release)]);
  if (state === null) throw new Error(`Release ${input.release} is not open`);
  return { deps, input, inventory, request: state.request, epoch: state.epoch ?? 0, images };
}

async function forward(planning: Planning): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request, images } = planning;
  const blocked = await blockedBy(planning);
  if (blocked !== null) return [failed(blocked)];
  const made = planForward(planning);
  if ('type' in made) return [made];
  const rollbackPlan = await planPrevious(deps, inventory, request, images);
  const planned: CoreEvent = { type: 'rollback-planned', data: { plan: rollbackPlan } };
  const infeasible = infeasibleFailure(rollbackPlan);
  if (infeasible !== null && inventory.strategy.rollback.on.length > 0) return [planned, failed(infeasible)];
  return [planned, { type: 'plan-made', data: { plan: { ...made, warnings: [...made.warnings, ...rollbackWarnings(rollbackPlan)] } } }];
}

function planForward({ input, inventory, images }: Planning): Plan | CoreEvent {
  const serving = new Set(input.inService);
  const made = plan({
    pool: inventory.pool,
    strategy: inventory.strategy,
    hosts: inventory.hosts.map(({ name, zone }) => ({ name, zone, inService: serving.has(name), staysOut: staysOut(images[name]) })),
    firstRelease: Object.values(images).every(({ applications }) => applications.every(({ digest }) => digest === null)),
    changes: changesOf(inventory),
    allowOutage: input.allowOutage,
    reason: input.reason,
  });
  if ('plan' in made) return made.plan;
  const [first] = made.refusals;
  return failed({
    class: 'refused',
    code: first?.code ?? 'no-plan',
    message: `No plan could be made, and no traffic was moved. ${made.refusals.map(({ message }) => message).join(' ')}`,
    next: made.refusals.map(({ next }) => next).join(' '),
  });
}

/** A person took something back, or a build was found bad, while this release waited for its pool. */
async function blockedBy({ deps, inventory, request }: Planning): Promise<Failure | null> {
  if (!mayBeBlocked(request.kind)) return null;
  const blocks = await standingBlocks(deps.db, {
    pool: request.pool,
    applications: request.changes.map(({ application }) => application),
    packages: inventory.packages.map(({ id }) => id),
  });
  return blockedFailure(blocks);
}

/** Somebody else took the server out, and this release will not put it in. */
function staysOut(image: Observation | undefined): boolean {
  return image !== undefined && image.leftBy === undefined && (image.traffic.admin === 'drain' || image.traffic.admin === 'maint');
}

/** A rollback release has no batches of its own: it restores what the earlier release began, in the order of a rollback. */
async function back(planning: Planning, restoreFrom: string): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request } = planning;
  const restore = await begunHosts(deps.db, restoreFrom);
  const rollbackPlan = await planPrevious(deps, { ...inventory, hosts: inventory.hosts.filter(({ name }) => restore.includes(name)) }, request, await goalsOf(deps, restoreFrom));
  return [
    { type: 'rollback-planned', data: { plan: rollbackPlan } },
    { type: 'plan-made', data: { plan: { ...wayBackPlan(planning), changes: await originalChanges(deps.db, restoreFrom), restore } } },
  ];
}

/** A rollback to something older: what was chosen when it was asked for is chosen again on what the hosts show now. */
async function toOlder(planning: Planning): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request, images, epoch } = planning;
  const later = await overtakenBy(planning);
  if (later !== null) return [failed({ class: 'refused', code: 'overtaken', message: `Release ${later} touched these hosts while this one waited, so "previous" means something else now. Nothing was touched.`, next: `Look at ${later}, then name the version to go back to.` })];
  const made = await planTo(deps, inventory, request, { images, epoch });
  if ('code' in made) return [failed({ class: 'refused', code: made.code, message: `${made.message} Nothing was touched.`, next: made.available.length > 0 ? `Versions that can be had: ${made.available.join(', ')}.` : 'Release an older version instead.' })];
  const planned: CoreEvent = { type: 'rollback-planned', data: { plan: made } };
  const infeasible = infeasibleFailure(made);
  if (infeasible !== null) return [planned, failed(infeasible)];
  const changes = Object.keys(made.to).map((application): PlannedChange => {
    const goal = made.targets.flatMap(({ applications }) => applications.filter((one) => one.application === application)).find(({ digest }) => digest !== null);
    return { application, version: goal?.version ?? '', sha256: goal?.digest ?? '' };
  });
  return [planned, { type: 'plan-made', data: { plan: { ...wayBackPlan(planning), changes, restore: hostsToRestore(made, images) } } }];
}

/** Only `previous` depends on what ran last; a version is meant whatever ran since. */
async function overtakenBy({ deps, inventory, request }: Planning): Promise<string | null> {
  if (request.rollbackOf === null || !Object.values(request.to ?? {}).includes('previous')) return null;
  return laterReleaseTouching(deps.db, { release: request.rollbackOf, hosts: inventory.hosts.map(({ name }) => name) });
}

function wayBackPlan({ input, inventory }: Planning): Omit<Plan, 'changes' | 'restore'> {
  const hosts = inventory.hosts.length;
  return {
    batches: [],
    capacity: { hosts, inService: input.inService.length, floor: capacityFloor(inventory.pool.capacity.minInServicePercent, hosts), outageAllowed: input.allowOutage },
    rollback: { batchPercent: rollbackWidth(inventory.strategy) },
    warnings: [],
  };
}

function changesOf(inventory: Inventory): readonly PlannedChange[] {
  return inventory.pool.applications.flatMap((application) => {
    const spec = packageOf(inventory, application);
    return spec === undefined ? [] : [{ application, version: spec.version, sha256: spec.sha256 }];
  });
}

function failed(failure: Failure): CoreEvent {
  return { type: 'release-failed', data: { failure } };
}
