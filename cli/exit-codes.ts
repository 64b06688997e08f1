/** What the command line tells a shell. CI jobs branch on these numbers: they are never reused for another meaning. */
import type { Status } from './release.ts';

export const EXIT = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  rolledBack: 3,
  waitingForPerson: 4,
  timedOut: 5,
  aborted: 6,
  auth: 7,
  conflict: 8,
  unreachable: 9,
  rollbackIncomplete: 10,
  debt: 11,
  unwell: 12,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One sentence per code, in the order of the numbers; docs/cli.md and `--help` print it. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.succeeded, 'succeeded; for a command verb: applied; with debt it says so'],
  [EXIT.failed, 'the release failed and was not rolled back, or was rejected'],
  [EXIT.usage, 'wrong usage or input: unknown option, unreadable file, a name the server does not know, a document it refuses'],
  [EXIT.rolledBack, 'the release was rolled back, by itself or because somebody asked'],
  [EXIT.waitingForPerson, 'the release waits for a person and --no-wait-approval was given'],
  [EXIT.timedOut, 'the watch timed out; the release is still running, the message says how to resume'],
  [EXIT.aborted, 'the release was aborted'],
  [EXIT.auth, 'no token, a wrong one, or one that may not do this'],
  [EXIT.conflict, 'conflict or precondition: a command was refused, the pool is busy, a version has moved on'],
  [EXIT.unreachable, 'the server could not be reached, or could not answer, after all retries'],
  [EXIT.rollbackIncomplete, 'the rollback ended incomplete: some hosts are not restored and stay out of traffic'],
  [EXIT.debt, 'succeeded with debt (skipped or tolerated hosts) and --strict was given'],
  [EXIT.unwell, 'doctor, or a check of the fleet, found something wrong; it says what to do'],
  [EXIT.internal, 'the command line itself broke; nothing is known about the release'],
  [EXIT.interrupted, 'Ctrl-C: detached, the release goes on'],
  [EXIT.terminated, 'SIGTERM: detached, the release goes on'],
];

/** The code of a release that has ended; null while it runs. `strict` makes debt count. */
export function exitOfStatus(status: Status, debt: number, strict: boolean): ExitCode | null {
  switch (status) {
    case 'succeeded':
      return strict && debt > 0 ? EXIT.debt : EXIT.succeeded;
    case 'failed':
    case 'rejected':
      return EXIT.failed;
    case 'rolled-back':
      return EXIT.rolledBack;
    case 'rollback-incomplete':
      return EXIT.rollbackIncomplete;
    case 'aborted':
      return EXIT.aborted;
    default:
      return null;
  }
}

/** The code for an HTTP answer that is not a success. */
export function exitOfHttpStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return EXIT.auth;
  if (status === 409 || status === 412 || status === 428) return EXIT.conflict;
  if (status >= 500 || status === 429) return EXIT.unreachable;
  return EXIT.usage;
}
