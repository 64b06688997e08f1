/**
 * What a recipe is made of: acts that the engine knows, put into the steps of a target. A recipe is data, the built-in ones as well as those
 * that people write (`kind: Recipe`); what an act does on a host stands in activities/steps/ and in the host program.
 */
import type { Step } from '../vocabulary.ts';

/** What a recipe composes: `stage` before traffic moves, the others in the step of that name. `drain` and `admit` are the traffic entry's alone. */
export type RecipeStep = 'stage' | Exclude<Step, 'drain' | 'admit'>;

export const RECIPE_STEPS: readonly RecipeStep[] = ['stage', 'stop', 'switch', 'start', 'verify'];

/** What each act is, where it may stand, and which other act takes back what it did: without that one there is no way back. */
interface Meaning {
  readonly step: RecipeStep;
  readonly does: string;
  /** the act that must stand in the composition, too; absent: it takes itself back, or leaves nothing in force */
  readonly undoneBy?: ActName;
}

/** In the order in which acts of one step may stand. */
const ACTS = {
  fetch: { step: 'stage', does: 'brings the package to the host and checks its digest' },
  unpack: { step: 'stage', does: 'unpacks it into a release folder of its own' },
  configure: { step: 'stage', does: 'writes the run configuration' },
  'stop-process': { step: 'stop', does: 'ends the process that the release of before started', undoneBy: 'start-process' },
  'take-out-schedule': { step: 'stop', does: 'takes the cron entries out and lets a job that runs come to its end', undoneBy: 'put-in-schedule' },
  link: { step: 'switch', does: 'links the staged release and its configuration; on the way back those of before' },
  'start-process': { step: 'start', does: 'starts the process of the linked release', undoneBy: 'stop-process' },
  reload: { step: 'start', does: 'has a server of the host read the linked release anew: a signal to the process that its pid file names' },
  'put-in-schedule': { step: 'start', does: 'puts the cron entries of the linked release in', undoneBy: 'take-out-schedule' },
  'ask-health': { step: 'verify', does: 'asks the health checks of before admit' },
} as const satisfies Readonly<Record<string, Omit<Meaning, 'undoneBy'> & { readonly undoneBy?: string }>>;

export type ActName = keyof typeof ACTS;

export const ACT_NAMES = Object.keys(ACTS) as readonly ActName[];

export function meaningOf(act: ActName): Meaning {
  return ACTS[act];
}

/**
 * A program that the recipe brings: argv without a shell, `${name}` substituted, run in the linked release's folder as the application's
 * account, with its environment; in `stage` with the environment that the staged release will have. `${run.program}` is the program of the
 * application's own command. It must be one that may run again after it was cut off; what may not belongs into a hook.
 */
export interface RunAct {
  readonly run: readonly string[];
  /** only in `switch`, and needed there: what takes it back; empty: there is nothing to take back */
  readonly back?: readonly string[];
  /** of one run; a longer one is ended and has failed */
  readonly timeoutSeconds: number;
}

export type Act = ActName | RunAct;

export type Steps = Readonly<Record<RecipeStep, readonly Act[]>>;

/** What people declare: a step that is not named is that of the recipe it extends. */
export interface RecipeSpec {
  readonly name: string;
  /** null: every step is named here, or empty */
  readonly extends: string | null;
  readonly steps: Partial<Steps>;
}

/** A recipe with every step filled in. */
export interface Composition {
  readonly name: string;
  readonly steps: Steps;
}

/** What an application of this recipe has on a host: a process of its own, jobs that cron starts, or `nothing`: others serve its files. */
export type Runs = 'process' | 'schedule' | 'nothing';

export function runsOf({ steps }: Composition): Runs {
  if (steps.start.includes('start-process')) return 'process';
  return steps.start.includes('put-in-schedule') ? 'schedule' : 'nothing';
}

/** Every text of its programs that may hold `${name}`, with its place: `start/1`. */
export function programTexts({ steps }: Composition): readonly (readonly [string, string])[] {
  return RECIPE_STEPS.flatMap((step) => steps[step].flatMap((act, index) => (isRun(act) ? [...act.run, ...(act.back ?? [])].map((text) => [`${step}/${index}`, text] as const) : [])));
}

export function isRun(act: Act): act is RunAct {
  return typeof act !== 'string';
}
