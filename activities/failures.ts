/**
 * What an error of the outside world means for a release: the only table that says so. Values of class Failure are results; what is
 * thrown is either retried by Temporal (a dependency is away) or final (a newer command owns the target).
 */
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { Adopted, StaleEpoch, StreamForked } from '../db/errors.ts';
import { HostUnreachable, ExecutorDown } from '../drivers/executors/port.ts';
import { PackageMissing, PackageSizeWrong, StoreDown } from '../drivers/packages/port.ts';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured } from '../drivers/traffic/port.ts';
import type { HostAnswer } from '../drivers/executors/port.ts';
import { CAPACITY } from '../domain/plan/capacity.ts';
import { NOT_NOW } from '../domain/not-now.ts';
import type { Failure } from '../domain/vocabulary.ts';

/** A step that ended with a verdict about the target. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Something of ours is away: nothing is judged, the step is tried again until it is back. */
export class DependencyDown extends Error {
  override readonly name = 'DependencyDown';
  readonly dependency: string;
  constructor(dependency: string, message: string) {
    super(message);
    this.dependency = dependency;
  }
}

/** A host may not be taken out yet. Nothing of ours is away. */
class StaysInService extends DependencyDown {
  /** nothing was done to take the host out */
  readonly isUntouched: boolean;
  constructor(dependency: string, message: string, isUntouched: boolean) {
    super(dependency, message);
    this.isUntouched = isUntouched;
  }
}

/** Draining now would leave too few hosts in service: wait until another one is back. */
export class CapacityRefused extends StaysInService {
  constructor(message: string, isUntouched = true) {
    super(CAPACITY, message, isUntouched);
  }
}

/** An application asks that its host be left alone; it is asked again after so long. */
export class NotNow extends StaysInService {
  readonly againAfterMs: number;
  constructor(message: string, { againAfterMs, isUntouched }: { readonly againAfterMs: number; readonly isUntouched: boolean }) {
    super(NOT_NOW, message, isUntouched);
    this.againAfterMs = againAfterMs;
  }
}

/** True where the step waits and nothing was done on its host. */
export function leavesUntouched(error: unknown): boolean {
  return error instanceof StaysInService && error.isUntouched;
}

/** A verdict about the target, or the same error again for Temporal to retry. */
export function verdictOn(error: unknown, host: string): Failure | null {
  if (error instanceof StepFailed) return error.failure;
  if (error instanceof HostUnreachable) {
    return { class: 'host', code: 'unreachable', message: `${host} did not answer: ${error.message}`, next: `Check the machine and its executor. Then retry or skip ${host}, or start the release again if it has ended.` };
  }
  if (error instanceof AdmitNotConfirmed) {
    return { class: 'bad-build', code: 'admit-not-confirmed', message: `The balancer does not take ${host} back: ${error.message}`, next: 'Look at the balancer\'s health check of this server and at the application\'s log.' };
  }
  if (error instanceof BalancerMisconfigured) {
    return { class: 'host', code: 'balancer-misconfigured', message: error.message, next: 'Repair the pool\'s traffic entry or the balancer\'s configuration, then retry.' };
  }
  if (error instanceof PackageMissing) return { class: 'bad-build', code: 'package-missing', message: error.message, next: 'Publish the package under this address or register it anew, then start the release again.' };
  if (error instanceof PackageSizeWrong) return { class: 'bad-build', code: 'size-mismatch', message: error.message, next: 'Somebody changed the package after it was registered: build a new version.' };
  return null;
}

/** Which dependency an error speaks of; null when it is none of them. */
export function dependencyOf(error: unknown): { readonly dependency: string; readonly message: string } | null {
  if (error instanceof DependencyDown) return { dependency: error.dependency, message: error.message };
  if (error instanceof BalancerDown) return { dependency: 'the balancer', message: error.message };
  if (error instanceof StoreDown) return { dependency: 'the package store', message: error.message };
  if (error instanceof ExecutorDown) return { dependency: error.plane, message: error.message };
  return null;
}

