/** PUT /v1/recipes/{name}, kind: Recipe. What a composition may not be stands in domain/recipe/faults.ts. */
import { z } from 'zod';
import { ACT_NAMES, RECIPE_STEPS, meaningOf } from '../../domain/recipe/composition.ts';
import { Argv, ArgvOrNone, Name, whole } from './text.ts';
import type { ActName, RecipeSpec, RecipeStep, RunAct } from '../../domain/recipe/composition.ts';

const ACTS_MAX = 20;

const Program = z.strictObject({
  run: Argv.meta({ description: 'argv without a shell, run in the linked release as the application\'s account; one that may run again when it was cut off' }),
  back: ArgvOrNone.unwrap().exactOptional().meta({ description: 'in switch: what takes it back; [] where there is nothing to take back' }),
  timeoutSeconds: whole(1, 3600).default(60),
}) satisfies z.ZodType<RunAct>;

const ActWord = z.enum(ACT_NAMES as readonly [ActName, ...ActName[]], { error: `must be an act (${ACT_NAMES.join(', ')}) or a program to run` });

function actsOf(step: RecipeStep) {
  const own = ACT_NAMES.filter((act) => meaningOf(act).step === step).map((act) => `${act} ${meaningOf(act).does}`);
  return z.array(z.union([ActWord, Program], { error: ({ input }) => (typeof input === 'string' ? `"${input}" is no act; these are: ${ACT_NAMES.join(', ')}` : undefined) })).max(ACTS_MAX).exactOptional().meta({ description: own.join('; ') });
}

const Steps = z.strictObject(Object.fromEntries(RECIPE_STEPS.map((step) => [step, actsOf(step)])) as Record<RecipeStep, ReturnType<typeof actsOf>>);

export const Recipe = z
  .strictObject({
    name: Name,
    extends: Name.nullable().default('base').meta({ description: 'the recipe whose steps count where this one names none; null: every other step is empty' }),
    steps: Steps.default({}),
  })
  .meta({ id: 'Recipe', example: { name: 'worker', extends: 'service', steps: { start: ['start-process', { run: ['./announce', '${host.name}'] }] } } }) satisfies z.ZodType<RecipeSpec>;
