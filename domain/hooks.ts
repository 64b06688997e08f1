/** Hooks of applications: which of them run at a point of a target's way, in what order, and whose fault it is when one fails. */
import { isInForce } from './release/target.ts';
import { STEPS } from './vocabulary.ts';
import type { ApplicationSpec, HookPoint, HookSpec, Variables } from './inventory.ts';
import type { ObservedApplication } from './release/target.ts';
import type { Direction, FailureClass, Step } from './vocabulary.ts';

export const HOOK_POINTS: readonly HookPoint[] = STEPS.flatMap((step) => [`before-${step}`, `after-${step}`] as const);

/** Hooks that one target may have, all its applications together. */
export const HOOKS_MAX = 8;

/** A hook and its place in its application's list. `id` names it within a target. */
export interface PlacedHook {
  readonly id: string;
  readonly application: ApplicationSpec;
  readonly index: number;
  readonly hook: HookSpec;
}

/** The target a step is done on. */
export interface HookScene {
  readonly direction: Direction;
  /** in the order they are started */
  readonly applications: readonly ApplicationSpec[];
  /** names of those the release brings a package of */
  readonly changed: ReadonlySet<string>;
  /** of the host */
  readonly labels: Variables;
  /** forward what ran before the release, back what shall run again */
  readonly image: readonly Pick<ObservedApplication, 'application' | 'process' | 'serves'>[];
}

/**
 * The hooks of one point, in the order they run: by application as the step takes them (out of service last to first, into service first
 * to last), each application's own as listed. An application that the step does nothing to has no turn.
 */
export function hooksAt(scene: HookScene, side: 'before' | 'after', step: Step): readonly PlacedHook[] {
  const inTurn = step === 'drain' || step === 'stop' ? scene.applications.toReversed() : scene.applications;
  return inTurn.filter((application) => takesPart(scene, step, application)).flatMap((application) =>
    (application.hooks ?? []).flatMap((hook, index) => (hook.at === `${side}-${step}` && isAsked(hook, scene) ? [{ id: `${application.name}/${index}`, application, index, hook }] : [])),
  );
}

function takesPart({ direction, changed, image }: HookScene, step: Step, { name }: ApplicationSpec): boolean {
  if (step === 'drain' || step === 'stop') return true;
  if (direction === 'forward') return hasTurnForward({ name }, step, changed);
  const goal = image.find(({ application }) => application === name);
  return step === 'switch' ? goal !== undefined : goal !== undefined && isInForce(goal);
}

/** A hook of another kind of host is none here. Nobody is asked for leave on the way back: what is taken back must not wait for what it takes back. */
function isAsked({ notNow, labels = {} }: HookSpec, { direction, labels: borne }: HookScene): boolean {
  return (notNow === undefined || direction === 'forward') && Object.entries(labels).every(([name, value]) => Object.hasOwn(borne, name) && borne[name] === value);
}

/** Whether a step forward does anything to the application: all that run are stopped and started, only changed ones are switched. */
export function hasTurnForward({ name }: Pick<ApplicationSpec, 'name'>, step: Step, changed: ReadonlySet<string>): boolean {
  return step !== 'switch' || changed.has(name);
}

/**
 * From the switch on, the way forward runs what the new release brought: that fails by its own fault, as its checks do. Before it the
 * release of before is asked to give way, and on the way back nobody looks for a bad build.
 */
export function faultOf(at: HookPoint, direction: Direction): FailureClass {
  return direction === 'forward' && HOOK_POINTS.indexOf(at) >= HOOK_POINTS.indexOf('after-switch') ? 'bad-build' : 'host';
}
