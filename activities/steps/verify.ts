/** Does every application on the host answer, in the version it should run, from the process this release started. */
import { checksOf } from '../../domain/health/check.ts';
import { isRun } from '../../domain/recipe/composition.ts';
import { actsOf, compositionOf } from '../../domain/recipe/compose.ts';
import { applicationsOf, packageOf } from '../facts.ts';
import { StepFailed } from '../failures.ts';
import { bastionChecks, healthChecks } from '../run-configuration.ts';
import { runProgram } from './acts.ts';
import { askChecks, askedProcess, expectedVersion } from './health.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { StepContext, StepDone } from '../step-context.ts';
import type { Program } from './acts.ts';
import type { Asked } from './health.ts';

/** Where the batch ignores the verification, the first failed check is noted and the host goes on to be admitted. */
export async function verify(context: StepContext): Promise<StepDone> {
  const { input } = context;
  const observedVersion: Record<string, string> = {};
  for (const act of actsOfVerify(context)) {
    if ('act' in act) {
      await runProgram(context, act);
      continue;
    }
    const answered = await askChecks(context, act);
    if (answered.healthy) {
      if (answered.observedVersion !== null) observedVersion[act.application.name] = answered.observedVersion;
    } else {
      if (input.direction !== 'forward' || input.verification !== 'ignored') throw new StepFailed(answered.failure);
      return { result: { observedVersion, note: `not healthy, which this batch ignores: ${answered.failure.message}` } };
    }
  }
  return { result: { observedVersion } };
}

/** The acts of each application, then on a bastion that is proven the strategy's own list. */
function actsOfVerify(context: StepContext): readonly (Asked | Program)[] {
  const { inventory, input } = context;
  const acts = applicationsOf(inventory).flatMap((application): readonly (Asked | Program)[] => {
    const version = expectedVersion(context, application);
    if (version === undefined) return [];
    return actsOf(compositionOf(inventory, application), 'verify', input.direction).map(({ act, index }) => (isRun(act) ? { step: 'verify', application, index, act } : listOf(context, application, version)));
  });
  return input.direction === 'forward' && input.part === 'install' ? [...acts, ...listOfBastion(context)] : acts;
}

function listOf({ inventory, input, acting }: StepContext, application: ApplicationSpec, version: string | null): Asked {
  const checks = checksOf(healthChecks(inventory, application, acting.host, version ?? ''), 'before-admit');
  return { application, checks, list: 'health', version, process: askedProcess(inventory, application, input.processes?.[application.name] ?? null) };
}

/** The bastion's list has no application of its own: it is asked of the first one that this release changes, with its variables. */
function listOfBastion({ inventory, input, acting }: StepContext): readonly Asked[] {
  const application = applicationsOf(inventory).find(({ name }) => packageOf(inventory, name) !== undefined);
  if (application === undefined) return [];
  const version = versionOf(inventory, application);
  const checks = checksOf(bastionChecks(inventory, application, acting.host, version ?? ''), 'before-admit');
  return checks.length === 0 ? [] : [{ application, checks, list: 'bastion.health', version, process: askedProcess(inventory, application, input.processes?.[application.name] ?? null) }];
}

function versionOf(inventory: StepContext['inventory'], { name }: ApplicationSpec): string | null {
  return packageOf(inventory, name)?.version ?? null;
}
