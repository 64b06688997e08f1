/** What each act of a recipe does on a host; which acts stand in a step is the recipe's to say (domain/recipe/). */
import { checksOf } from '../../domain/health/check.ts';
import { faultOf } from '../../domain/hooks.ts';
import { isRun } from '../../domain/recipe/composition.ts';
import { actsOf, compositionOf } from '../../domain/recipe/compose.ts';
import { packageOf } from '../facts.ts';
import { StepFailed } from '../failures.ts';
import { onHost, parseProcess } from '../host-call.ts';
import { programInput } from '../run-configuration.ts';
import { expectedVersion } from './health.ts';
import type { PlacedAct } from '../../domain/recipe/compose.ts';
import type { RunAct } from '../../domain/recipe/composition.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { ObservedApplication, ObservedProcess } from '../../domain/release/target.ts';
import type { StepContext } from '../step-context.ts';

/** The steps that are acts of applications alone; verify asks besides. */
export type ActingStep = 'stop' | 'switch' | 'start';

/** Does the acts of one application in their order; answers the process that was started, null when none was. */
export async function doActs(context: StepContext, step: ActingStep, application: ApplicationSpec): Promise<ObservedProcess | null> {
  let process: ObservedProcess | null = null;
  for (const placed of actsOf(compositionOf(context.inventory, application), step, context.input.direction)) process = (await doAct(context, step, application, placed)) ?? process;
  return process;
}

async function doAct(context: StepContext, step: ActingStep, application: ApplicationSpec, placed: PlacedAct): Promise<ObservedProcess | null> {
  const { act } = placed;
  if (isRun(act)) return runProgram(context, { step, application, index: placed.index, act });
  switch (act) {
    case 'stop-process':
      await onHost(context.deps, context.acting, 'stop', { application: application.name, step: 'stop' }, {});
      return null;
    case 'link':
      await (context.input.direction === 'forward' ? linkStaged(context, application) : linkBefore(context, application));
      return null;
    case 'start-process':
      return startProcess(context, application);
    case 'take-out-schedule':
      await takeOutSchedule(context, application);
      return null;
    case 'put-in-schedule':
      await onHost(context.deps, context.acting, 'schedule', { application: application.name, step: 'put-in-schedule' }, { to: 'in' });
      return null;
    case 'reload':
      await onHost(context.deps, context.acting, 'reload', { application: application.name, step: 'reload' }, {});
      return null;
    default:
      throw new Error(`${act} is no act of ${step}: the recipe ${application.recipe} should have been refused`);
  }
}

async function linkStaged({ deps, inventory, input, acting, preImage }: StepContext, { name }: ApplicationSpec): Promise<void> {
  const spec = packageOf(inventory, name);
  if (spec === undefined) return;
  const { configs } = await deps.facts.target(input.release, input.host);
  const config = configs[name];
  if (config === undefined) throw new StepFailed({ class: 'host', code: 'not-staged', message: `${name} was not staged on ${input.host}.`, next: 'Start the release again.' });
  const before = seenBefore(preImage.applications, name)?.digest ?? '';
  // A retried target may stand at either release: only the first round knows what it must find.
  const expected: Readonly<Record<string, string>> = input.round === 0 ? { expectedDigest: before } : {};
  await onHost(deps, acting, 'switch', { application: name, step: 'switch' }, { digest: spec.sha256, config, ...expected });
}

async function linkBefore({ deps, acting, preImage }: StepContext, { name }: ApplicationSpec): Promise<void> {
  const before = seenBefore(preImage.applications, name);
  if (before === undefined) return;
  await onHost(deps, acting, 'restore', { application: name, step: 'switch' }, { digest: before.digest ?? '', config: before.config ?? '' });
}

/** Health checks look at the process as well: only where none follow at once must the start itself see that it stays. */
async function startProcess({ deps, acting }: StepContext, { name, health }: ApplicationSpec): Promise<ObservedProcess | null> {
  const settle: Readonly<Record<string, string>> = checksOf(health, 'before-admit').length > 0 ? { settleMs: '0' } : {};
  const result = await onHost(deps, acting, 'start', { application: name, step: 'start' }, settle);
  return parseProcess(result['process']);
}

/** A target that had nothing before keeps nothing of it: not even the markers of its entries stay. */
async function takeOutSchedule({ deps, acting, input, preImage }: StepContext, { name }: ApplicationSpec): Promise<void> {
  const isGoing = input.direction === 'back' && (seenBefore(preImage.applications, name)?.digest ?? null) === null;
  await onHost(deps, acting, 'schedule', { application: name, step: 'take-out-schedule' }, { to: isGoing ? 'gone' : 'out' });
}

/** A program of a recipe, in its turn within a step. */
export interface Program {
  readonly step: ActingStep | 'verify';
  readonly application: ApplicationSpec;
  readonly index: number;
  readonly act: RunAct;
}

/** It may run again, so one that was ended from outside is; but not for ever. */
const RUNS_MAX = 3;

/** What fails where the new release is at work is the build's fault, as with hooks; where it gives way, or is not there yet, the host's. */
export async function runProgram(context: StepContext, { step, application, index, act }: Program): Promise<null> {
  const { deps, inventory, input: { direction }, acting } = context;
  const version = expectedVersion(context, application) ?? '';
  const input = programInput(inventory, application, acting.host, { act, at: `${step}.${index}`, version });
  for (let run = 1; ; run++) {
    try {
      await onHost(deps, acting, 'hook', { application: application.name, step: `recipe-${step}.${index}` }, { ...input, unlinked: 'skip' });
      return null;
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      if (error.failure.code === 'unknown-outcome' && run < RUNS_MAX) continue;
      throw error.failure.code === 'hook-failed' ? new StepFailed({ ...error.failure, class: faultOf(`after-${step}`, direction) }) : error;
    }
  }
}

export function seenBefore(applications: readonly ObservedApplication[], name: string): ObservedApplication | undefined {
  return applications.find(({ application }) => application === name);
}
