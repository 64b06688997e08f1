/** A failure the person at the keyboard can act on: one exit code, what happened, and what to do next. */
import type { ExitCode } from './exit-codes.ts';

export class Complaint extends Error {
  readonly exitCode: ExitCode;
  /** further lines below the message: pointers of a refused document, allowed commands, a command to type */
  readonly details: readonly string[];

  constructor(exitCode: ExitCode, message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'Complaint';
    this.exitCode = exitCode;
    this.details = details;
  }
}
