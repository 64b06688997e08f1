/** The nouns of Signalbox. Every other room speaks with these words; docs/vocabulary.md explains them to people. */
import type { StoppedBy } from './resumption.ts';

/** Where a release stands. Spelled exactly so in events, API, CLI and Temporal's search attributes. */
export type Status =
  | 'queued'
  | 'preparing'
  | 'pre-release'
  | 'releasing'
  | 'post-release'
  | 'succeeded'
  | 'rolling-back'
  | 'rolled-back'
  | 'rollback-incomplete'
  | 'failed'
  | 'aborted'
  | 'rejected';

/** The part of the work a release is in; `rollback` may follow any other. */
export type Phase = 'preparation' | 'pre-release' | 'release' | 'post-release' | 'rollback';

/** What is done to one target, in this order; the way back uses the same steps. */
export type Step = 'drain' | 'stop' | 'switch' | 'start' | 'verify' | 'admit';

export const STEPS: readonly Step[] = ['drain', 'stop', 'switch', 'start', 'verify', 'admit'];

/** `forward` brings the new version, `back` restores the pre-image. */
export type Direction = 'forward' | 'back';

/**
 * Why a release was made; what each kind does differently stands in release-kind.ts.
 * - `rollout`: a new version, as the strategy says.
 * - `hotfix`: a rollout in a hurry: first in the queue, with short waits.
 * - `scale-out`: brings hosts that do not serve to what the pool runs, and touches no other.
 * - `redeploy`: installs again what the pool runs.
 * - `rollback`: takes an earlier release back.
 */
export type ReleaseKind = 'rollout' | 'hotfix' | 'scale-out' | 'redeploy' | 'rollback';

/**
 * Who has to act on a failure decides its class.
 * - `bad-build`: the package or the application in it; counts against tolerance and may roll back.
 * - `dependency`: something of ours (balancer, package store, database) is away; the release holds, never rolls back.
 * - `host`: the machine failed, timed out or cannot be reached; counts like a bad build.
 * - `refused`: a newer command owns the target (fencing), or a rule forbids the step; nothing was done.
 */
export type FailureClass = 'bad-build' | 'dependency' | 'host' | 'refused';

/** What went wrong, to what, why, and what to do next. `log` holds at most 50 redacted lines of the application. */
export interface Failure {
  readonly class: FailureClass;
  /** stable kebab-case word, e.g. `digest-mismatch`, `health-timeout`, `drain-not-confirmed` */
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly log?: string;
  /** what failed was asked once the host served; nothing else keeps it out. Absent: anything else failed, or an older build says so */
  readonly afterAdmit?: true;
  /** a hook ended the step, and this is what going on from there needs. Absent: something else failed */
  readonly stoppedBy?: StoppedBy;
  /** an application did not let its host go, and nothing was done on it: `hold` until a person decides, or `skip` it. Absent: anything else failed */
  readonly notNow?: 'hold' | 'skip';
}

/** A target that did not make it, as decisions see it. */
export interface FailedTarget {
  readonly host: string;
  readonly step: Step | 'observe' | 'stage' | 'fence';
  readonly failure: Failure;
}

/** Who did something: a token's holder, Temporal's UI or CLI, or Signalbox itself. */
export interface Actor {
  readonly kind: 'token' | 'temporal' | 'signalbox';
  readonly name: string;
}

export const SIGNALBOX: Actor = { kind: 'signalbox', name: 'signalbox' };
export const TEMPORAL_OPERATOR: Actor = { kind: 'temporal', name: 'temporal' };

const TERMINAL: ReadonlySet<Status> = new Set<Status>(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

/** A terminal release never changes again: its record is history. */
export function isTerminal(status: Status): boolean {
  return TERMINAL.has(status);
}
