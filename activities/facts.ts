/** What activities need to know of a release again and again and never changes once written: remembered, so that hot steps do not read it. */
import { getInventoryOf, getRollbackPlan } from '../db/queries.ts';
import { targetFacts } from '../db/target-facts.ts';
import { goalImage } from '../domain/rollback-plan.ts';
import type { Database } from '../db/client.ts';
import type { ApplicationSpec, HostSpec, Inventory, PackageSpec } from '../domain/inventory.ts';
import type { RollbackPlan } from '../domain/rollback-plan.ts';
import type { Observation } from '../domain/release/target.ts';

export interface TargetFacts {
  readonly preImage: Observation | null;
  /** run configuration per application, once staged */
  readonly configs: Readonly<Record<string, string>>;
  readonly staged: boolean;
}

export interface ReleaseFacts {
  inventory(release: string): Promise<Inventory>;
  /** pre-image and staged configurations of one target; asks the database until the target is staged, then remembers */
  target(release: string, host: string): Promise<TargetFacts>;
  /** what was observed of a target before this release touched it */
  preImage(release: string, host: string): Promise<Observation>;
  /** what a rollback makes of a target: the pre-image that `release` recorded, or what it planned where it goes to an older version */
  goal(release: string, host: string): Promise<Observation>;
}

const RELEASES_MAX = 200;

export function createFacts(db: Database): ReleaseFacts {
  const inventories = new Map<string, Promise<Inventory>>();
  const targets = new Map<string, TargetFacts>();
  const plans = new Map<string, Promise<RollbackPlan | null>>();
  const target = async (release: string, host: string): Promise<TargetFacts> => {
    const key = `${release}/${host}`;
    const known = targets.get(key);
    if (known !== undefined) return known;
    const facts = await targetFacts(db, release, host);
    if (facts.staged) remember(targets, key, facts, RELEASES_MAX * 20);
    return facts;
  };
  const preImage = async (release: string, host: string): Promise<Observation> => {
    const { preImage: image } = await target(release, host);
    if (image === null) throw new Error(`No pre-image of ${host} is recorded in release ${release}; nothing can be restored from it.`);
    return image;
  };
  return {
    inventory: (release) => once(inventories, release, () => getInventoryOf(db, release)),
    target,
    preImage,
    async goal(release, host) {
      const [image, plan] = await Promise.all([preImage(release, host), once(plans, release, () => getRollbackPlan(db, release))]);
      const way = plan?.to === 'previous' ? undefined : plan?.targets.find((planned) => planned.host === host);
      return way === undefined ? image : goalImage(image, way.applications);
    },
  };
}

/** Asks once and remembers the answer; a question that failed is asked again. */
function once<V>(map: Map<string, Promise<V>>, key: string, load: () => Promise<V>): Promise<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const loading = load();
  loading.catch(() => map.delete(key));
  remember(map, key, loading, RELEASES_MAX);
  return loading;
}

/** Oldest out first: a worker that has served thousands of releases keeps the memory of the last ones. */
function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) break;
    map.delete(oldest);
  }
}

export function hostOf(inventory: Inventory, name: string): HostSpec {
  const host = inventory.hosts.find((candidate) => candidate.name === name);
  if (host === undefined) throw new Error(`Host ${name} is not in the inventory of this release`);
  return host;
}

/** Applications in the order of the pool, which is the order of start; stopping goes the other way round. */
export function applicationsOf(inventory: Inventory): readonly ApplicationSpec[] {
  return inventory.pool.applications.flatMap((name) => inventory.applications.filter((application) => application.name === name));
}

/** The package an application goes to in this release; undefined when the release does not change it. */
export function packageOf(inventory: Inventory, application: string): PackageSpec | undefined {
  return inventory.packages.find((candidate) => candidate.application === application);
}
