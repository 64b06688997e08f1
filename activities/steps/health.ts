/** Asking health checks on one target, for whichever step wants them: what version to expect, and what a failed check means. */
import { compositionOf } from '../../domain/recipe/compose.ts';
import { runsOf } from '../../domain/recipe/composition.ts';
import { isInForce } from '../../domain/release/target.ts';
import { packageOf } from '../facts.ts';
import type { PlacedCheck } from '../../domain/health/check.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';
import type { Failure } from '../../domain/vocabulary.ts';
import type { HealthVerdict, UnhealthyCode } from '../../drivers/health/port.ts';
import type { StepContext } from '../step-context.ts';

export interface Asked {
  readonly application: ApplicationSpec;
  /** as they stand in their list, each with its values filled in */
  readonly checks: readonly PlacedCheck[];
  /** the list, as people find it: `health` or `bastion.health` */
  readonly list: string;
  readonly version: string | null;
  /** what `start` reported; null: any running process; `none`: it has none of its own */
  readonly process: ObservedProcess | null | 'none';
}

/** `observedVersion`: what was answered last, else the version that was expected. */
export type Answered = { readonly healthy: true; readonly observedVersion: string | null } | { readonly healthy: false; readonly failure: Failure };

/** undefined: nothing of it should run here. An application the release does not change keeps its version. */
export function expectedVersion({ inventory, input, preImage }: StepContext, { name }: ApplicationSpec): string | null | undefined {
  const before = preImage.applications.find(({ application }) => application === name);
  if (input.direction === 'forward') return packageOf(inventory, name)?.version ?? before?.version ?? undefined;
  return before === undefined || !isInForce(before) ? undefined : before.version;
}

/** `started`: what is known of its process. Files that others serve have none to look for. */
export function askedProcess(inventory: StepContext['inventory'], application: ApplicationSpec, started: ObservedProcess | null): Asked['process'] {
  return runsOf(compositionOf(inventory, application)) === 'process' ? started : 'none';
}

/** One check after the other; the first that fails ends it. */
export async function askChecks({ deps, acting }: StepContext, { application, checks, list, version, process }: Asked): Promise<Answered> {
  let observedVersion = version;
  for (const { check, index } of checks) {
    const verdict = await deps.health.verify({
      executor: deps.executorFor(acting.host),
      host: acting.host,
      application,
      check,
      place: `${list}/${index}`,
      expectedVersion: version,
      process,
      input: { root: acting.host.executor.root, application: application.name, epoch: String(acting.epoch), opId: `${acting.release}/${acting.host.name}/${application.name}/verify` },
      signal: acting.signal,
    });
    if (!verdict.healthy) return { healthy: false, failure: failureOf(verdict, acting.host.name) };
    observedVersion = verdict.observedVersion ?? observedVersion;
  }
  return { healthy: true, observedVersion };
}

function failureOf({ code, message, log }: Extract<HealthVerdict, { healthy: false }>, host: string): Failure {
  const told = NEXT[code];
  return {
    class: told?.class ?? 'bad-build',
    code,
    message,
    next: told?.next ?? `Read the log below, or ${host}'s application log; fix the build and release it again.`,
    ...(log === '' ? {} : { log }),
  };
}

/** What is not the build's fault is said to be the host's; whatever is not named here is a bad build. */
const NEXT: Readonly<Partial<Record<UnhealthyCode, Pick<Failure, 'class' | 'next'>>>> = {
  'port-taken': { class: 'host', next: 'End what holds the port, or say `listener: any` in the check if something in front of the application is meant to answer. Then retry.' },
  'missing-tools': { class: 'host', next: 'Install the named tools on the host, then retry.' },
  'check-unsupported': { class: 'bad-build', next: 'Correct the check in the health list, or the build it looks at, and release again.' },
};
