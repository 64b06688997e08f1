/** The plan of a release and its way back, from the service state just observed; stored as events and never computed again. */
import { readCore } from '../db/append-core.ts';
import { standingBlocks } from '../db/blocks.ts';
import { appendReleaseEvents } from '../db/events.ts';
import { preImages } from '../db/queries.ts';
import { lastGoodVersions } from '../db/running-versions.ts';
import { lastEventOf } from '../db/stored-events.ts';
import { blockedFailure, mayBeBlocked } from '../domain/blocks.ts';
import { makePlan as plan } from '../domain/plan/make-plan.ts';
import { irreversibleIn } from '../domain/irreversible.ts';
import { planAhead } from '../domain/plan/plan-ahead.ts';
import { courseDifferences } from '../domain/plan/plan-difference.ts';
import { whySkipped } from '../domain/plan/skip.ts';
import { KIND_POLICIES } from '../domain/release-kind.ts';
import { infeasibleFailure, rollbackWarnings } from '../domain/rollback-plan.ts';
import { staysOut } from '../domain/traffic-beneath.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { packageOf } from './facts.ts';
import { asTemporal, storing, verdictOn } from './failures.ts';
import { membersNow } from './members.ts';
import { comparing, unplanned } from './plan-outcome.ts';
import { back, refusedWay, toOlder } from './plan-way-back.ts';
import { planOwn } from './rollback-plan.ts';
import type { ActivityDeps } from './deps.ts';
import type { Teller } from './record.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { CoreEvent, CoreEventData, Stored } from '../domain/release/events.ts';
import type { Observation } from '../domain/release/target.ts';
import type { PlanMember, UnknownServers } from '../domain/plan/joined.ts';
import type { Plan, PlannedChange } from '../domain/plan/plan.ts';
import type { Failure, ReleaseKind } from '../domain/vocabulary.ts';

export interface PlanInput extends Teller {
  readonly release: string;
  readonly opId: string;
  readonly inService: readonly string[];
  readonly allowOutage: boolean;
  readonly reason: string | null;
  /** the cap per batch raised for this release; absent or null: the usual one */
  readonly batchCapPercent?: number | null;
  /** release whose pre-images are restored, this one itself when it goes to an older version; null for a release that brings something new */
  readonly restoreFrom: string | null;
  /** the release was started to follow one plan that was read, and follows no other; absent from older workflows */
  readonly isPlanned?: boolean;
  /** absent: asked by a release of an earlier build, which passes no host */
  readonly kind?: ReleaseKind;
  /** the hosts a scale-out was made for, when a release made it */
  readonly joined?: readonly string[] | null;
}

export async function makePlan(deps: ActivityDeps, input: PlanInput): Promise<Stored<CoreEvent>> {
  // What a second try would find (holds, quarantine) may have changed since the first was stored.
  const earlier = await lastEventOf(deps.db, input.release, ['plan-made', 'release-failed']);
  if (earlier !== null) return earlier;
  const events = await eventsOf(deps, input);
  const { release, opId, adoption = 0, seen = 0 } = input;
  const stored = await storing(() => appendReleaseEvents(deps.db, { release, opId, adoption, seen, actor: SIGNALBOX, events: [...events] }));
  const last = stored.at(-1);
  if (last === undefined) throw new Error(`The plan of ${input.release} was not stored`);
  return last;
}

/** What a balancer refuses to be asked is a verdict: no plan could keep the floors behind it. */
async function eventsOf(deps: ActivityDeps, input: PlanInput): Promise<readonly CoreEvent[]> {
  const planning = await planningOf(deps, input).catch((error: unknown) => {
    const failure = verdictOn(error, input.release);
    if (failure === null) throw asTemporal(error);
    return unplanned(failure);
  });
  if ('type' in planning) return [planning];
  if (input.restoreFrom === null) return forward(planning);
  return input.restoreFrom === input.release ? toOlder(planning) : back(planning, input.restoreFrom);
}

export type Images = Readonly<Record<string, Observation>>;

/** Why a host is passed, for those that are. */
export type Skips = Readonly<Record<string, string>>;

async function skipsOf(deps: ActivityDeps, inventory: Inventory, images: Images, { kind, joined = null }: PlanInput & { readonly kind: ReleaseKind }): Promise<Skips> {
  const outdated = joined === null ? null : await whyOutdated(deps, inventory);
  return Object.fromEntries(
    Object.entries(images).flatMap(([host, observation]) => {
      const why = whySkipped({ kind, host, observation, joined, outdated });
      return why === null ? [] : [[host, why]];
    }),
  );
}

/** While a scale-out waited, another release may have brought the pool elsewhere: that one brings up the hosts that joined. */
async function whyOutdated(deps: ActivityDeps, inventory: Inventory): Promise<string | null> {
  const { name } = inventory.pool;
  const good = await lastGoodVersions(deps.db, name);
  const overtaken = changesOf(inventory).find(({ application, version }) => good[application] !== undefined && good[application].version !== version);
  const by = overtaken && good[overtaken.application];
  return by ? `pool ${name} runs ${overtaken.application} ${by.version} since release ${by.release}, which sees to hosts that joined` : null;
}

