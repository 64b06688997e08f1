/** Stop, switch and start of every application on a host, each by the acts of its recipe: stopped in reverse order, started in order. */
import { isInForce } from '../../domain/release/target.ts';
import { applicationsOf, packageOf } from '../facts.ts';
import { doActs, seenBefore } from './acts.ts';
import type { StepContext, StepDone } from '../step-context.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';

export async function stop(context: StepContext): Promise<StepDone> {
  for (const application of [...applicationsOf(context.inventory)].reverse()) await doActs(context, 'stop', application);
  return { result: {} };
}

/** Forward switches what the release brings; back what the pre-image shows, or to nothing where nothing was. */
export async function switchRelease(context: StepContext): Promise<StepDone> {
  for (const application of applicationsOf(context.inventory)) if (isSwitched(context, application)) await doActs(context, 'switch', application);
  return { result: {} };
}

function isSwitched({ inventory, input, preImage }: StepContext, { name }: ApplicationSpec): boolean {
  return input.direction === 'forward' ? packageOf(inventory, name) !== undefined : seenBefore(preImage.applications, name) !== undefined;
}

/** Back starts only what ran before. */
export async function start(context: StepContext): Promise<StepDone> {
  const { inventory, input, preImage } = context;
  const processes: Record<string, ObservedProcess> = {};
  for (const application of applicationsOf(inventory)) {
    const before = seenBefore(preImage.applications, application.name);
    if (input.direction === 'back' && (before === undefined || !isInForce(before))) continue;
    const process = await doActs(context, 'start', application);
    if (process !== null) processes[application.name] = process;
  }
  return { result: {}, processes };
}
