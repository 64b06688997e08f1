/**
 * How long a step may take: its own deadline, and on the way forward what is left of its target's. Both count only attempts that came
 * to a verdict; the time in which something of ours was away is nobody's.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed, verdictOn } from './failures.ts';
import type { Deadlines } from '../domain/inventory.ts';
import type { Direction, Failure, Step } from '../domain/vocabulary.ts';

export interface StepLimit {
  readonly ms: number;
  /** what it means that the time is up */
  readonly failure: Failure;
}

export interface LimitedStep {
  readonly host: string;
  readonly step: Step;
  readonly direction: Direction;
  /** what the earlier steps of this target have taken */
  readonly spentMs?: number;
}

/** Drivers know the same limit and say better what was wrong, so they go first. */
const AFTER_DRIVERS_MS = 1_000;
/** What is asked to end gets this long to do so, before others may act on the same host. */
const WIND_DOWN_MS = 2_000;

/** The way back has no deadline per target: a limit too tight to go forward must not keep hosts from being restored. */
export function limitOf({ stepSeconds, targetSeconds }: Deadlines, { host, step, direction, spentMs = 0 }: LimitedStep): StepLimit {
  const leftMs = Math.max(0, targetSeconds * 1000 - spentMs);
  const stepMs = stepSeconds * 1000 + AFTER_DRIVERS_MS;
  const next = `Look at ${host}: its log and its load. Then retry or skip it, or give the strategy a longer deadline.`;
  if (direction === 'forward' && leftMs < stepMs) {
    const message = `${host} took longer than ${targetSeconds} s in all, the deadline of a target; ${step} was not finished.`;
    return { ms: leftMs, failure: { class: 'host', code: 'target-deadline', message, next } };
  }
  return { ms: stepMs, failure: { class: 'host', code: 'step-deadline', message: `${step} on ${host} took longer than ${stepSeconds} s, the deadline of a step.`, next } };
}

/** Runs `work` until the limit; then its signal fires, and StepFailed is thrown unless it comes to a good end at the last moment. */
export async function withinLimit<T>({ ms, failure }: StepLimit, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (ms <= 0) throw new StepFailed(failure);
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new StepFailed(failure)), ms);
  const working = work(AbortSignal.any([signal, ending.signal]));
  try {
    return await Promise.race([working, windDown(ending.signal)]);
  } catch (error) {
    throw ending.signal.aborted && !signal.aborted ? timeIsUp(failure, error) : error;
  } finally {
    clearTimeout(timer);
    working.catch(() => undefined);
  }
}

/** Rejects some time after the signal has fired. */
async function windDown(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await delay(WIND_DOWN_MS, undefined, { ref: false });
  throw signal.reason;
}

/** A newer command that owns the host stays what it is; any other end after the limit is the limit's, with what was seen last. */
function timeIsUp(failure: Failure, error: unknown): unknown {
  if (error instanceof Error && error.name.startsWith('StaleEpoch')) return error;
  const seen = verdictOn(error, '');
  if (seen === null || seen.code === failure.code) return new StepFailed(failure);
  return new StepFailed({ ...failure, message: `${failure.message} Seen last: ${seen.message}`, ...(seen.log === undefined ? {} : { log: seen.log }) });
}
