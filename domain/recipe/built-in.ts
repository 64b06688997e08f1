/** The recipes that come along. They are compositions like any other, and others may extend them. */
import type { Act, RecipeSpec } from './composition.ts';

export const SERVICE = 'service';

/** `base` is what all of them share: files that are linked, and health checks that are asked. */
export const BUILT_IN: readonly RecipeSpec[] = [
  { name: 'base', extends: null, steps: { stage: ['fetch', 'unpack', 'configure'], switch: ['link'], verify: ['ask-health'] } },
  { name: SERVICE, extends: 'base', steps: { stop: ['stop-process'], start: ['start-process'] } },
  { name: 'nodejs', extends: SERVICE, steps: { stage: withRuntime('--version') } },
  { name: 'java-web', extends: SERVICE, steps: { stage: withRuntime('-version') } },
  { name: 'dotnet', extends: SERVICE, steps: { stage: withRuntime('--version') } },
  { name: 'scheduled-task', extends: 'base', steps: { stop: ['take-out-schedule'], start: ['put-in-schedule'] } },
  { name: 'static', extends: 'base', steps: {} },
  { name: 'php', extends: 'static', steps: { start: ['reload'] } },
];

/** A host without the runtime is told from the others before any traffic moves. */
function withRuntime(question: string): readonly Act[] {
  return [{ run: ['${run.program}', question], timeoutSeconds: 30 }, 'fetch', 'unpack', 'configure'];
}

const BY_NAME: ReadonlyMap<string, RecipeSpec> = new Map(BUILT_IN.map((recipe) => [recipe.name, recipe]));

export function builtIn(name: string): RecipeSpec | undefined {
  return BY_NAME.get(name);
}
