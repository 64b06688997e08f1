/** Answers of a person to failed targets: kept as they come, and done when every failed target has one. */
import { startRollback } from './start-rollback.ts';
import type { Step } from '../vocabulary.ts';
import type { Choice, CoreEvent } from './events.ts';
import type { Progress, ReleaseState } from './state.ts';

export const CHOICES: readonly Choice[] = ['retry', 'ignore', 'exclude', 'fail'];

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
  const again = those('retry', 'ignore');
  const readmitted = progress.failed.flatMap(({ host, failure }) => (all[host] === 'ignore' && failure.afterAdmit === true ? [host] : []));
  const ignored = stepsOf(progress, those('ignore').filter((host) => !readmitted.includes(host)));
  const events: CoreEvent[] = [];
  if (excluded.length > 0) events.push({ type: 'targets-skipped', data: { hosts: excluded, reason } });
  if (again.length === 0) events.push({ type: 'resumed', data: { reason } });
  else events.push({ type: 'targets-retried', data: { hosts: again, round: progress.round + 1, reason, epoch: 0, ...(Object.keys(ignored).length > 0 ? { ignored } : {}), ...(readmitted.length > 0 ? { readmitted } : {}) } });
  return events;
}

/** The failed step of each host, which is then taken as done. A host that failed before its first step has none to ignore. */
function stepsOf({ failed }: Progress, hosts: readonly string[]): Readonly<Record<string, Step>> {
  const steps: Record<string, Step> = {};
  for (const { host, step } of failed) if (hosts.includes(host) && step !== 'observe' && step !== 'stage' && step !== 'fence') steps[host] = step;
  return steps;
}
