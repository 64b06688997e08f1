/** The plan of a release, from the service state just observed; stored as an event and never computed again. */
import { appendReleaseEvents } from '../db/events.ts';
import { preImages } from '../db/queries.ts';
import { begunHosts, originalChanges } from '../db/rollback-source.ts';
import { capacityFloor } from '../domain/plan/capacity.ts';
import { makePlan as plan } from '../domain/plan/make-plan.ts';
import { staysOut } from '../domain/traffic-beneath.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { packageOf } from './facts.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import type { Observation } from '../domain/release/target.ts';
import type { Plan, PlannedChange } from '../domain/plan/plan.ts';

export interface PlanInput {
  readonly release: string;
  readonly opId: string;
  readonly inService: readonly string[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  /** release whose pre-images are restored; null for a release that brings something new */
  readonly restoreFrom: string | null;
}

export async function makePlan(deps: ActivityDeps, input: PlanInput): Promise<Stored<CoreEvent>> {
  const inventory = await deps.facts.inventory(input.release);
  const event = input.restoreFrom === null ? await forward(deps, inventory, input) : { type: 'plan-made' as const, data: { plan: await back(deps, inventory, input, input.restoreFrom) } };
  const [stored] = await storing(() => appendReleaseEvents(deps.db, { release: input.release, opId: input.opId, actor: SIGNALBOX, events: [event] }));
  if (stored === undefined) throw new Error(`The plan of ${input.release} was not stored`);
  return stored;
}

async function forward(deps: ActivityDeps, inventory: Inventory, { release, inService, allowOutage, reason }: PlanInput): Promise<CoreEvent> {
  const serving = new Set(inService);
  const images = await preImages(deps.db, release);
  const made = plan({
    pool: inventory.pool,
    strategy: inventory.strategy,
    hosts: inventory.hosts.map(({ name, zone }) => ({ name, zone, inService: serving.has(name), staysOut: isLeftOut(images[name]) })),
    firstRelease: Object.values(images).every(({ applications }) => applications.every(({ digest }) => digest === null)),
    changes: changesOf(inventory),
    allowOutage,
    reason,
  });
  if ('plan' in made) return { type: 'plan-made', data: { plan: made.plan } };
  const [first] = made.refusals;
  return {
    type: 'release-failed',
    data: {
      failure: {
        class: 'refused',
        code: first?.code ?? 'no-plan',
        message: `No plan could be made, and no traffic was moved. ${made.refusals.map(({ message }) => message).join(' ')}`,
        next: made.refusals.map(({ next }) => next).join(' '),
      },
    },
  };
}

/** Out by a flag, or by hand at the balancer: this release will not put it in. */
function isLeftOut(image: Observation | undefined): boolean {
  return image !== undefined && staysOut(image);
}

/** A rollback release has no batches of its own: it restores what the earlier release began, in the order of a rollback. */
async function back(deps: ActivityDeps, inventory: Inventory, input: PlanInput, restoreFrom: string): Promise<Plan> {
  const hosts = inventory.hosts.length;
  const { rollback, batches } = inventory.strategy;
  return {
    batches: [],
    capacity: { hosts, inService: input.inService.length, floor: capacityFloor(inventory.pool.capacity.minInServicePercent, hosts), outageAllowed: input.allowOutage },
    changes: await originalChanges(deps.db, restoreFrom),
    rollback: { batchPercent: rollback.batchPercent ?? Math.max(33, ...batches.percent) },
    restore: await begunHosts(deps.db, restoreFrom),
    warnings: [],
  };
}

function changesOf(inventory: Inventory): readonly PlannedChange[] {
  return inventory.pool.applications.flatMap((application) => {
    const spec = packageOf(inventory, application);
    return spec === undefined ? [] : [{ application, version: spec.version, sha256: spec.sha256 }];
  });
}
