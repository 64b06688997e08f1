/** First act of every restore: the host obeys nobody older from here on, and what is really there decides what must be done. */
import { appendTargetEvent } from '../db/events.ts';
import { begunStep } from '../db/target-facts.ts';
import { isToStart } from '../domain/rollback-plan.ts';
import { isUntouched, restoreSteps } from '../domain/rollback.ts';
import { unflagged } from '../domain/traffic-beneath.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { hostOf } from './facts.ts';
import { asTemporal, dependencyOf, verdictOn } from './failures.ts';
import { alive } from './heartbeat.ts';
import { observe } from './host-call.ts';
import { isLate, refused } from './late-command.ts';
import type { ActivityDeps } from './deps.ts';
import type { StepInput } from './target-step.ts';
import type { Failure, Step } from '../domain/vocabulary.ts';

export type FenceOutcome =
  | { readonly ok: true; readonly untouched: boolean; readonly steps: readonly Step[] }
  | { readonly ok: false; readonly failure: Failure };

const TIMEOUT_MS = 30_000;

export function fenceTarget(deps: ActivityDeps, input: StepInput): Promise<FenceOutcome> {
  return alive(async (signal) => {
    const { release, host, epoch, preImageOf } = input;
    try {
      const inventory = await deps.facts.inventory(release);
      const preImage = await deps.facts.goal(preImageOf, host);
      const acting = { release, host: hostOf(inventory, host), epoch, direction: 'back', round: input.round, timeoutMs: TIMEOUT_MS, signal } as const;
      const { observation } = await observe(deps, inventory, acting, { verb: 'fence' });
      const begun = isToStart(preImage) ? 'stop' : await begunStep(deps.db, preImageOf, host);
      const [before, now] = [unflagged(preImage), unflagged(observation)];
      const steps = restoreSteps(before, now, begun);
      const untouched = steps.length === 0 && isUntouched(before, now);
      await appendTargetEvent(deps.db, { release, opId: `${host}/fence/${epoch}`, actor: SIGNALBOX, event: { type: 'target-fenced', data: { host, epoch, untouched, observation } } });
      return { ok: true, untouched, steps };
    } catch (error) {
      return unfenced(deps, input, error);
    }
  });
}

/** A host that cannot be fenced stays out of traffic and is named at the end; the others are restored meanwhile. */
async function unfenced(deps: ActivityDeps, input: StepInput, error: unknown): Promise<FenceOutcome> {
  const { release, host, epoch } = input;
  if (isLate(error)) return refused(deps, { ...input, step: 'fence' }, error);
  if (dependencyOf(error) !== null) throw asTemporal(error);
  const failure = verdictOn(error, host);
  if (failure === null) throw asTemporal(error);
  await appendTargetEvent(deps.db, { release, opId: `${host}/fence-failed/${epoch}`, actor: SIGNALBOX, event: { type: 'target-fence-failed', data: { host, epoch, failure } } });
  return { ok: false, failure };
}
