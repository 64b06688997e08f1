/** What is wrong with a recipe: said when it is declared, so that no release ever meets it. */
import { ACT_NAMES, RECIPE_STEPS, isRun, meaningOf } from './composition.ts';
import { builtIn } from './built-in.ts';
import { composed, lineOf } from './compose.ts';
import type { ActName, Composition, RecipeSpec, RecipeStep } from './composition.ts';
import type { FindRecipe, Line } from './compose.ts';

/** `pointer`: into the recipe's document. */
export interface RecipeFault {
  readonly pointer: string;
  readonly message: string;
}

/** Without these nothing is brought to a host, or nothing of it comes into force. */
const NEEDED: readonly ActName[] = ['fetch', 'unpack', 'configure', 'link'];

/** Programs that one target may have to run, as with hooks. */
export const RUNS_MAX = 8;

/** Empty: it can be released by. A broken line is said alone, for the rest hangs on it. */
export function faultsOf(recipe: RecipeSpec, find: FindRecipe): readonly RecipeFault[] {
  if (builtIn(recipe.name) !== undefined) return [{ pointer: '/name', message: `${recipe.name} comes along and cannot be changed; give yours another name and let it extend ${recipe.name}` }];
  const line = lineOf(recipe, find);
  if (line.broken !== null) return [brokenLine(line.broken)];
  const composition = composed(line);
  const own = (step: RecipeStep, index?: number): string => (recipe.steps[step] === undefined ? '/extends' : `/steps/${step}${index === undefined ? '' : `/${index}`}`);
  return [...misplaced(composition), ...unordered(composition), ...missing(composition), ...withoutWayBack(composition), ...atOdds(composition), ...tooMany(composition, line)].map(({ step, index, message }) => ({ pointer: own(step, index), message }));
}

interface Found {
  readonly step: RecipeStep;
  readonly index?: number;
  readonly message: string;
}

function brokenLine({ name, why }: NonNullable<Line['broken']>): RecipeFault {
  return { pointer: '/extends', message: why === 'unknown' ? `recipe ${name} does not exist; create it before, or in the same apply` : `leads back to ${name}: recipes must not extend one another in a circle` };
}

function misplaced({ steps }: Composition): Found[] {
  return RECIPE_STEPS.flatMap((step) =>
    steps[step].flatMap((act, index): Found[] => {
      if (isRun(act)) return step !== 'switch' && act.back !== undefined ? [{ step, index, message: `back is for programs in switch: ${step} is done again on the way back as it is` }] : [];
      const { step: right } = meaningOf(act);
      return right === step ? [] : [{ step, index, message: `${act} is an act of ${right}, not of ${step}` }];
    }),
  );
}

/** The engine's own acts stand in their order, each once; programs may stand anywhere between them. */
function unordered({ steps }: Composition): Found[] {
  return RECIPE_STEPS.flatMap((step) => {
    const acts = steps[step].map((act) => (isRun(act) ? -1 : ACT_NAMES.indexOf(act)));
    return acts.flatMap((place, index): Found[] => {
      const before = acts.slice(0, index).filter((other) => other >= 0);
      if (place < 0 || before.every((other) => other < place)) return [];
      const name = ACT_NAMES[place] ?? '';
      return [{ step, index, message: before.includes(place) ? `${name} stands in it twice` : `${name} must stand before ${ACT_NAMES[Math.max(...before)] ?? ''}` }];
    });
  });
}

function missing(composition: Composition): Found[] {
  return NEEDED.filter((act) => !has(composition, act)).map((act) => ({ step: meaningOf(act).step, message: `lacks ${act}, which ${meaningOf(act).does}` }));
}

/** Whatever a release does to a host, its rollback must take back. */
function withoutWayBack(composition: Composition): Found[] {
  const pairs = ACT_NAMES.flatMap((act): Found[] => {
    const { step, undoneBy } = meaningOf(act);
    return undoneBy === undefined || !has(composition, act) || has(composition, undoneBy) ? [] : [{ step, message: `${act} has no way back without ${undoneBy} in ${meaningOf(undoneBy).step}` }];
  });
  const programs = composition.steps.switch.flatMap((act, index): Found[] => (isRun(act) && act.back === undefined ? [{ step: 'switch', index, message: 'has no way back: give back, the program that takes it back, or [] where there is nothing to take back' }] : []));
  return [...pairs, ...programs];
}

function atOdds(composition: Composition): Found[] {
  const both = has(composition, 'start-process') && has(composition, 'put-in-schedule');
  return both ? [{ step: 'start', message: 'starts a process and has cron start jobs: make two applications of it, each by a recipe of its own' }] : [];
}

function tooMany({ steps }: Composition, { recipes: [recipe] }: Line): Found[] {
  const count = RECIPE_STEPS.flatMap((step) => steps[step].filter(isRun)).length;
  if (count <= RUNS_MAX) return [];
  const step = RECIPE_STEPS.findLast((one) => recipe?.steps[one]?.some(isRun)) ?? 'stage';
  return [{ step, message: `the recipe has ${count} programs to run, with those it extends; at most ${RUNS_MAX} are allowed` }];
}

function has({ steps }: Composition, act: ActName): boolean {
  return RECIPE_STEPS.some((step) => steps[step].includes(act));
}