export interface Planning {
  readonly deps: ActivityDeps;
  readonly input: PlanInput;
  readonly inventory: Inventory;
  readonly request: CoreEventData['release-requested'];
  readonly epoch: number;
  /** what was observed of each target just now */
  readonly images: Images;
  readonly skips: Skips;
  /** other pools whose floor counts, with who of them serves, and servers of theirs that were looked for in vain */
  readonly members: readonly PlanMember[];
  readonly unknown: readonly UnknownServers[];
}

async function planningOf(deps: ActivityDeps, input: PlanInput): Promise<Planning> {
  const [inventory, images, { state }] = await Promise.all([deps.facts.inventory(input.release), preImages(deps.db, input.release), readCore(deps.db, input.release)]);
  if (state === null) throw new Error(`Release ${input.release} is not open`);
  const skips = input.kind === undefined ? {} : await skipsOf(deps, inventory, images, { ...input, kind: input.kind });
  return { deps, input, inventory, request: state.request, epoch: state.epoch ?? 0, images, skips, ...(await membersNow(deps, inventory, images)) };
}

async function forward(planning: Planning): Promise<readonly CoreEvent[]> {
  const { deps, inventory, request, images, skips, epoch } = planning;
  const blocked = await blockedBy(planning);
  if (blocked !== null) return [unplanned(blocked)];
  const made = planForward(planning);
  if ('type' in made) return [made];
  const rollbackPlan = await planOwn(deps, { ...inventory, hosts: inventory.hosts.filter(({ name }) => skips[name] === undefined) }, request, { images, epoch });
  if ('code' in rollbackPlan) return [unplanned(refusedWay(rollbackPlan, `Release with a strategy whose rollback.to is previous.`))];
  const planned: CoreEvent = { type: 'rollback-planned', data: { plan: rollbackPlan } };
  const infeasible = infeasibleFailure(rollbackPlan);
  if (infeasible !== null && inventory.strategy.rollback.on.length > 0) return [planned, unplanned(infeasible)];
  return [planned, { type: 'plan-made', data: { plan: { ...made, warnings: [...made.warnings, ...rollbackWarnings(rollbackPlan)] } } }];
}

function planForward({ input, inventory, images, skips, members, unknown }: Planning): Plan | CoreEvent {
  const { inService, allowOutage, reason, kind, batchCapPercent = null, isPlanned } = input;
  const serving = new Set(inService);
  const firstRelease = Object.values(images).every(({ applications }) => applications.every(({ digest }) => digest === null));
  const made = plan({
    pool: inventory.pool,
    strategy: inventory.strategy,
    hosts: inventory.hosts.map(({ name, zone, labels }) => ({ name, zone, labels, inService: serving.has(name), staysOut: isLeftOut(images[name]), ...(skips[name] === undefined ? {} : { skip: skips[name] }) })),
    members,
    undrained: inventory.undrained ?? [],
    unknown,
    firstRelease,
    isProven: kind !== undefined && KIND_POLICIES[kind].isProven,
    changes: changesOf(inventory),
    irreversible: irreversibleIn(inventory),
    allowOutage,
    reason,
    batchCapPercent,
  });
  // Before the first release no host serves, whatever its plan took for granted.
  const other = 'plan' in made && isPlanned === true && !firstRelease ? otherThanPlanned(inventory, { allowOutage, reason, batchCapPercent }, made.plan) : null;
  if (other !== null) return other;
  if ('plan' in made) return { ...made.plan, ...comparing(kind) };
  const [first] = made.refusals;
  return unplanned({
    class: 'refused',
    code: first?.code ?? 'no-plan',
    message: `No plan could be made, and no traffic was moved. ${made.refusals.map(({ message }) => message).join(' ')}`,
    next: made.refusals.map(({ next }) => next).join(' '),
  });
}

/** The plan that was read took every host to be in service. Where the hosts as they were just seen lead to another one, nothing is released. */
function otherThanPlanned(inventory: Inventory, asked: Pick<PlanInput, 'allowOutage' | 'reason' | 'batchCapPercent'>, plan: Plan): CoreEvent | null {
  const ahead = planAhead(inventory, asked);
  const found = 'plan' in ahead ? courseDifferences(ahead.plan, plan) : [];
  if (found.length === 0) return null;
  const told = found.slice(0, DIFFERENCES_MAX).map(({ sentence }) => sentence).join(' ');
  const more = found.length > DIFFERENCES_MAX ? ` And ${found.length - DIFFERENCES_MAX} more differences.` : '';
  return unplanned({
    class: 'refused',
    code: 'plan-outdated',
    message: `The release was started to follow one plan, and with the hosts as they are now it would follow another; no traffic was moved. ${told}${more}`,
    next: 'Put the hosts that are out of service back, or start the release without naming a plan.',
  });
}

const DIFFERENCES_MAX = 10;

/** Out by a flag, or by hand at the balancer: this release will not put it in. */
function isLeftOut(image: Observation | undefined): boolean {
  return image !== undefined && staysOut(image);
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

function changesOf(inventory: Inventory): readonly PlannedChange[] {
  return inventory.pool.applications.flatMap((application) => {
    const spec = packageOf(inventory, application);
    return spec === undefined ? [] : [{ application, version: spec.version, sha256: spec.sha256 }];
  });
}
