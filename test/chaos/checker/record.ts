/**
 * What a run leaves behind, and what the checker judges: plain JSON, so that a run can be judged again from its folder. Every `atMs` and
 * `seenMs` is milliseconds since this machine booted: the one clock that no fault of ours can turn.
 */
import type { StoredReleaseEvent } from '../../../domain/release/events.ts';
import type { Step } from '../../../domain/vocabulary.ts';

export interface ChaosRecord {
  readonly pools: readonly PoolFacts[];
  readonly client: readonly ClientEntry[];
  readonly events: readonly LoggedEvent[];
  readonly effects: readonly Effect[];
  readonly starts: readonly AppStart[];
  readonly samples: readonly BalancerSample[];
  readonly hosts: readonly HostAtEnd[];
  readonly readModel: { readonly differing: readonly string[]; readonly brokenChain: readonly string[] };
  /** when everything had come to rest and `hosts` was looked at */
  readonly endedMs: number;
  /** how long a release may take from its request until it is terminal or paused */
  readonly deadlineMs: number;
}

export interface PoolFacts {
  readonly pool: string;
  readonly hosts: readonly string[];
  readonly floor: number;
}

/**
 * `invoke` before the request leaves; then one of `ok` (its receipt says applied, or the release was accepted), `fail` (refused) and
 * `info` (nobody knows). `mark` stands in the reason of the event it leads to and in no other.
 */
export interface ClientEntry {
  readonly kind: 'invoke' | 'ok' | 'fail' | 'info';
  readonly op: 'release' | 'pause' | 'resume' | 'rollback' | 'abort' | 'skip' | 'retry';
  readonly mark: string;
  /** the release it is about; null until it is known */
  readonly release: string | null;
  readonly atMs: number;
  /** a command that was answered 2xx: from then on it may not be lost */
  readonly accepted?: true;
}

/** `position` orders the events of all streams. `seenMs`: when an observer saw it, so it was stored before. */
export interface LoggedEvent {
  readonly release: string;
  readonly position: number;
  readonly seenMs: number;
  readonly event: StoredReleaseEvent;
}

/** `begun`: somebody is about to. `done`: it happened, written by whoever did it right after it. `fenced`: the host obeys no lower epoch from here on. */
export interface Effect {
  readonly kind: 'begun' | 'done' | 'fenced';
  readonly atMs: number;
  readonly host: string;
  readonly epoch: number;
  readonly what: What;
  /** names the step: release / plan revision / host / application / step / direction / round */
  readonly opId: string;
  /** tells two effects apart: the process that was started or ended, the call that switched, the state that was written */
  readonly mark: string;
}

export type What = 'stop' | 'switch' | 'start' | 'drain' | 'admit' | 'fetch' | 'unpack' | 'configure' | 'fence' | 'clean';

/** A line of an application about its own start. */
export interface AppStart {
  readonly host: string;
  readonly version: string;
  readonly pid: number;
  readonly atMs: number;
}

export interface BalancerSample {
  readonly pool: string;
  readonly atMs: number;
  readonly servers: readonly { readonly host: string; readonly admin: string; readonly inService: boolean }[];
}

/** What a look at the host itself, its lock in the database and its server at the balancer showed at the end. */
export interface HostAtEnd {
  readonly host: string;
  readonly digest: string | null;
  readonly processes: number;
  readonly admin: string;
  readonly inService: boolean;
  /** release that holds the host's lock */
  readonly owner: string | null;
  /** operations still written down as running, half-unpacked trees, half-fetched files */
  readonly residue: readonly string[];
}

export interface Operation {
  readonly release: string;
  readonly host: string;
  readonly application: string;
  readonly step: string;
  readonly direction: 'forward' | 'back';
  readonly round: number;
}

/** Throws on an opId of another shape: the checker would judge nothing. */
export function operationOf(opId: string): Operation {
  const [release, revision, host, application, step, direction, round, more] = opId.split('/');
  if (release === undefined || revision !== '1' || host === undefined || application === undefined || step === undefined || (direction !== 'forward' && direction !== 'back') || round === undefined || more !== undefined) {
    throw new Error(`The opId ${opId} is not of the shape release/1/host/application/step/direction/round`);
  }
  return { release, host, application, step, direction, round: Number(round) };
}

/** Steps of a target, as against what is staged before any traffic moves and cleared after it. */
export function isStepEffect({ what }: Effect): boolean {
  const steps: readonly (Step | What)[] = ['drain', 'stop', 'switch', 'start', 'admit'];
  return steps.includes(what);
}