/** Runs a database write of an activity: conflicts that can never end well are final, everything else is retried. */
export async function storing<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw asTemporal(error);
  }
}

/** Expected failures are benign: they stay out of error logs, their cause is in the release. */
export function asTemporal(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof StaleEpoch || error instanceof StaleEpochOnHost) return ApplicationFailure.create({ message: error.message, type: 'StaleEpoch', nonRetryable: true, category: ApplicationFailureCategory.BENIGN });
  if (error instanceof Adopted) return ApplicationFailure.create({ message: error.message, type: 'Adopted', nonRetryable: true, category: ApplicationFailureCategory.BENIGN });
  if (error instanceof StreamForked) return ApplicationFailure.create({ message: error.message, type: 'StreamForked', nonRetryable: true });
  const dependency = dependencyOf(error);
  if (dependency !== null) {
    return ApplicationFailure.create({ message: `${dependency.dependency}: ${dependency.message}`, type: 'DependencyDown', category: ApplicationFailureCategory.BENIGN, ...(error instanceof NotNow ? { nextRetryDelay: error.againAfterMs } : {}) });
  }
  return error;
}

/** Turns a host's refusal into a verdict. `what` names the step as a person would say it. */
export function hostFailure(host: string, what: string, answer: Extract<HostAnswer, { ok: false }>): Failure | DependencyDown | StaleEpochOnHost {
  const { error, message, detail } = answer;
  const log = typeof detail['log'] === 'string' && detail['log'] !== '' ? { log: detail['log'] } : {};
  if (error === 'stale-epoch') return new StaleEpochOnHost(host, message);
  if (error === 'fetch-failed' && detail['status'] !== '404' && detail['status'] !== 404) return new DependencyDown('the package store', message);
  const told = NEXT[error];
  const expected = 'expected' in detail ? ` (expected ${String(detail['expected'])}, got ${String(detail['got'])})` : '';
  return {
    class: told?.class ?? 'host',
    code: error,
    message: `${what} on ${host} failed: ${message}${expected}`,
    next: told?.next ?? `Look at ${host} and retry.`,
    ...log,
  };
}

/** The host obeys a newer release or rollback. */
export class StaleEpochOnHost extends Error {
  override readonly name = 'StaleEpochOnHost';
  constructor(host: string, message: string) {
    super(`${host} refused an outdated command: ${message}`);
  }
}

const NEXT: Readonly<Record<string, { readonly class: Failure['class']; readonly next: string }>> = {
  'digest-mismatch': { class: 'bad-build', next: 'The package changed after it was registered, or the transfer is tampered with: build a new version.' },
  'size-mismatch': { class: 'bad-build', next: 'The package changed after it was registered: build a new version.' },
  'evil-archive': { class: 'bad-build', next: 'The archive holds entries that may not be unpacked: fix the build.' },
  'not-unpacked': { class: 'host', next: 'Somebody removed the staged release from the host: start the release again.' },
  'start-failed': { class: 'bad-build', next: 'Read the log below; the process ended right after its start.' },
  'fetch-failed': { class: 'bad-build', next: 'The store does not have this package: publish it and start the release again.' },
  'disk-full': { class: 'host', next: 'Free space on the host, then start the release again.' },
  'missing-tools': { class: 'host', next: 'Install the named tools on the host.' },
  'adopt-needed': { class: 'host', next: 'Somebody used break-glass on this host: look at it, then start a release with adopt: true.' },
  'unexpected-link': { class: 'host', next: 'Somebody changed the installed version by hand: look at the host, then retry.' },
  'hook-failed': { class: 'host', next: 'Read the log of the hook below; mend what it complains of, or the hook, and retry.' },
  'job-running': { class: 'host', next: 'A job of the release of before runs still: wait until it has ended, or give it longer with schedule.waitSeconds, and retry.' },
  'reload-failed': { class: 'host', next: 'The server that serves the files is not there, or may not be told: look at it and at reload.pidFile, then retry.' },
  'unknown-outcome': { class: 'host', next: 'A hook was cut off: look at the host, then retry or skip it.' },
};
