/** From "pool web-prod, web=2" to everything a release runs on: found, checked, captured, never read again from live tables. */
import { capturedRecipes } from '../db/captured-recipes.ts';
import { getInventories } from '../db/inventory.ts';
import { besideOf } from '../db/joined-pools.ts';
import { neverFits } from '../domain/plan/health-fit.ts';
import { planAhead } from '../domain/plan/plan-ahead.ts';
import { effectiveStrategy, KIND_POLICIES } from '../domain/release-kind.ts';
import { leadsNowhere, unclearFor } from '../domain/strategy-way-back.ts';
import { changesFor } from './kind-versions.ts';
import { invalid } from './problem.ts';
import { badBastionChecks, badSubstitutions } from './substitutions.ts';
import type { Queryable } from '../db/client.ts';
import type { InventoryKind, InventorySpecs } from '../db/inventory-kinds.ts';
import type { ApplicationSpec, HostSpec, Inventory, PackageSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';
import type { Paces } from '../domain/simulation/paces.ts';
import type { Plan, PlanRefusal } from '../domain/plan/plan.ts';
import type { Change, CoreEventData } from '../domain/release/events.ts';
import type { Complaint } from './problem.ts';
import type { ReleaseAsked } from './schemas/release.ts';

export interface Captured {
  readonly inventory: Inventory;
  readonly plan: Plan;
  /** of every object captured, by `<kind>/<name>` */
  readonly versions: Readonly<Record<string, number>>;
}

/** Throws a 422 Problem with every complaint: things that do not exist, variables that reach no host, a plan that cannot be made. */
export async function captureInventory(db: Queryable, asked: ReleaseAsked): Promise<Captured> {
  const complaints: Complaint[] = [];
  const reader = new Reader(db);
  const pool = await reader.find('pool', asked.pool);
  if (pool === null) throw invalid([complaint('/pool', `pool ${asked.pool} does not exist`)]);
  const strategyName = asked.strategy ?? pool.strategy;
  const strategy = await reader.find('strategy', strategyName);
  if (strategy === null) complaints.push(complaint('/strategy', `strategy ${strategyName} does not exist`));
  const hosts = await findHosts(reader, pool, complaints);
  const changes = await changesFor(db, { kind: asked.kind, pool, changes: asked.changes ?? null }, complaints);
  const { applications, packages } = await findChanges(reader, changes, pool, complaints);
  complaints.push(...variableComplaints(changes, pool, applications, hosts), ...(strategy === null ? [] : [...healthComplaints(strategy, applications), ...waitComplaints(strategy, applications)]));
  if (strategy !== null) complaints.push(...badBastionChecks(strategy, pool, applications, hosts).map((bad) => complaint('/strategy', `strategy ${strategyName}, ${bad.field}: ${bad.message}`)));
  if (strategy !== null) complaints.push(...wayBackComplaints(effectiveStrategy(asked.kind, strategy, pool.environment), pool, changes));
  if (strategy === null || complaints.length > 0) throw invalid(complaints.slice(0, 100));
  const beside = await besideOf(db, pool);
  await reader.findAll('pool', (beside.members ?? []).map(({ name }) => name));
  const recipes = await capturedRecipes((names) => (names.length === 0 ? Promise.resolve(new Map()) : reader.findAll('recipe', names)), applications);
  const inventory: Inventory = { pool, strategy: effectiveStrategy(asked.kind, strategy, pool.environment), applications, hosts, packages, ...recipes, ...beside };
  return { inventory, plan: planOrComplain(inventory, asked), versions: reader.versions };
}

/** The first event of the release. */
export function releaseRequested(id: string, asked: ReleaseAsked, inventory: Inventory, by: { readonly requestedBy: string; readonly paces: Paces }): CoreEventData['release-requested'] {
  const { pool, strategy, hosts, packages } = inventory;
  const changes = packages.map(({ application, version }) => ({ application, version }));
  return {
    id,
    kind: asked.kind,
    pool: pool.name,
    environment: pool.environment,
    applications: changes.map(({ application }) => application),
    changes,
    strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone })),
    requestedBy: by.requestedBy,
    reason: asked.reason,
    busy: asked.busy ?? pool.busy,
    allowOutage: asked.allowOutage,
    ...(asked.batchCapPercent === null ? {} : { batchCapPercent: asked.batchCapPercent }),
    adopt: asked.adopt,
    rollbackOf: null,
    restoreFrom: null,
    mode: null,
    plan: asked.plan ?? null,
    paces: by.paces,
  };
}

async function findHosts(reader: Reader, pool: PoolSpec, complaints: Complaint[]): Promise<HostSpec[]> {
  if (pool.hosts.length === 0) complaints.push(complaint('/pool', `pool ${pool.name} has no host; an empty list never means all`));
  const found = await reader.findAll('host', pool.hosts);
  const missing = pool.hosts.filter((name) => !found.has(name));
  for (const name of missing) complaints.push(complaint('/pool', `pool ${pool.name} names host ${name}, which does not exist`));
  return pool.hosts.flatMap((name) => found.get(name) ?? []);
}

