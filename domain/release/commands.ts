/** What an operator can ask of a release, and how the answer reads. */
import type { Choice } from './events.ts';
import type { RollbackMode } from '../inventory.ts';
import type { Actor } from '../vocabulary.ts';

export const COMMAND_TYPES = ['pause', 'resume', 'rollback', 'abort', 'retry', 'skip', 'promote', 'answer', 'approve', 'reject', 'jump'] as const;
export type CommandType = (typeof COMMAND_TYPES)[number];

/** `id` is the receipt's id and Temporal's update id, so one command is applied at most once. */
export type Command = {
  readonly id: string;
  readonly by: Actor;
  readonly reason: string;
  /** refuse unless the release stands at this stream version; abort and rollback ignore it */
  readonly ifVersion?: number;
  /** who sends it knows that hosts go back across what cannot be undone; absent: such a command is refused. Abort needs no such word */
  readonly acrossIrreversible?: boolean;
} & (
  | { readonly type: 'pause' | 'resume' | 'abort' | 'promote' | 'approve' | 'reject' }
  /** what is to be done with failed targets, by host; the release moves when each has an answer */
  | { readonly type: 'answer'; readonly choices: Readonly<Record<string, Choice>> }
  /** `to`: of an ended release, the version to go back to (`application@version` where it changed several); absent or null: what ran before */
  | { readonly type: 'rollback'; readonly mode: RollbackMode | null; readonly to?: string | null }
  /** `to`: the index of the batch that comes next instead */
  | { readonly type: 'jump'; readonly to: number }
  | { readonly type: 'retry' | 'skip'; readonly targets: readonly string[] | null }
);

/** A refusal names what is allowed instead; `code` is stable. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly allowed: readonly CommandType[];
  /** of a rollback to a version: those that can be had, newest first, each as `application@version` */
  readonly available?: readonly string[];
}

export type RefusalCode =
  | 'not-allowed'
  | 'not-paused'
  | 'already-paused'
  | 'already-done'
  | 'unknown-target'
  | 'unknown-batch'
  | 'nothing-to-do'
  | 'stale-version'
  | 'finished'
  | 'identical'
  | 'not-kept'
  | 'nothing-before'
  | 'quarantined'
  | 'orphaned'
  | 'irreversible';
