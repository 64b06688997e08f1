/**
 * An application may ask to be left alone for a while before a host of it is taken out of traffic: a long request, a batch that runs, a
 * leader that must hand over first. What such an answer is, and what becomes of the host.
 */
import type { NotNowPolicy } from './inventory.ts';

/** What is waited for, in events and sentences. */
export const NOT_NOW = 'leave';

/** A command says "not now" by this status: EX_TEMPFAIL of sysexits.h, which no program ends with by accident. */
export const NOT_NOW_STATUS = 75;

/** A URL says "not now" by one of these: conflict, locked, too early, too many requests, unavailable. */
const NOT_NOW_ANSWERS: ReadonlySet<number> = new Set([409, 423, 425, 429, 503]);

const REASON_LENGTH_MAX = 200;

/** `failed` is what is wrong with the question itself: neither yes nor no. */
export type Leave = { readonly go: true } | { readonly notNow: string } | { readonly failed: string };

/** What a command that was asked has said; its last line is the reason. */
export function leaveByCommand({ status, timedOut, output }: { readonly status: number; readonly timedOut: boolean; readonly output: string }): Leave {
  if (timedOut) return { failed: 'it did not end in its time' };
  if (status === 0) return { go: true };
  return status === NOT_NOW_STATUS ? { notNow: reasonIn(output) } : { failed: `it ended with ${status}${output.trim() === '' ? '' : `: ${reasonIn(output)}`}` };
}

/** What a URL has answered; `status` 0: nothing came. The last line of the body is the reason. */
export function leaveByAnswer({ status, body }: { readonly status: number; readonly body: string }): Leave {
  if (status >= 200 && status < 300) return { go: true };
  if (NOT_NOW_ANSWERS.has(status)) return { notNow: reasonIn(body) };
  return { failed: status === 0 ? 'nobody answered' : `the answer was ${status}` };
}

export interface Refused {
  readonly waitedSeconds: number;
  /** nothing was done on the host yet */
  readonly isUntouched: boolean;
}

/**
 * `again`: asked once more after `everySeconds`. Else the policy decides: wait for a person, go on all the same, or leave the host out,
 * which is for a person to say once a hook may have been run on it.
 */
export function afterNotNow({ atMostSeconds, then }: NotNowPolicy, { waitedSeconds, isUntouched }: Refused): 'again' | NotNowPolicy['then'] {
  if (waitedSeconds < atMostSeconds) return 'again';
  return then === 'skip' && !isUntouched ? 'hold' : then;
}

function reasonIn(text: string): string {
  const last = text.trim().split('\n').at(-1)?.trim() ?? '';
  return last === '' ? 'no reason was given' : last.slice(0, REASON_LENGTH_MAX);
}
