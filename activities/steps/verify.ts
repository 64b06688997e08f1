/** Does every application on the host answer, in the version it should run, from the process this release started. */
import { applicationsOf, packageOf } from '../facts.ts';
import { StepFailed } from '../failures.ts';
import { healthChecks } from '../run-configuration.ts';
import type { StepContext, StepDone } from '../target-step.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';

export async function verify(context: StepContext): Promise<StepDone> {
  const observedVersion: Record<string, string> = {};
  for (const application of applicationsOf(context.inventory)) {
    const version = expectedVersion(context, application);
    if (version === undefined) continue;
    const seen = await verifyApplication(context, application, version);
    if (seen !== null) observedVersion[application.name] = seen;
  }
  return { result: { observedVersion } };
}

/** undefined: nothing of it should run here. An application the release does not change keeps its version. */
function expectedVersion({ inventory, input, preImage }: StepContext, { name }: ApplicationSpec): string | null | undefined {
  const before = preImage.applications.find(({ application }) => application === name);
  if (input.direction === 'forward') return packageOf(inventory, name)?.version ?? before?.version ?? undefined;
  return before?.process == null ? undefined : before.version;
}

async function verifyApplication({ deps, inventory, input, acting }: StepContext, application: ApplicationSpec, version: string | null): Promise<string | null> {
  let observed: string | null = version;
  for (const check of healthChecks(inventory, application, acting.host, version ?? '')) {
    const verdict = await deps.health.verify({
      executor: deps.executorFor(acting.host),
      host: acting.host,
      application,
      check,
      expectedVersion: version,
      process: input.processes?.[application.name] ?? null,
      input: { root: acting.host.executor.root, application: application.name, epoch: String(acting.epoch), opId: `${acting.release}/${acting.host.name}/${application.name}/verify` },
      signal: acting.signal,
    });
    if (!verdict.healthy) {
      throw new StepFailed({
        class: 'bad-build',
        code: verdict.code,
        message: verdict.message,
        next: `Read the log below, or ${acting.host.name}'s application log; fix the build and release it again.`,
        ...(verdict.log === '' ? {} : { log: verdict.log }),
      });
    }
    observed = verdict.observedVersion ?? observed;
  }
  return observed;
}
