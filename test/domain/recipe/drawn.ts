/** Recipes drawn by lot, sound and unsound. */
import fc from 'fast-check';
import { ACT_NAMES, RECIPE_STEPS } from '../../../domain/recipe/composition.ts';
import type { Act, RecipeSpec, RunAct } from '../../../domain/recipe/composition.ts';

const program: fc.Arbitrary<RunAct> = fc.record({ run: fc.constant(['./program']), timeoutSeconds: fc.integer({ min: 1, max: 60 }), back: fc.constantFrom([], ['./undo']) }, { requiredKeys: ['run', 'timeoutSeconds'] });
const act: fc.Arbitrary<Act> = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...ACT_NAMES) }, program);

/** Mostly unsound: acts anywhere, names that lead anywhere. */
export const anyRecipes: fc.Arbitrary<readonly RecipeSpec[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    extends: fc.constantFrom(null, 'a', 'b', 'c', 'd', 'base', 'service', 'static', 'nowhere'),
    steps: fc.record(Object.fromEntries(RECIPE_STEPS.map((step) => [step, fc.array(act, { maxLength: 5 })])), { requiredKeys: [] }),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 4 },
) as fc.Arbitrary<readonly RecipeSpec[]>;

/** Programs before, between and after the acts of a recipe that comes along; those of the switch with their way back. */
export const soundRecipe: fc.Arbitrary<RecipeSpec> = fc
  .record({ extended: fc.constantFrom('service', 'static', 'php'), start: fc.array(program, { maxLength: 2 }), change: fc.array(program, { maxLength: 2 }), verify: fc.array(program, { maxLength: 2 }) })
  .map(({ extended, start, change, verify }) => {
    const plain = (acts: readonly RunAct[]): readonly RunAct[] => acts.map(({ run, timeoutSeconds }) => ({ run, timeoutSeconds }));
    const before = { service: ['start-process'], static: [], php: ['reload'] } as const;
    return { name: 'own', extends: extended, steps: { start: [...before[extended as 'service'], ...plain(start)], switch: ['link', ...change.map((one) => ({ ...one, back: one.back ?? [] }))], verify: [...plain(verify), 'ask-health'] } };
  });
