/** The recipes that a release goes by, with all they extend, as they stand now. */
import { builtIn } from '../domain/recipe/built-in.ts';
import { captured } from '../domain/recipe/compose.ts';
import { getInventories } from './inventory.ts';
import type { ApplicationSpec, Inventory } from '../domain/inventory.ts';
import type { RecipeSpec } from '../domain/recipe/composition.ts';
import type { Queryable } from './client.ts';

/** Finds those of the named recipes that people declared. */
export type FindRecipes = (names: readonly string[]) => Promise<ReadonlyMap<string, RecipeSpec>>;

/** Part of a release's inventory; nothing where all applications are plain services. */
export async function capturedRecipes(find: FindRecipes, applications: readonly ApplicationSpec[]): Promise<Pick<Inventory, 'recipes'>> {
  const found = new Map<string, RecipeSpec>();
  for (let names = applications.map(({ recipe }) => recipe); names.length > 0; ) {
    const recipes = await find([...new Set(names)].filter((name) => builtIn(name) === undefined && !found.has(name)));
    for (const [name, recipe] of recipes) found.set(name, recipe);
    names = [...recipes.values()].flatMap((recipe) => recipe.extends ?? []);
  }
  const recipes = captured(applications, (name) => found.get(name));
  return recipes.length === 0 ? {} : { recipes };
}

export function recipesIn(db: Queryable): FindRecipes {
  return async (names) => new Map([...(names.length === 0 ? [] : await getInventories(db, 'recipe', names))].map(([name, { spec }]) => [name, spec]));
}
