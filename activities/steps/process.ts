/** Stop, switch and start of every application on a host: stopped in reverse order, started in order. */
import { checksOf } from '../../domain/health/check.ts';
import { applicationsOf, packageOf } from '../facts.ts';
import { onHost, parseProcess } from '../host-call.ts';
import { StepFailed } from '../failures.ts';
import type { StepContext, StepDone } from '../step-context.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { ObservedApplication, ObservedProcess } from '../../domain/release/target.ts';

export async function stop({ deps, inventory, acting }: StepContext): Promise<StepDone> {
  for (const { name } of [...applicationsOf(inventory)].reverse()) await onHost(deps, acting, 'stop', { application: name, step: 'stop' }, {});
  return { result: {} };
}

/** Forward links the staged release; back links what the pre-image shows, or nothing where nothing was. */
export async function switchRelease(context: StepContext): Promise<StepDone> {
  for (const application of applicationsOf(context.inventory)) {
    if (context.input.direction === 'forward') await switchForward(context, application);
    else await switchBack(context, application);
  }
  return { result: {} };
}

async function switchForward({ deps, inventory, input, acting, preImage }: StepContext, { name }: ApplicationSpec): Promise<void> {
  const spec = packageOf(inventory, name);
  if (spec === undefined) return;
  const { configs } = await deps.facts.target(input.release, input.host);
  const config = configs[name];
  if (config === undefined) throw new StepFailed({ class: 'host', code: 'not-staged', message: `${name} was not staged on ${input.host}.`, next: 'Start the release again.' });
  const before = preImage.applications.find(({ application }) => application === name)?.digest ?? '';
  // A retried target may stand at either release: only the first round knows what it must find.
  const expected: Readonly<Record<string, string>> = input.round === 0 ? { expectedDigest: before } : {};
  await onHost(deps, acting, 'switch', { application: name, step: 'switch' }, { digest: spec.sha256, config, ...expected });
}

async function switchBack({ deps, acting, preImage }: StepContext, { name }: ApplicationSpec): Promise<void> {
  const before = seenBefore(preImage.applications, name);
  if (before === undefined) return;
  await onHost(deps, acting, 'restore', { application: name, step: 'switch' }, { digest: before.digest ?? '', config: before.config ?? '' });
}

/** Back starts only what ran before. */
export async function start({ deps, inventory, input, acting, preImage }: StepContext): Promise<StepDone> {
  const processes: Record<string, ObservedProcess> = {};
  for (const { name, health } of applicationsOf(inventory)) {
    if (input.direction === 'back' && seenBefore(preImage.applications, name)?.process == null) continue;
    // Health checks look at the process as well: only where none follow at once must the start itself see that it stays.
    const settle: Readonly<Record<string, string>> = checksOf(health, 'before-admit').length > 0 ? { settleMs: '0' } : {};
    const result = await onHost(deps, acting, 'start', { application: name, step: 'start' }, settle);
    const process = parseProcess(result['process']);
    if (process !== null) processes[name] = process;
  }
  return { result: {}, processes };
}

function seenBefore(applications: readonly ObservedApplication[], name: string): ObservedApplication | undefined {
  return applications.find(({ application }) => application === name);
}
