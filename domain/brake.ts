/** The brake stops a release before its next target. Failed, unreachable and timed out targets count alike. */
import type { Tolerance } from './inventory.ts';

/** `sentence` says to an operator what was counted and what was allowed; `excess` is by how many failures too many. */
export type BrakeVerdict = { readonly applied: false } | { readonly applied: true; readonly sentence: string; readonly excess: number };

/** What the brake needs of a planned batch; `tolerance` absent: the strategy's `perBatch`. */
export interface BrakedBatch {
  readonly hosts: readonly string[];
  readonly tolerance?: number;
}

export interface Failures {
  readonly tolerance: Tolerance;
  /** every batch of the plan */
  readonly batches: readonly BrakedBatch[];
  /** index of the batch at hand */
  readonly batch: number;
  /** failed hosts of the whole release that nobody has retried with success or skipped */
  readonly failed: readonly string[];
  /** the most failures one after the other, in the order targets ended; 0 where nobody counted */
  readonly streak?: number;
}

/** `hosts` are those that were counted. */
export type CountedVerdict = { readonly applied: false } | (Extract<BrakeVerdict, { applied: true }> & { readonly hosts: readonly string[] });

/**
 * Applied as soon as more targets failed than the strategy tolerates: in one batch, in all, or one after the other. A failed host
 * counts in the batch it belongs to, whenever it ran or was retried.
 */
export function brakeOver(failures: Failures): CountedVerdict {
  const { tolerance, batches, batch: atHand, failed, streak = 0 } = failures;
  for (const [index, batch] of batches.entries()) {
    const hosts = failedOf(batch, failed);
    const most = batch.tolerance ?? tolerance.perBatch;
    if (hosts.length <= most) continue;
    const name = index === atHand ? 'this batch' : `batch ${index}`;
    return { applied: true, hosts, excess: hosts.length - most, sentence: `${targets(hosts.length)} failed in ${name}; the strategy tolerates ${allowed(most)} per batch.` };
  }
  const total = totalAllowed(failures);
  if (failed.length > total) {
    return { applied: true, hosts: failed, excess: failed.length - total, sentence: `${targets(failed.length)} failed in this release; the strategy tolerates ${allowed(total)} in total.` };
  }
  const inARow = tolerance.consecutive ?? null;
  if (inARow === null || streak <= inARow || failed.length === 0) return { applied: false };
  return { applied: true, hosts: failed, excess: streak - inARow, sentence: `${targets(streak)} failed one after the other; the strategy tolerates ${allowed(inARow)} in a row.` };
}

/** How many of `hosts`, whichever they are, may still fail before the brake speaks; 0 when it would at the next one. */
export function failuresLeft(failures: Omit<Failures, 'batch' | 'streak'>, hosts: readonly string[]): number {
  const { tolerance, batches, failed } = failures;
  const running = new Set(hosts);
  const left = batches.filter((batch) => batch.hosts.some((host) => running.has(host))).map((batch) => (batch.tolerance ?? tolerance.perBatch) - failedOf(batch, failed).length);
  return Math.max(0, Math.min(totalAllowed(failures) - failed.length, ...left));
}

/** A batch that may lose more than the others raises the total by what it adds: else its own tolerance would never be reached. */
function totalAllowed({ tolerance, batches }: Pick<Failures, 'tolerance' | 'batches'>): number {
  return batches.reduce((total, batch) => total + Math.max(0, (batch.tolerance ?? 0) - tolerance.perBatch), tolerance.total);
}

function failedOf({ hosts }: BrakedBatch, failed: readonly string[]): readonly string[] {
  const own = new Set(hosts);
  return failed.filter((host) => own.has(host));
}

/** A bastion exists to fail early: one failed target brakes, whatever the tolerance. */
export function bastionBrake(failed: readonly { readonly host: string }[]): BrakeVerdict {
  if (failed.length === 0) return { applied: false };
  const hosts = failed.map(({ host }) => host).join(', ');
  return { applied: true, excess: failed.length, sentence: `The bastion failed (${hosts}); a build that does not pass there goes no further.` };
}

function targets(count: number): string {
  return count === 1 ? '1 target' : `${count} targets`;
}

function allowed(count: number): string {
  return count === 0 ? 'none' : String(count);
}
