/** Recipes and the applications that go by them: does each name lead anywhere, and does an application say what its recipe needs. */
import { builtIn } from '../domain/recipe/built-in.ts';
import { findComposition, lineOf } from '../domain/recipe/compose.ts';
import { faultsOf } from '../domain/recipe/faults.ts';
import { misfitsOf } from '../domain/recipe/needs.ts';
import type { ApplicationSpec } from '../domain/inventory.ts';
import type { RecipeSpec } from '../domain/recipe/composition.ts';
import type { FindRecipe } from '../domain/recipe/compose.ts';
import type { Complaint } from './problem.ts';

/** An object of the request and where it stands there; `base` null: it stands in the store, and another object of the request concerns it. */
export interface Standing<S> {
  readonly spec: S;
  readonly base: string | null;
}

/** What is said of objects that the request brings, and of stored ones that it would break. */
export function recipeComplaints(recipes: readonly Standing<RecipeSpec>[], applications: readonly Standing<ApplicationSpec>[], find: FindRecipe): Complaint[] {
  const ofRecipes = recipes.flatMap(({ spec, base }) => faultsOf(spec, find).map(({ pointer, message }) => placed(`recipe ${spec.name}`, base, pointer, message, recipes)));
  if (ofRecipes.length > 0) return ofRecipes;
  return applications.flatMap(({ spec, base }) => faultsOfApplication(spec, find).map(({ pointer, message }) => placed(`application ${spec.name}`, base, pointer, message, recipes)));
}

function faultsOfApplication(application: ApplicationSpec, find: FindRecipe): readonly { readonly pointer: string; readonly message: string }[] {
  const composition = findComposition(application.recipe, find);
  if (composition === null) return [{ pointer: '/recipe', message: `recipe ${application.recipe} does not exist; create it before, or in the same apply` }];
  return misfitsOf(application, composition);
}

/** A stored object is no part of the request: the recipe that breaks it is pointed at. */
function placed(what: string, base: string | null, pointer: string, message: string, recipes: readonly Standing<RecipeSpec>[]): Complaint {
  if (base !== null) return { in: 'body', pointer: `${base}${pointer}`, message };
  const changed = recipes.find((recipe) => recipe.base !== null);
  return { in: 'body', pointer: changed?.base ?? '', message: `${what}, ${pointer}: ${message}` };
}

/** Whether the recipe stands in the line of another one, or is that one. */
export function goesBy(name: string, changed: ReadonlySet<string>, find: FindRecipe): boolean {
  const recipe = builtIn(name) ?? find(name);
  return changed.has(name) || (recipe !== undefined && lineOf(recipe, find).recipes.some((one) => changed.has(one.name)));
}
