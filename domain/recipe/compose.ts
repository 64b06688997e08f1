/** From what people declare to a composition with every step, and from a composition to the acts of one step in one direction. */
import { SERVICE, builtIn } from './built-in.ts';
import { RECIPE_STEPS, isRun } from './composition.ts';
import type { ApplicationSpec, Inventory } from '../inventory.ts';
import type { Direction } from '../vocabulary.ts';
import type { Act, Composition, RecipeSpec, RecipeStep, Steps } from './composition.ts';

/** Finds a recipe that people declared; those that come along need not be known to it. */
export type FindRecipe = (name: string) => RecipeSpec | undefined;

/** The recipe and those it extends, itself first. `broken`: what it extends does not exist, or leads back to one that stands in the line already. */
export interface Line {
  readonly recipes: readonly RecipeSpec[];
  readonly broken: { readonly name: string; readonly why: 'unknown' | 'cycle' } | null;
}

export function lineOf(recipe: RecipeSpec, find: FindRecipe): Line {
  const recipes = [recipe];
  for (let next = recipe.extends; next !== null; ) {
    const name = next;
    if (recipes.some((before) => before.name === name)) return { recipes, broken: { name, why: 'cycle' } };
    const found = builtIn(name) ?? find(name);
    if (found === undefined) return { recipes, broken: { name, why: 'unknown' } };
    recipes.push(found);
    next = found.extends;
  }
  return { recipes, broken: null };
}

/** Of each step the nearest recipe of the line that names it counts; a step that none of them names has no act. */
export function composed({ recipes }: Line): Composition {
  const actsOf = (step: RecipeStep): readonly Act[] => recipes.find(({ steps }) => steps[step] !== undefined)?.steps[step] ?? [];
  return { name: recipes[0]?.name ?? '', steps: Object.fromEntries(RECIPE_STEPS.map((step) => [step, actsOf(step)])) as Steps };
}

/** Null: the name leads nowhere, or its line is broken. */
export function findComposition(name: string, find: FindRecipe): Composition | null {
  const recipe = builtIn(name) ?? find(name);
  if (recipe === undefined) return null;
  const line = lineOf(recipe, find);
  return line.broken === null ? composed(line) : null;
}

/** What a release captures: the compositions of its applications. None where all are plain services, which every build knows. */
export function captured(applications: readonly Pick<ApplicationSpec, 'recipe'>[], find: FindRecipe): readonly Composition[] {
  const names = [...new Set(applications.map(({ recipe }) => recipe))].filter((name) => name !== SERVICE);
  return names.flatMap((name) => findComposition(name, find) ?? []);
}

/** The composition an application goes by in a release: the one captured with it. Throws when there is none, which the API has refused. */
export function compositionOf({ recipes = [] }: Pick<Inventory, 'recipes'>, { name, recipe }: Pick<ApplicationSpec, 'name' | 'recipe'>): Composition {
  const found = recipes.find((one) => one.name === recipe) ?? findComposition(recipe, () => undefined);
  if (found === null) throw new Error(`Application ${name} goes by the recipe ${recipe}, which this release did not capture`);
  return found;
}

/** An act in its turn. `index`: its place in the step as it is declared, the same in both directions. */
export interface PlacedAct {
  readonly act: Act;
  readonly index: number;
}

/**
 * The acts of a step in one direction. Stop, start and verify are the same both ways: on the way back they are done to bring the release
 * of before into service again. The switch alone is undone: last act first, a program by what takes it back.
 */
export function actsOf({ steps }: Composition, step: RecipeStep, direction: Direction): readonly PlacedAct[] {
  const placed = steps[step].map((act, index): PlacedAct => ({ act, index }));
  if (direction === 'forward' || step !== 'switch') return placed;
  return placed.toReversed().flatMap(({ act, index }): PlacedAct[] => {
    if (!isRun(act)) return [{ act, index }];
    return act.back === undefined || act.back.length === 0 ? [] : [{ act: { run: act.back, timeoutSeconds: act.timeoutSeconds }, index }];
  });
}
