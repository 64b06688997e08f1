/**
 * A release goes on from its log alone after its workflow was lost: terminated by hand, stuck in code that cannot go on, or gone with
 * Temporal's state. What was in work at that moment is known from what the targets recorded; nothing is guessed.
 */
import { progressOf } from './evolve.ts';
import { stepsOf } from './next-step.ts';
import type { CoreEvent, CoreEventData, Part } from './events.ts';
import type { ReleaseState, Situation } from './state.ts';
import type { TargetState } from './target.ts';
import type { FailedTarget } from '../vocabulary.ts';

/** First event of the new workflow. Its epoch is asked for where commands of the lost one may still move traffic or processes. */
export function adoptedEvent({ situation }: ReleaseState, reason: string): Extract<CoreEvent, { type: 'release-adopted' }> {
  return { type: 'release-adopted', data: { reason, epoch: touchesHosts(situation) ? 0 : null } };
}

/** Looks, staging and clearing come out the same however often they are done; the steps of a target do not. */
function touchesHosts({ status }: Situation): boolean {
  return status === 'pre-release' || status === 'releasing' || status === 'rolling-back';
}

/**
 * Where the batch at hand stands; null when none is in work. On the way back there is nothing to say: each host is fenced and observed
 * again before anything is done to it. Read `targets` under the new epoch: from then on nobody else records anything.
 */
export function cutOff({ situation }: ReleaseState, targets: Readonly<Record<string, TargetState>>): Extract<CoreEvent, { type: 'batch-cut-off' }> | null {
  const progress = progressOf(situation);
  if (situation.status === 'rolling-back' || progress === null || progress.stage !== 'rolling') return null;
  const { batch: index, part, round, hosts } = progress;
  const ends = hosts.map((host) => ({ host, end: endOf(targets[host], part, round) }));
  const named = (wanted: 'untouched' | 'again'): readonly string[] => ends.flatMap(({ host, end }) => (end === wanted ? [host] : []));
  const data: CoreEventData['batch-cut-off'] = {
    index,
    part,
    round,
    succeeded: ends.filter(({ end }) => end === 'succeeded').length,
    failed: ends.flatMap(({ end }) => (typeof end === 'object' ? [end] : [])),
    untouched: named('untouched'),
    again: named('again'),
  };
  return { type: 'batch-cut-off', data };
}

function endOf(target: TargetState | undefined, part: Part, round: number): 'succeeded' | 'untouched' | 'again' | FailedTarget {
  if (target === undefined) return 'untouched';
  const { host, forward } = target;
  const isOfRound = forward.round === round;
  const last = stepsOf(part).at(-1);
  if (isOfRound && last !== undefined && forward.done.includes(last)) return 'succeeded';
  if (isOfRound && forward.failure !== null) return { host, ...forward.failure };
  // A bastion that joins has only its admission left: whether that was begun is not recorded beforehand.
  if (part === 'join') return 'again';
  const isBegun = forward.begun !== null || forward.done.length > 0 || forward.waiting !== null;
  return isOfRound && isBegun ? 'again' : 'untouched';
}
