/** Laws of recipes, over compositions drawn by lot. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILT_IN } from '../../../domain/recipe/built-in.ts';
import { actsOf, captured, composed, compositionOf, findComposition, lineOf } from '../../../domain/recipe/compose.ts';
import { ACT_NAMES, RECIPE_STEPS, isRun, meaningOf, runsOf } from '../../../domain/recipe/composition.ts';
import { faultsOf } from '../../../domain/recipe/faults.ts';
import { anyRecipes, soundRecipe } from './drawn.ts';
import type { Composition, RecipeSpec } from '../../../domain/recipe/composition.ts';

const finder = (recipes: readonly RecipeSpec[]) => (name: string) => recipes.find((recipe) => recipe.name === name);
const doing = ({ steps }: Composition): readonly string[] => RECIPE_STEPS.flatMap((step) => steps[step].flatMap((act) => (isRun(act) ? [] : [act])));

describe('a recipe without faults', () => {
  test('stages, links, and stops whatever it starts; every program of its switch says what takes it back', () => {
    let sound = 0;
    fc.assert(
      fc.property(fc.oneof(anyRecipes, soundRecipe.map((recipe) => [recipe])), (recipes) => {
        for (const recipe of recipes) {
          if (faultsOf(recipe, finder(recipes)).length > 0) continue;
          sound += 1;
          const composition = composed(lineOf(recipe, finder(recipes)));
          const acts = doing(composition);
          expect(acts).toEqual(expect.arrayContaining(['fetch', 'unpack', 'configure', 'link']));
          expect(acts.includes('stop-process')).toBe(acts.includes('start-process'));
          expect(new Set(acts).size).toBe(acts.length);
          for (const step of RECIPE_STEPS) for (const act of composition.steps[step]) if (!isRun(act)) expect(meaningOf(act).step).toBe(step);
          for (const act of composition.steps.switch) if (isRun(act)) expect(act.back).toBeDefined();
        }
      }),
      { numRuns: 2_000 },
    );
    expect(sound).toBeGreaterThan(500);
  });

  test('is what programs before, between and after the acts of a known one make', () => {
    fc.assert(
      fc.property(soundRecipe, (recipe) => {
        expect(faultsOf(recipe, () => undefined)).toEqual([]);
      }),
    );
  });
});

describe('the line of a recipe', () => {
  test('always ends, whatever extends whatever, and names none twice', () => {
    fc.assert(
      fc.property(anyRecipes, (recipes) => {
        for (const recipe of recipes) {
          const names = lineOf(recipe, finder(recipes)).recipes.map(({ name }) => name);
          expect(new Set(names).size).toBe(names.length);
        }
      }),
    );
  });

  test('that is broken gives one fault, at extends, and no composition', () => {
    fc.assert(
      fc.property(anyRecipes, (recipes) => {
        for (const recipe of recipes) {
          if (lineOf(recipe, finder(recipes)).broken === null) continue;
          expect(faultsOf(recipe, finder(recipes)).map(({ pointer }) => pointer)).toEqual(['/extends']);
          expect(findComposition(recipe.name, finder(recipes))).toBeNull();
        }
      }),
    );
  });
});

describe('the way back', () => {
  test('undoes the switch, last act first; the other steps are the same both ways', () => {
    fc.assert(
      fc.property(soundRecipe, (recipe) => {
        const composition = composed(lineOf(recipe, () => undefined));
        for (const step of RECIPE_STEPS) {
          const [forward, back] = [actsOf(composition, step, 'forward'), actsOf(composition, step, 'back')];
          if (step === 'switch') {
            const undone = forward.filter(({ act }) => !isRun(act) || (act.back ?? []).length > 0);
            expect(back.map(({ index }) => index)).toEqual(undone.map(({ index }) => index).toReversed());
            for (const { act, index } of back) {
              const before = composition.steps.switch[index];
              if (isRun(act)) expect(before !== undefined && isRun(before) && before.back).toEqual(act.run);
              else expect(act).toBe(before);
            }
          } else expect(back).toEqual(forward);
        }
      }),
    );
  });
});

test('a recipe captured with a release is the one it goes by, whatever is declared later', () => {
  fc.assert(
    fc.property(soundRecipe, (recipe) => {
      const recipes = captured([{ recipe: recipe.name }, { recipe: 'service' }], finder([recipe]));
      expect(compositionOf({ recipes }, { name: 'web', recipe: recipe.name })).toEqual(findComposition(recipe.name, finder([recipe])));
      expect(compositionOf({ recipes }, { name: 'web', recipe: 'service' })).toEqual(findComposition('service', finder([])));
    }),
  );
});

test('every recipe that comes along would be without faults under another name', () => {
  for (const recipe of BUILT_IN) expect(faultsOf({ ...recipe, name: `own-${recipe.name}` }, () => undefined)).toEqual([]);
  expect(ACT_NAMES.every((act) => BUILT_IN.some(({ name }) => doing(findComposition(name, () => undefined) as Composition).includes(act)))).toBe(true);
});

test('only recipes that start a process have one running', () => {
  const running = BUILT_IN.filter(({ name }) => runsOf(findComposition(name, () => undefined) as Composition) === 'process').map(({ name }) => name);
  expect(running).toEqual(['service', 'nodejs', 'java-web', 'dotnet']);
});