async function findChanges(reader: Reader, changes: readonly Change[], pool: PoolSpec, complaints: Complaint[]): Promise<{ applications: ApplicationSpec[]; packages: PackageSpec[] }> {
  const applications: ApplicationSpec[] = [];
  const packages: PackageSpec[] = [];
  for (const [index, { application: name, version }] of changes.entries()) {
    const at = `/changes/${index}`;
    const application = await reader.find('application', name);
    if (application === null) complaints.push(complaint(`${at}/application`, `application ${name} does not exist`));
    else if (!pool.applications.includes(name)) complaints.push(complaint(`${at}/application`, `pool ${pool.name} does not serve ${name}; it serves ${pool.applications.join(', ')}`));
    else applications.push(application);
    const found = await reader.find('package', `${name}@${version}`);
    if (found !== null) packages.push(found);
    else if (application !== null) complaints.push(complaint(`${at}/version`, `package ${name}@${version} is not registered; POST /v1/packages registers it`));
  }
  return { applications, packages };
}

function variableComplaints(changes: readonly Change[], pool: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[]): Complaint[] {
  const versions = Object.fromEntries(changes.map(({ application, version }) => [application, version]));
  return badSubstitutions(pool, applications, hosts, versions).map((bad) => {
    const pointer = bad.of === 'pool' ? '/pool' : `/changes/${changes.findIndex(({ application }) => application === bad.application)}/application`;
    return complaint(pointer, `${bad.of} ${bad.of === 'pool' ? pool.name : bad.application}, ${bad.field}: ${bad.message}`);
  });
}

/** A strategy and an application meet only here: checks that a step of this strategy has no time for. */
function healthComplaints(strategy: StrategySpec, applications: readonly ApplicationSpec[]): Complaint[] {
  return applications.flatMap(({ name, health }) =>
    health.flatMap((check, index) => {
      const never = neverFits(check, strategy.deadlines.stepSeconds);
      return never === null ? [] : [complaint('/strategy', `health check ${index} of application ${name} can never pass under strategy ${strategy.name}: ${never}`)];
    }),
  );
}

/** A job is waited for within the step that takes its entries out. */
function waitComplaints({ name, deadlines: { stepSeconds } }: StrategySpec, applications: readonly ApplicationSpec[]): Complaint[] {
  return applications.flatMap((application) => {
    const waitSeconds = application.schedule?.waitSeconds ?? 0;
    return waitSeconds < stepSeconds ? [] : [complaint('/strategy', `application ${application.name} waits up to ${waitSeconds} s for a job (schedule.waitSeconds), and a step of strategy ${name} has ${stepSeconds} s; give deadlines.stepSeconds more`)];
  });
}

/** What a release can be taken back to is known once strategy, pool and changes are. */
function wayBackComplaints(strategy: StrategySpec, pool: PoolSpec, changes: readonly Change[]): Complaint[] {
  return [unclearFor(strategy, pool), leadsNowhere(strategy, changes)].flatMap((message) => (message === null ? [] : [complaint('/strategy', message)]));
}

/** Who serves right now is seen by the worker. */
function planOrComplain(inventory: Inventory, asked: ReleaseAsked): Plan {
  const made = planAhead(inventory, { ...asked, isProven: KIND_POLICIES[asked.kind].isProven });
  if ('plan' in made) return made.plan;
  throw invalid(made.refusals.map((refusal) => complaint(POINTERS[refusal.code], `${refusal.message} ${refusal.next}`)));
}

const POINTERS: Readonly<Record<PlanRefusal['code'], string>> = {
  'empty-pool': '/pool',
  'capacity-floor': '/pool',
  'outage-not-allowed': '/allowOutage',
  contradiction: '/strategy',
  percentages: '/strategy',
  'bastion-not-in-pool': '/strategy',
  'bastion-too-large': '/strategy',
  'hosts-not-in-pool': '/strategy',
  'batch-above-cap': '/strategy',
  'batch-cap-not-allowed': '/batchCapPercent',
  'floor-order': '/strategy',
};

/** Reads inventory objects and remembers at which versions they stood. */
class Reader {
  readonly versions: Record<string, number> = {};
  readonly #db: Queryable;

  constructor(db: Queryable) {
    this.#db = db;
  }

  async find<K extends InventoryKind>(kind: K, name: string): Promise<InventorySpecs[K] | null> {
    return (await this.findAll(kind, [name])).get(name) ?? null;
  }

  async findAll<K extends InventoryKind>(kind: K, names: readonly string[]): Promise<ReadonlyMap<string, InventorySpecs[K]>> {
    const found = await getInventories(this.#db, kind, names);
    for (const { name, version } of found.values()) this.versions[`${kind}/${name}`] = version;
    return new Map([...found].map(([name, { spec }]) => [name, spec]));
  }
}

function complaint(pointer: string, message: string): Complaint {
  return { in: 'body', pointer, message };
}
