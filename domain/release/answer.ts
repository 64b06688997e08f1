/** Answers of a person to failed targets: kept as they come, and done when every failed target has one. */
import { afterHook, hookAgain } from '../resumption.ts';
import { startRollback } from './start-rollback.ts';
import type { FailedTarget, Step } from '../vocabulary.ts';
import type { Choice, CoreEvent, Resumed } from './events.ts';
import type { Progress, ReleaseState } from './state.ts';

/** For most failures, and for a hook of which nobody knows whether it took effect: to go on without saying so would be no answer. */
const OF_FAILURE = ['retry', 'ignore', 'exclude', 'fail'] as const satisfies readonly Choice[];
const OF_UNKNOWN = ['done', 'not-done', 'retry', 'exclude', 'fail'] as const satisfies readonly Choice[];

export const CHOICES: readonly Choice[] = [...new Set<Choice>([...OF_FAILURE, ...OF_UNKNOWN])];

/** What may be said of this failed target. */
export function choicesFor(target: FailedTarget): readonly Choice[] {
  return isUnknown(target) ? OF_UNKNOWN : OF_FAILURE;
}

/** A hook that may not run twice was cut off: only a person can say whether it took effect. */
export function isUnknown({ failure }: FailedTarget): boolean {
  return failure.stoppedBy?.unknown === true;
}

/** One sentence per answer that is none to what failed, with those that are; empty when all of them are. */
export function unfitting({ failed }: Progress, choices: Choices): readonly string[] {
  return failed.flatMap((target) => {
    const [choice, allowed] = [choices[target.host], choicesFor(target)];
    if (choice === undefined || allowed.includes(choice)) return [];
    const what = isUnknown(target) ? 'a hook with an unknown outcome' : `a failed ${target.step}`;
    return [`${choice} is no answer to ${what} on ${target.host}; allowed: ${allowed.join(', ')}.`];
  });
}

type Choices = Readonly<Record<string, Choice>>;

/** Failed targets nobody has answered for yet. */
export function unanswered({ failed, answers = {} }: Progress): readonly string[] {
  return failed.map(({ host }) => host).filter((host) => !Object.hasOwn(answers, host));
}

/** Empty while an answer is missing. `fail` for one target takes the whole release back, whatever was said of the others. */
export function answered(state: ReleaseState, progress: Progress, choices: Choices, reason: string): readonly CoreEvent[] {
  const all: Choices = { ...progress.answers, ...choices };
  const hosts = progress.failed.map(({ host }) => host);
  if (hosts.length === 0 || hosts.some((host) => !Object.hasOwn(all, host))) return [];
  const those = (...wanted: readonly Choice[]): readonly string[] => hosts.filter((host) => wanted.includes(all[host] as Choice));
  const failed = those('fail');
  if (failed.length > 0) return [startRollback(state, { cause: 'answer', reason: `${failed.join(', ')} failed for good: ${reason}`, mode: state.request.strategy.rollback.mode, inWork: [] })];
  const excluded = those('exclude');
  const again = those('retry', 'ignore', 'done', 'not-done');
  const resumed = resumedBy(progress, all);
  const readmitted = progress.failed.flatMap(({ host, failure }) => (all[host] === 'ignore' && failure.afterAdmit === true && resumed[host] === undefined ? [host] : []));
  const ignored = stepsOf(progress, those('ignore').filter((host) => !readmitted.includes(host)));
  const events: CoreEvent[] = [];
  if (excluded.length > 0) events.push({ type: 'targets-skipped', data: { hosts: excluded, reason } });
  if (again.length === 0) events.push({ type: 'resumed', data: { reason } });
  else events.push({ type: 'targets-retried', data: { hosts: again, round: progress.round + 1, reason, epoch: 0, ...(Object.keys(ignored).length > 0 ? { ignored } : {}), ...(readmitted.length > 0 ? { readmitted } : {}), ...(Object.keys(resumed).length > 0 ? { resumed } : {}) } });
  return events;
}

/** The failed step of each host, which is then taken as done. A host that failed before its first step has none to ignore. */
function stepsOf({ failed }: Progress, hosts: readonly string[]): Readonly<Record<string, Step>> {
  const steps: Record<string, Step> = {};
  for (const { host, step } of failed) if (hosts.includes(host) && isStep(step)) steps[host] = step;
  return steps;
}

/** A step that a hook stopped goes on at that hook: its work is not done twice, and not left out. */
function resumedBy({ failed, round }: Progress, choices: Choices): Readonly<Record<string, Resumed>> {
  const resumed: Record<string, Resumed> = {};
  for (const { host, step, failure: { stoppedBy } } of failed) {
    const choice = choices[host];
    if (stoppedBy === undefined || !isStep(step)) continue;
    if (choice === 'done' || choice === 'ignore') resumed[host] = { step, ...afterHook(stoppedBy) };
    if (choice === 'not-done') resumed[host] = { step, ...hookAgain(stoppedBy, round + 1) };
  }
  return resumed;
}

function isStep(step: FailedTarget['step']): step is Step {
  return step !== 'observe' && step !== 'stage' && step !== 'fence';
}
