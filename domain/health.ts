/** Judging one answer of an application to its health check. The host only carries the answer; the verdict is made here. */
import type { HealthCheck } from './inventory.ts';

/** `status` 0: nobody answered. `body` as text, possibly cut by the host. */
export interface Probe {
  readonly status: number;
  readonly body: string;
}

/** `reason` completes the sentence "the probe failed because …". `observedVersion` is what the answer named, null if nothing readable. */
export type ProbeVerdict =
  | { readonly pass: true; readonly observedVersion: string | null }
  | { readonly pass: false; readonly reason: string; readonly observedVersion: string | null };

/**
 * Passes when the status is one of the wanted and, where the check asks for a version echo, the JSON body names `expectedVersion`.
 * `expectedVersion` null expects no version in particular, nor any: an old build from before the echo must stay restorable.
 * The body never enters the reason, for it may hold what should not be logged.
 */
export function judgeProbe(check: HealthCheck, probe: Probe, expectedVersion: string | null): ProbeVerdict {
  const { http } = check;
  const echo = http.version === null ? null : readEcho(probe.body, http.version.json);
  const observedVersion = echo !== null && 'version' in echo ? echo.version : null;
  const fail = (reason: string): ProbeVerdict => ({ pass: false, reason, observedVersion });
  if (probe.status === 0) return fail('nobody answered');
  if (!http.status.includes(probe.status)) return fail(`the status was ${probe.status}, wanted ${http.status.join(' or ')}`);
  if (echo === null || expectedVersion === null) return { pass: true, observedVersion };
  if ('missing' in echo) return fail(echo.missing);
  if (echo.version !== expectedVersion) return fail(`the version was ${JSON.stringify(echo.version)}, wanted ${JSON.stringify(expectedVersion)}`);
  return { pass: true, observedVersion };
}

type Echo = { readonly version: string } | { readonly missing: string };

function readEcho(body: string, path: string): Echo {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { missing: 'the body is no JSON, and the check reads the version from it' };
  }
  for (const name of path.split('.')) {
    value = member(value, name);
  }
  if (typeof value === 'string') return { version: value };
  // A version written as a JSON number has lost its trailing zeros already; it is compared as JavaScript writes it.
  if (typeof value === 'number') return { version: String(value) };
  return { missing: `the body names no version at ${path}` };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
