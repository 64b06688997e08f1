/** The brake stops a release before its next target. Failed, unreachable and timed out targets count alike. */

/** `sentence` says to an operator what was counted and what was allowed. */
export type BrakeVerdict = { readonly applied: false } | { readonly applied: true; readonly sentence: string };

/** `total` counts the whole release, this batch included. */
export interface BrakeInput {
  readonly tolerance: { readonly perBatch: number; readonly total: number };
  /** `name` says which batch; default: this batch */
  readonly batch: { readonly failed: number; readonly name?: string };
  readonly total: { readonly failed: number };
}

/** Applied as soon as more targets failed than the strategy tolerates, in this batch or in all. */
export function brake({ tolerance, batch, total }: BrakeInput): BrakeVerdict {
  if (batch.failed > tolerance.perBatch) {
    return { applied: true, sentence: `${targets(batch.failed)} failed in ${batch.name ?? 'this batch'}; the strategy tolerates ${allowed(tolerance.perBatch)} per batch.` };
  }
  if (total.failed > tolerance.total) {
    return { applied: true, sentence: `${targets(total.failed)} failed in this release; the strategy tolerates ${allowed(tolerance.total)} in total.` };
  }
  return { applied: false };
}

export interface Failures {
  readonly tolerance: BrakeInput['tolerance'];
  /** hosts of every batch of the plan */
  readonly batches: readonly (readonly string[])[];
  /** index of the batch at hand */
  readonly batch: number;
  /** failed hosts of the whole release that nobody has retried with success or skipped */
  readonly failed: readonly string[];
}

export type CountedVerdict = { readonly applied: false } | { readonly applied: true; readonly sentence: string; readonly hosts: readonly string[] };

/** A failed host counts in the batch it belongs to, whenever it ran or was retried, and in total. `hosts` are those that were counted. */
export function brakeOver({ tolerance, batches, batch: atHand, failed }: Failures): CountedVerdict {
  for (const [index, batch] of batches.entries()) {
    const hosts = failedOf(batch, failed);
    const verdict = brake({ tolerance, batch: { failed: hosts.length, ...(index === atHand ? {} : { name: `batch ${index}` }) }, total: { failed: 0 } });
    if (verdict.applied) return { ...verdict, hosts };
  }
  const verdict = brake({ tolerance, batch: { failed: 0 }, total: { failed: failed.length } });
  return verdict.applied ? { ...verdict, hosts: failed } : verdict;
}

/** How many of `hosts`, whichever they are, may still fail before the brake speaks; 0 when it would at the next one. */
export function failuresLeft({ tolerance, batches, failed }: Omit<Failures, 'batch'>, hosts: readonly string[]): number {
  const running = new Set(hosts);
  const left = batches.filter((batch) => batch.some((host) => running.has(host))).map((batch) => tolerance.perBatch - failedOf(batch, failed).length);
  return Math.max(0, Math.min(tolerance.total - failed.length, ...left));
}

function failedOf(batch: readonly string[], failed: readonly string[]): readonly string[] {
  const own = new Set(batch);
  return failed.filter((host) => own.has(host));
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
