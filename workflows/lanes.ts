/** Targets in bounded lanes: each lane takes the next host when it may, and a host once begun is brought to its end. */
import { isUnknown } from '../domain/release/answer.ts';
import { afterEnd, NO_STREAK } from '../domain/release/streak.ts';
import type { Streak } from '../domain/release/streak.ts';
import type { FailedTarget } from '../domain/vocabulary.ts';

export interface LaneResult {
  readonly succeeded: number;
  /** restores only: hosts that nothing had reached */
  readonly untouchedOnArrival: number;
  readonly failed: readonly FailedTarget[];
  /** hosts no lane began */
  readonly untouched: readonly string[];
  readonly streak: Streak;
}

export type TargetEnd = 'succeeded' | 'untouched' | FailedTarget;

/** The host waited for capacity when the release was paused, or the release was stopped before it was begun: nothing was done on it, and it is begun again when it may be. */
export type HandedBack = 'handed-back';

/** What has ended so far. */
export interface Ends {
  readonly failed: number;
  /** of those, with a hook of which nobody knows whether it took effect: the release asks before it begins anything further */
  readonly unknown: number;
  readonly streak: Streak;
}

export interface LaneRules {
  readonly hosts: readonly string[];
  readonly lanes: number;
  /** failures in a row before the first host */
  readonly streak?: Streak | undefined;
  /** waits while the release is paused; answers false when no further host may be begun */
  readonly mayBegin: (host: string, ends: Ends) => boolean | Promise<boolean>;
  readonly work: (host: string) => Promise<TargetEnd | HandedBack>;
  /** the host is in nobody's hands any more, however its work ended */
  readonly atRest?: (host: string) => void;
  /** it counts as not begun */
  readonly handedBack?: (host: string) => void;
}

/**
 * Waits for every lane, also when one throws, so that nobody is still at work when the caller goes on. Each promise of a workflow costs
 * the worker a stack trace, so a lane waits for nothing that is known already, and what is done on a host is one promise.
 */
export async function runLanes({ hosts, lanes, streak: before = NO_STREAK, mayBegin, work, atRest = () => undefined, handedBack = () => undefined }: LaneRules): Promise<LaneResult> {
  const ends = new Map<string, TargetEnd>();
  const failures = (): FailedTarget[] => [...ends.values()].filter((end) => typeof end === 'object');
  let next = 0;
  let streak = before;
  const lane = async (): Promise<void> => {
    while (next < hosts.length) {
      const host = hosts[next++] as string;
      let end: TargetEnd | HandedBack = 'handed-back';
      while (end === 'handed-back') {
        const failed = failures();
        const may = mayBegin(host, { failed: failed.length, unknown: failed.filter(isUnknown).length, streak });
        if (!(typeof may === 'boolean' ? may : await may)) break;
        try {
          end = await work(host);
        } finally {
          atRest(host);
        }
        if (end === 'handed-back') handedBack(host);
      }
      if (end === 'handed-back') continue;
      streak = afterEnd(streak, typeof end === 'object');
      ends.set(host, end);
    }
  };
  const lanesEnded = await Promise.allSettled(Array.from({ length: Math.max(1, Math.min(lanes, hosts.length)) }, lane));
  const thrown = lanesEnded.find((end) => end.status === 'rejected');
  if (thrown !== undefined) throw thrown.reason;
  const all = [...ends.values()];
  return {
    succeeded: all.filter((end) => end === 'succeeded').length,
    untouchedOnArrival: all.filter((end) => end === 'untouched').length,
    failed: failures(),
    untouched: hosts.filter((host) => !ends.has(host)),
    streak,
  };
}
