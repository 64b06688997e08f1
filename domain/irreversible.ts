/**
 * What cannot be undone: a step or a hook of an application that is marked so. The plan shows it, a failure behind it holds the release, and
 * nobody goes back across it but a person who says so.
 */
import { hasTurnForward } from './hooks.ts';
import { STEPS } from './vocabulary.ts';
import type { ApplicationSpec, HookPoint, Inventory } from './inventory.ts';
import type { Step } from './vocabulary.ts';

/** `hook`: its place in the application's list of hooks; absent: the step itself cannot be undone. */
export interface IrreversibleMark {
  readonly application: string;
  readonly at: Step | HookPoint;
  readonly hook?: number;
}

/** Those that a release comes by on its way forward, in the order of the way. `changed`: names of the applications it brings a package of. */
export function marksOf(applications: readonly ApplicationSpec[], changed: ReadonlySet<string>): readonly IrreversibleMark[] {
  const marks = applications.flatMap((application): IrreversibleMark[] => [
    ...(application.irreversible ?? []).filter((step) => hasTurnForward(application, step, changed)).map((at) => ({ application: application.name, at })),
    ...(application.hooks ?? []).flatMap(({ at, irreversible }, hook) => (irreversible === true && hasTurnForward(application, stepOf(at), changed) ? [{ application: application.name, at, hook }] : [])),
  ]);
  return marks.toSorted((one, other) => placeOf(one.at) - placeOf(other.at));
}

/** What the release of this inventory comes by that no rollback undoes. */
export function irreversibleIn({ applications, packages }: Inventory): readonly IrreversibleMark[] {
  return marksOf(applications, new Set(packages.map(({ application }) => application)));
}

/** As a step tells of its hooks: `web after-start.0`; of a step `web switch`. */
export function markName({ application, at, hook }: IrreversibleMark): string {
  return hook === undefined ? `${application} ${at}` : `${application} ${at}.${hook}`;
}

/** A number that grows on the way of a target, from 0: of a step, or of the hooks around it. */
export function placeOf(at: Step | HookPoint): number {
  const side = at.startsWith('before-') ? 0 : at.startsWith('after-') ? 2 : 1;
  return STEPS.indexOf(stepOf(at)) * 3 + side;
}

function stepOf(at: Step | HookPoint): Step {
  return at.replace(/^(?:before|after)-/, '') as Step;
}
