/** What one probe of a health check was found to say. */

/**
 * `reason` completes the sentence "the probe failed because …". `observedVersion` is what the answer named, null if nothing readable.
 * `wrong-version` and `port-taken` name what stood at the last probe; only `unsupported` is final: no later probe can change it.
 */
export type ProbeVerdict =
  | { readonly pass: true; readonly observedVersion: string | null }
  | { readonly pass: false; readonly reason: string; readonly observedVersion: string | null; readonly cause?: ProbeCause };

export type ProbeCause = 'wrong-version' | 'port-taken' | 'unsupported';

export function passed(observedVersion: string | null = null): ProbeVerdict {
  return { pass: true, observedVersion };
}

export function failing(reason: string, cause?: ProbeCause): ProbeVerdict {
  return { pass: false, reason, observedVersion: null, ...(cause === undefined ? {} : { cause }) };
}
