/** Does every application on the host answer, in the version it should run, from the process this release started. */
import { checksOf } from '../../domain/health/check.ts';
import { applicationsOf, packageOf } from '../facts.ts';
import { StepFailed } from '../failures.ts';
import { bastionChecks, healthChecks } from '../run-configuration.ts';
import { askChecks, expectedVersion } from './health.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { StepContext, StepDone } from '../step-context.ts';
import type { Asked } from './health.ts';

/** Where the batch ignores the verification, the first failed check is noted and the host goes on to be admitted. */
export async function verify(context: StepContext): Promise<StepDone> {
  const { input } = context;
  const observedVersion: Record<string, string> = {};
  for (const asked of listsOf(context)) {
    const answered = await askChecks(context, asked);
    if (answered.healthy) {
      if (answered.observedVersion !== null) observedVersion[asked.application.name] = answered.observedVersion;
    } else {
      if (input.direction !== 'forward' || input.verification !== 'ignored') throw new StepFailed(answered.failure);
      return { result: { observedVersion, note: `not healthy, which this batch ignores: ${answered.failure.message}` } };
    }
  }
  return { result: { observedVersion } };
}

/** The list of each application, then on a bastion that is proven the strategy's own. */
function listsOf(context: StepContext): readonly Asked[] {
  const { inventory, input, acting } = context;
  const lists = applicationsOf(inventory).flatMap((application): readonly Asked[] => {
    const version = expectedVersion(context, application);
    if (version === undefined) return [];
    const checks = checksOf(healthChecks(inventory, application, acting.host, version ?? ''), 'before-admit');
    return [{ application, checks, list: 'health', version, process: input.processes?.[application.name] ?? null }];
  });
  return input.direction === 'forward' && input.part === 'install' ? [...lists, ...listOfBastion(context)] : lists;
}

/** The bastion's list has no application of its own: it is asked of the first one that this release changes, with its variables. */
function listOfBastion({ inventory, input, acting }: StepContext): readonly Asked[] {
  const application = applicationsOf(inventory).find(({ name }) => packageOf(inventory, name) !== undefined);
  if (application === undefined) return [];
  const version = versionOf(inventory, application);
  const checks = checksOf(bastionChecks(inventory, application, acting.host, version ?? ''), 'before-admit');
  return checks.length === 0 ? [] : [{ application, checks, list: 'bastion.health', version, process: input.processes?.[application.name] ?? null }];
}

function versionOf(inventory: StepContext['inventory'], { name }: ApplicationSpec): string | null {
  return packageOf(inventory, name)?.version ?? null;
}
