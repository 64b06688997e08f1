/**
 * The second list: asked once the host is back in service, because some things only show under traffic. A host that fails it is taken
 * out again. That it failed is recorded before it is taken out: whoever goes on after a crash must not put it back to ask once more.
 *
 * On the way back the list is not asked: what is restored has served before, and taking it out again would cost capacity in the very
 * moment when it is short.
 */
import { appendTargetEvent } from '../../db/events.ts';
import { forwardFacts } from '../../db/target-facts.ts';
import { checksOf } from '../../domain/health/check.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { applicationsOf } from '../facts.ts';
import { StepFailed } from '../failures.ts';
import { healthChecks } from '../run-configuration.ts';
import { askChecks, askedProcess, expectedVersion } from './health.ts';
import { hasEntry, placesNow, takeOut } from './places.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';
import type { Failure } from '../../domain/vocabulary.ts';
import type { StepContext } from '../step-context.ts';
import type { Asked } from './health.ts';

export interface SecondList {
  /** Ends the step when an earlier attempt has recorded that the list failed: what is left to do is taking the host out. */
  resume(): Promise<void>;
  /** Asks the list; a failure takes the host out and ends the step. Answers a note where nobody demands it: the batch ignores the verification, or a person this host's failure. */
  ask(): Promise<string | undefined>;
}

/** null: nothing is asked after admit here. */
export async function secondList(context: StepContext): Promise<SecondList | null> {
  const { deps, inventory, input } = context;
  const hasOne = applicationsOf(inventory).some(({ health }) => checksOf(health, 'after-admit').length > 0);
  if (input.direction !== 'forward' || !hasOne) return null;
  const { processes, checkFailure } = await forwardFacts(deps.db, { release: input.release, host: input.host, round: input.round });
  const isIgnored = input.verification === 'ignored';
  return {
    async resume() {
      if (checkFailure !== null) await failOut(context, checkFailure);
    },
    async ask() {
      const failure = await askAll(context, processes);
      if (failure === null) return undefined;
      if (isIgnored) return `not healthy after admit, which is ignored: ${failure.message}`;
      await recordFailure(context, failure);
      return failOut(context, failure);
    },
  };
}

/** The first failure of any application's second list; null when all passed. */
async function askAll(context: StepContext, processes: Readonly<Record<string, ObservedProcess>>): Promise<Failure | null> {
  for (const application of applicationsOf(context.inventory)) {
    const version = expectedVersion(context, application);
    if (version === undefined) continue;
    const checks = checksOf(healthChecks(context.inventory, application, context.acting.host, version ?? ''), 'after-admit');
    const asked: Asked = { application, checks, list: 'health', version, process: askedProcess(context.inventory, application, processes[application.name] ?? null) };
    const answered = await askChecks(context, asked);
    if (!answered.healthy) return answered.failure;
  }
  return null;
}

/** That a host which is in service fails, before it is taken out for it. */
export async function recordFailure({ deps, input }: StepContext, failure: Failure): Promise<void> {
  const { release, host, epoch, direction, round } = input;
  const event = { type: 'target-check-failed', data: { host, epoch, direction, round, failure } } as const;
  await appendTargetEvent(deps.db, { release, opId: `${host}/${direction}/${round}/admit/check-failed`, actor: SIGNALBOX, event });
}

/**
 * Real drain, read back, its connections awaited. The floor is not asked: a host that fails its checks serves nobody well, and counts as
 * failed already. But it goes under the turns of its entries, so that nobody counts on it while it leaves.
 */
export async function failOut(context: StepContext, failure: Failure): Promise<never> {
  const places = await placesNow(context);
  if (!hasEntry(places)) throw new StepFailed({ ...failure, afterAdmit: true });
  await takeOut(context, places, () => undefined);
  throw new StepFailed({ ...failure, message: `${failure.message} It was in service and is out again.`, afterAdmit: true });
}
