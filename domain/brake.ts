/** The brake stops a release before its next target. Failed, unreachable and timed out targets count alike. */

/** `sentence` says to an operator what was counted and what was allowed. */
export type BrakeVerdict = { readonly applied: false } | { readonly applied: true; readonly sentence: string };

/** `total` counts the whole release, this batch included. */
export interface BrakeInput {
  readonly tolerance: { readonly perBatch: number; readonly total: number };
  readonly batch: { readonly failed: number };
  readonly total: { readonly failed: number };
}

/** Applied as soon as more targets failed than the strategy tolerates, in this batch or in all. */
export function brake({ tolerance, batch, total }: BrakeInput): BrakeVerdict {
  if (batch.failed > tolerance.perBatch) {
    return { applied: true, sentence: `${targets(batch.failed)} failed in this batch; the strategy tolerates ${allowed(tolerance.perBatch)} per batch.` };
  }
  if (total.failed > tolerance.total) {
    return { applied: true, sentence: `${targets(total.failed)} failed in this release; the strategy tolerates ${allowed(tolerance.total)} in total.` };
  }
  return { applied: false };
}

/** A bastion exists to fail early: one failed target brakes, whatever the tolerance. */
export function bastionBrake(failed: readonly { readonly host: string }[]): BrakeVerdict {
  if (failed.length === 0) return { applied: false };
  const hosts = failed.map(({ host }) => host).join(', ');
  return { applied: true, sentence: `The bastion failed (${hosts}); a build that does not pass there goes no further.` };
}

function targets(count: number): string {
  return count === 1 ? '1 target' : `${count} targets`;
}

function allowed(count: number): string {
  return count === 0 ? 'none' : String(count);
}
