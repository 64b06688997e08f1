/** From "pool web-prod, web=2" to everything a release runs on: found, checked, captured, never read again from live tables. */
import { getInventory } from '../db/inventory.ts';
import { makePlan } from '../domain/plan/make-plan.ts';
import { invalid } from './problem.ts';
import { badBastionChecks, badSubstitutions } from './substitutions.ts';
import type { Queryable } from '../db/client.ts';
import type { InventoryKind } from '../db/inventory-kinds.ts';
import type { ApplicationSpec, HostSpec, Inventory, PackageSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';
import type { Plan, PlanRefusal } from '../domain/plan/plan.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Complaint } from './problem.ts';
import type { ReleaseAsked } from './schemas/release.ts';

/** Throws a 422 Problem with every complaint: things that do not exist, variables that reach no host, a plan that cannot be made. */
export async function captureInventory(db: Queryable, asked: ReleaseAsked): Promise<{ readonly inventory: Inventory; readonly plan: Plan }> {
  const complaints: Complaint[] = [];
  const pool = await find<PoolSpec>(db, 'pool', asked.pool);
  if (pool === null) throw invalid([complaint('/pool', `pool ${asked.pool} does not exist`)]);
  const strategyName = asked.strategy ?? pool.strategy;
  const strategy = await find<StrategySpec>(db, 'strategy', strategyName);
  if (strategy === null) complaints.push(complaint('/strategy', `strategy ${strategyName} does not exist`));
  const hosts = await findHosts(db, pool, complaints);
  const { applications, packages } = await findChanges(db, asked, pool, complaints);
  complaints.push(...variableComplaints(asked, pool, applications, hosts));
  if (strategy !== null) complaints.push(...badBastionChecks(strategy, pool, applications, hosts).map((bad) => complaint('/strategy', `strategy ${strategyName}, ${bad.field}: ${bad.message}`)));
  if (strategy === null || complaints.length > 0) throw invalid(complaints.slice(0, 100));
  const inventory: Inventory = { pool, strategy, applications, hosts, packages };
  return { inventory, plan: planAhead(inventory, asked) };
}

/** The first event of the release. */
export function releaseRequested(id: string, asked: ReleaseAsked, inventory: Inventory, requestedBy: string): CoreEventData['release-requested'] {
  const { pool, strategy, hosts } = inventory;
  return {
    id,
    kind: 'rollout',
    pool: pool.name,
    environment: pool.environment,
    applications: asked.changes.map(({ application }) => application),
    changes: asked.changes,
    strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone })),
    requestedBy,
    reason: asked.reason,
    busy: asked.busy ?? pool.busy,
    allowOutage: asked.allowOutage,
    adopt: asked.adopt,
    rollbackOf: null,
    restoreFrom: null,
    mode: null,
  };
}

async function findHosts(db: Queryable, pool: PoolSpec, complaints: Complaint[]): Promise<HostSpec[]> {
  if (pool.hosts.length === 0) complaints.push(complaint('/pool', `pool ${pool.name} has no host; an empty list never means all`));
  const hosts: HostSpec[] = [];
  for (const name of pool.hosts) {
    const host = await find<HostSpec>(db, 'host', name);
    if (host === null) complaints.push(complaint('/pool', `pool ${pool.name} names host ${name}, which does not exist`));
    else hosts.push(host);
  }
  return hosts;
}

async function findChanges(db: Queryable, asked: ReleaseAsked, pool: PoolSpec, complaints: Complaint[]): Promise<{ applications: ApplicationSpec[]; packages: PackageSpec[] }> {
  const applications: ApplicationSpec[] = [];
  const packages: PackageSpec[] = [];
  for (const [index, { application: name, version }] of asked.changes.entries()) {
    const at = `/changes/${index}`;
    const application = await find<ApplicationSpec>(db, 'application', name);
    if (application === null) complaints.push(complaint(`${at}/application`, `application ${name} does not exist`));
    else if (!pool.applications.includes(name)) complaints.push(complaint(`${at}/application`, `pool ${pool.name} does not serve ${name}; it serves ${pool.applications.join(', ')}`));
    else applications.push(application);
    const found = await find<PackageSpec>(db, 'package', `${name}@${version}`);
    if (found !== null) packages.push(found);
    else if (application !== null) complaints.push(complaint(`${at}/version`, `package ${name}@${version} is not registered; POST /v1/packages registers it`));
  }
  return { applications, packages };
}

function variableComplaints(asked: ReleaseAsked, pool: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[]): Complaint[] {
  const versions = Object.fromEntries(asked.changes.map(({ application, version }) => [application, version]));
  return badSubstitutions(pool, applications, hosts, versions).map((bad) => {
    const pointer = bad.of === 'pool' ? '/pool' : `/changes/${asked.changes.findIndex(({ application }) => application === bad.application)}/application`;
    return complaint(pointer, `${bad.of} ${bad.of === 'pool' ? pool.name : bad.application}, ${bad.field}: ${bad.message}`);
  });
}

/** Who serves right now is seen by the worker; here everybody is taken to serve, which refuses nothing that could be released. */
function planAhead({ pool, strategy, hosts, packages }: Inventory, asked: ReleaseAsked): Plan {
  const made = makePlan({
    pool,
    strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone, inService: true })),
    changes: packages.map(({ application, version, sha256 }) => ({ application, version, sha256 })),
    allowOutage: asked.allowOutage,
    reason: asked.reason,
  });
  if ('plan' in made) return made.plan;
  throw invalid(made.refusals.map((refusal) => complaint(POINTERS[refusal.code], `${refusal.message} ${refusal.next}`)));
}

const POINTERS: Readonly<Record<PlanRefusal['code'], string>> = {
  'empty-pool': '/pool',
  'capacity-floor': '/pool',
  'outage-not-allowed': '/allowOutage',
  'bastion-too-large': '/strategy',
  percentages: '/strategy',
};

async function find<T>(db: Queryable, kind: InventoryKind, name: string): Promise<T | null> {
  return ((await getInventory(db, kind, name))?.spec as T | undefined) ?? null;
}

function complaint(pointer: string, message: string): Complaint {
  return { in: 'body', pointer, message };
}
