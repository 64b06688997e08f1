/** Do the names in changed documents lead anywhere, and do variables reach every host: asked before anything is stored. */
import type { ApplicationSpec, HostSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import { HOOKS_MAX } from '../domain/hooks.ts';
import { findComposition, lineOf } from '../domain/recipe/compose.ts';
import { joinedSpec, misfitsOf } from '../domain/joined-pool.ts';
import { unclearFor } from '../domain/strategy-way-back.ts';
import { everyObject } from './inventory-reads.ts';
import { pointerTo } from './json-scan.ts';
import { FROM_MEMBERS } from './schemas/pool.ts';
import { goesBy, recipeComplaints } from './recipes.ts';
import { badBastionChecks, badPrograms, badSubstitutions } from './substitutions.ts';
import type { RecipeSpec } from '../domain/recipe/composition.ts';
import type { ApiDeps } from './deps.ts';
import type { InventoryDocument } from '../db/inventory-kinds.ts';
import type { StoredKind } from './kinds.ts';
import type { Complaint } from './problem.ts';
import type { BadSubstitution } from './substitutions.ts';

/** A document and where it stands in the request: `''` for the whole body, `/documents/2` in an apply. */
export interface Placed {
  readonly base: string;
  readonly document: InventoryDocument;
  /** the members that were sent, with their defaults filled in */
  readonly given: Readonly<Record<string, unknown>>;
}

/** The inventory as it would be: what the request brings over what is stored. */
class World {
  readonly #db: ApiDeps['db'];
  readonly #placed: readonly Placed[];
  readonly #places: ReadonlyMap<string, Placed>;
  readonly #stored = new Map<StoredKind, Promise<ReadonlyMap<string, unknown>>>();

  constructor(db: ApiDeps['db'], placed: readonly Placed[]) {
    this.#db = db;
    this.#placed = placed;
    // The first of two for one name counts: pools of thousands ask for each of their hosts.
    this.#places = new Map(placed.toReversed().map((one) => [`${one.document.kind} ${one.document.name}`, one]));
  }

  placeOf(kind: StoredKind, name: string): Placed | undefined {
    return this.#places.get(`${kind} ${name}`);
  }

  async find<T>(kind: StoredKind, name: string): Promise<T | null> {
    const placed = this.placeOf(kind, name);
    if (placed !== undefined) return placed.document.spec as T;
    const stored = this.#stored.get(kind) ?? everyObject<{ readonly name: string }>(this.#db, kind).then((all) => new Map(all.map((spec) => [spec.name, spec])));
    this.#stored.set(kind, stored);
    return ((await stored).get(name) as T | undefined) ?? null;
  }

  /** Pools of the request, and stored ones that hold a host or an application of the request, or go by a strategy or a recipe of it. */
  async poolsConcerned(): Promise<PoolSpec[]> {
    const followers = new Set((await this.#followers()).map(({ name }) => name));
    const stored = (await everyObject<PoolSpec>(this.#db, 'pool')).filter((pool) => this.placeOf('pool', pool.name) === undefined);
    const touched = stored.filter((pool) => pool.joins === undefined && (pool.hosts.some((name) => this.placeOf('host', name)) || pool.applications.some((name) => followers.has(name) || this.placeOf('application', name)) || this.placeOf('strategy', pool.strategy)));
    return [...this.#placed.flatMap(({ document }) => (document.kind === 'pool' && document.spec.joins === undefined ? [document.spec] : [])), ...touched];
  }

  /** Those that people declare, as they would be. */
  async recipes(): Promise<ReadonlyMap<string, RecipeSpec>> {
    const all = new Map((await everyObject<RecipeSpec>(this.#db, 'recipe')).map((recipe) => [recipe.name, recipe]));
    for (const { document } of this.#placed) if (document.kind === 'recipe') all.set(document.name, document.spec);
    return all;
  }

  /** Recipes and applications of the request, and stored applications whose recipe it changes. */
  async recipeComplaints(): Promise<readonly Complaint[]> {
    if (!this.#placed.some(({ document: { kind } }) => kind === 'recipe' || kind === 'application')) return [];
    const recipes = this.#placed.flatMap(({ base, document }) => (document.kind === 'recipe' ? [{ base, spec: document.spec }] : []));
    const all = await this.recipes();
    const find = (name: string): RecipeSpec | undefined => all.get(name);
    const changed = new Set(recipes.map(({ spec }) => spec.name));
    const leaning = [...all.values()].filter(({ name }) => !changed.has(name) && goesBy(name, changed, find)).map((spec) => ({ base: null, spec }));
    const applications = this.#placed.flatMap(({ base, document }) => (document.kind === 'application' ? [{ base, spec: document.spec }] : []));
    const stored = (await this.#followers()).map((spec) => ({ base: null, spec }));
    return recipeComplaints([...recipes, ...leaning], [...applications, ...stored], find);
  }

  /** Stored applications that go by a recipe of the request. */
  async #followers(): Promise<readonly ApplicationSpec[]> {
    const changed = new Set(this.#placed.flatMap(({ document }) => (document.kind === 'recipe' ? [document.name] : [])));
    if (changed.size === 0) return [];
    const all = await this.recipes();
    const stored = await everyObject<ApplicationSpec>(this.#db, 'application');
    return stored.filter(({ name, recipe }) => this.placeOf('application', name) === undefined && goesBy(recipe, changed, (other) => all.get(other)));
  }

  /** Joined pools of the request, and stored ones that join a pool of the request or go by a strategy of it. */
  async joinedConcerned(): Promise<PoolSpec[]> {
    const stored = (await everyObject<PoolSpec>(this.#db, 'pool')).filter((pool) => this.placeOf('pool', pool.name) === undefined);
    const touched = stored.filter(({ joins, strategy }) => joins !== undefined && (joins.some((name) => this.placeOf('pool', name)) || this.placeOf('strategy', strategy)));
    return [...this.#placed.flatMap(({ document }) => (document.kind === 'pool' && document.spec.joins !== undefined ? [document.spec] : [])), ...touched];
  }
}

/** Complaints with pointers into the request; empty when all is well. */
export async function referenceComplaints(db: ApiDeps['db'], placed: readonly Placed[]): Promise<readonly Complaint[]> {
  const world = new World(db, placed);
  const complaints: Complaint[] = [];
  // Strategies are named by pools only, use variables in the checks of their bastion only, and name applications in rollback.to only: without those they concern nobody.
  if (placed.every(({ document }) => document.kind === 'strategy' && (document.spec.bastion.health ?? []).length === 0 && document.spec.rollback.to === undefined)) return complaints;
  complaints.push(...(await world.recipeComplaints()));
  for (const pool of await world.poolsConcerned()) complaints.push(...(await complaintsOfPool(world, pool)));
  for (const pool of await world.joinedConcerned()) complaints.push(...(await complaintsOfJoined(world, pool)));
  return complaints.slice(0, 100);
}

async function complaintsOfPool(world: World, pool: PoolSpec): Promise<Complaint[]> {
  const complaints: Complaint[] = [];
  const base = world.placeOf('pool', pool.name)?.base ?? '';
  const seek = async <T>(kind: StoredKind, names: readonly string[], field: string): Promise<T[]> => {
    const found: T[] = [];
    for (const [index, name] of names.entries()) {
      const spec = await world.find<T>(kind, name);
      const pointer = base + (field === 'strategy' ? '/strategy' : pointerTo(`/${field}`, index));
      if (spec === null) complaints.push({ in: 'body', pointer, message: `${kind} ${name} does not exist; create it before, or in the same apply` });
      else found.push(spec);
    }
    return found;
  };
  const applications = await seek<ApplicationSpec>('application', pool.applications, 'applications');
  const hosts = await seek<HostSpec>('host', pool.hosts, 'hosts');
  const [strategy] = await seek<StrategySpec>('strategy', [pool.strategy], 'strategy');
  const ofBastion = strategy === undefined ? [] : badBastionChecks(strategy, pool, applications, hosts);
  if (strategy !== undefined) complaints.push(...unclearWayBack(world, pool, strategy));
  complaints.push(...(await programComplaints(world, pool, applications, hosts)));
  for (const bad of [...badSubstitutions(pool, applications, hosts), ...ofBastion]) complaints.push(placedComplaint(world, pool, bad));
  return [...complaints, ...tooManyHooks(world, pool, applications)];
}

/** Programs of recipes that use what a host does not have. Said of the application that the request brings, else of its recipe, else of the pool. */
async function programComplaints(world: World, pool: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[]): Promise<Complaint[]> {
  const recipes = await world.recipes();
  return applications.flatMap((application) => {
    const composition = findComposition(application.recipe, (name) => recipes.get(name));
    if (composition === null) return [];
    const own = world.placeOf('application', application.name);
    const changed = own ?? lineOfNames(application.recipe, recipes).map((name) => world.placeOf('recipe', name)).find((place) => place !== undefined) ?? world.placeOf('pool', pool.name);
    return badPrograms(pool, application, composition, hosts).map(({ message }): Complaint => ({ in: 'body', pointer: `${changed?.base ?? ''}${own === undefined ? '' : '/recipe'}`, message }));
  });
}

function lineOfNames(name: string, recipes: ReadonlyMap<string, RecipeSpec>): readonly string[] {
  const recipe = recipes.get(name);
  return recipe === undefined ? [] : lineOf(recipe, (other) => recipes.get(other)).recipes.map((one) => one.name);
}

/** All applications of a target share its hooks' places: of the request, the pool has one too many, else the last application that brings some. */
function tooManyHooks(world: World, pool: PoolSpec, applications: readonly ApplicationSpec[]): Complaint[] {
  const having = applications.filter(({ hooks = [] }) => hooks.length > 0);
  const count = having.reduce((sum, { hooks = [] }) => sum + hooks.length, 0);
  if (count <= HOOKS_MAX) return [];
  const message = `the applications of pool ${pool.name} have ${count} hooks together (${having.map(({ name, hooks = [] }) => `${name} ${hooks.length}`).join(', ')}); a target may have at most ${HOOKS_MAX}`;
  const inPool = world.placeOf('pool', pool.name);
  const changed = having.flatMap(({ name }) => world.placeOf('application', name) ?? []).at(-1);
  return [{ in: 'body', pointer: inPool === undefined ? `${changed?.base ?? ''}/hooks` : `${inPool.base}/applications`, message }];
}

function unclearWayBack(world: World, pool: PoolSpec, strategy: StrategySpec): Complaint[] {
  const message = unclearFor(strategy, pool);
  return message === null ? [] : [{ in: 'body', pointer: placeOfUnclear(world, pool), message }];
}

/** The strategy when the request brings it, else the pool, which names it; a request with neither changed one of its applications or hosts. */
function placeOfUnclear(world: World, pool: PoolSpec): string {
  const strategy = world.placeOf('strategy', pool.strategy);
  return strategy === undefined ? `${world.placeOf('pool', pool.name)?.base ?? ''}/strategy` : `${strategy.base}/rollback/to`;
}

/** Its members are looked at by themselves: here only whether they fit together, and what its own strategy asks of them. */
async function complaintsOfJoined(world: World, pool: PoolSpec): Promise<Complaint[]> {
  const members = new Map<string, PoolSpec>();
  for (const name of pool.joins ?? []) {
    const member = await world.find<PoolSpec>('pool', name);
    if (member !== null) members.set(name, member);
  }
  const own = world.placeOf('pool', pool.name);
  const misfits = misfitsOf(pool, members).map(({ member, field, message }): Complaint => {
    if (own !== undefined) return { in: 'body', pointer: `${own.base}/joins/${(pool.joins ?? []).indexOf(member)}`, message };
    const changed = world.placeOf('pool', member) ?? (pool.joins ?? []).map((name) => world.placeOf('pool', name)).find((place) => place !== undefined);
    return { in: 'body', pointer: `${changed?.base ?? ''}/${field ?? 'joins'}`, message: `joined pool ${pool.name} would not fit together any more: ${message}` };
  });
  if (misfits.length > 0) return misfits;
  const whole = joinedSpec(pool, (pool.joins ?? []).flatMap((name) => members.get(name) ?? []));
  const derived = own === undefined ? [] : otherThanDerived(own, whole);
  if (derived.length > 0) return derived;
  const strategy = await world.find<StrategySpec>('strategy', pool.strategy);
  if (strategy === null) return own === undefined ? [] : [{ in: 'body', pointer: `${own.base}/strategy`, message: `strategy ${pool.strategy} does not exist; create it before, or in the same apply` }];
  const applications = await found<ApplicationSpec>(world, 'application', whole.applications);
  const hosts = await found<HostSpec>(world, 'host', whole.hosts);
  return [...unclearWayBack(world, whole, strategy), ...badBastionChecks(strategy, whole, applications, hosts).map((bad) => placedComplaint(world, whole, bad))];
}

/** Who reads a joined pool, changes it and sends it back sends what its members give, too: that must be what they give. */
function otherThanDerived({ base, given }: Placed, whole: PoolSpec): Complaint[] {
  return FROM_MEMBERS.filter((field) => given[field] !== undefined && canonicalJson(given[field]) !== canonicalJson(whole[field])).map((field) => ({
    in: 'body',
    pointer: `${base}/${field}`,
    message: 'is taken from the members of a joined pool, and they give something else: change it there, and leave it out here',
  }));
}

async function found<T>(world: World, kind: StoredKind, names: readonly string[]): Promise<T[]> {
  const all: T[] = [];
  for (const name of names) {
    const spec = await world.find<T>(kind, name);
    if (spec !== null) all.push(spec);
  }
  return all;
}

/** Points into the document of the request that could be mended: the one that holds the text, else the pool, else the host. */
function placedComplaint(world: World, pool: PoolSpec, bad: BadSubstitution): Complaint {
  const name = { pool: pool.name, strategy: pool.strategy, application: bad.application }[bad.of];
  const owner = world.placeOf(bad.of, name);
  if (owner !== undefined) return { in: 'body', pointer: owner.base + bad.field, message: bad.message };
  const inPool = world.placeOf('pool', pool.name);
  const message = `${bad.of} ${name}, ${bad.field}: ${bad.message}`;
  if (inPool !== undefined) return { in: 'body', pointer: pool.joins === undefined ? `${inPool.base}/hosts/${pool.hosts.indexOf(bad.host)}` : `${inPool.base}/strategy`, message };
  return { in: 'body', pointer: `${world.placeOf('host', bad.host)?.base ?? ''}/variables`, message };
}
