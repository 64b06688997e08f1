/** Faults by step: what the n-th call of a fake does instead of its work. Only fault tests use this; everything else runs real parts. */

/**
 * `fail`: throws before any effect. `lose`: the effect happens, then it throws. `hang`: answers nothing until the call's signal fires.
 * `lie`: no effect, this answer.
 */
export type Fault<Answer> = { readonly fail: Error } | { readonly lose: Error } | { readonly lie: Answer } | 'hang';

/** `call` is a name with or without what it acts on, as in `verify` or `verify web-03`; `nth` counts from 1. */
export interface Planned<Answer> {
  readonly call: string;
  readonly nth: number;
  readonly fault: Fault<Answer>;
}

export interface FaultScript<Answer> {
  /** every call so far, as `name subject` */
  readonly calls: readonly string[];
  /** Counts the call, then runs `work` or its planned fault. */
  run(name: string, subject: string, signal: AbortSignal, work: () => Answer | Promise<Answer>): Promise<Answer>;
}

export function createFaultScript<Answer>(plan: readonly Planned<Answer>[] = []): FaultScript<Answer> {
  const calls: string[] = [];
  return {
    calls,
    async run(name, subject, signal, work) {
      signal.throwIfAborted();
      calls.push(`${name} ${subject}`);
      const fault = plan.find((planned) => isDue(planned, name, subject, calls))?.fault;
      if (fault === undefined) return work();
      if (fault === 'hang') return untilAborted(signal);
      if ('fail' in fault) throw fault.fail;
      if ('lie' in fault) return fault.lie;
      await work();
      throw fault.lose;
    },
  };
}

/** Compares the count of its own kind of call, so that one plan can speak of a host and another of all. */
function isDue(planned: Planned<unknown>, name: string, subject: string, calls: readonly string[]): boolean {
  if (planned.call === name) return calls.filter((call) => call.startsWith(`${name} `)).length === planned.nth;
  return planned.call === `${name} ${subject}` && calls.filter((call) => call === planned.call).length === planned.nth;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}
