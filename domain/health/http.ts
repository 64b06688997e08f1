/** Judging one answer of an application over HTTP. The host only carries the answer; the verdict is made here. */
import type { HttpProbe } from '../inventory.ts';
import type { ProbeVerdict } from './verdict.ts';

/** `status` 0: nobody answered. `body` as text, possibly cut by the host. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Passes when the status is one of the wanted, the body holds what is looked for, and, where the check asks for a version echo, names
 * `expectedVersion`. `expectedVersion` null expects no version in particular, nor any: an old build from before the echo must stay
 * restorable. The body never enters the reason, for it may hold what should not be logged.
 */
export function judgeHttp(http: HttpProbe, answer: HttpAnswer, expectedVersion: string | null): ProbeVerdict {
  const parsed = http.version === null && http.json == null ? null : parse(answer.body);
  const echo = http.version === null || parsed === null ? null : readEcho(parsed, http.version.json);
  const observedVersion = echo !== null && 'version' in echo ? echo.version : null;
  const reason = complaintOf(http, answer, parsed);
  if (reason !== null) return { pass: false, reason, observedVersion };
  if (echo === null || expectedVersion === null) return { pass: true, observedVersion };
  if ('missing' in echo) return { pass: false, reason: echo.missing, observedVersion };
  if (echo.version === expectedVersion) return { pass: true, observedVersion };
  return { pass: false, reason: `the version was ${JSON.stringify(echo.version)}, wanted ${JSON.stringify(expectedVersion)}`, observedVersion, cause: 'wrong-version' };
}

/** Everything but the version. */
function complaintOf(http: HttpProbe, { status, body }: HttpAnswer, parsed: Parsed | null): string | null {
  if (status === 0) return 'nobody answered';
  if (!http.status.includes(status)) return `the status was ${status}, wanted ${http.status.join(' or ')}`;
  if (http.body != null && !body.includes(http.body)) return `the body does not hold ${JSON.stringify(http.body)}`;
  if (http.json == null || parsed === null) return null;
  const { path, equals } = http.json;
  if ('broken' in parsed) return `the body is no JSON, and the check reads ${path} from it`;
  const found = textOf(lookUp(parsed.value, path));
  if (found === null) return `the body names no text, number, true or false at ${path}`;
  return found === equals ? null : `the body says something else than ${JSON.stringify(equals)} at ${path}`;
}

type Parsed = { readonly value: unknown } | { readonly broken: true };

function parse(body: string): Parsed {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return { broken: true };
  }
}

type Echo = { readonly version: string } | { readonly missing: string };

function readEcho(parsed: Parsed, path: string): Echo {
  if ('broken' in parsed) return { missing: 'the body is no JSON, and the check reads the version from it' };
  const value = lookUp(parsed.value, path);
  if (typeof value === 'string') return { version: value };
  // A version written as a JSON number has lost its trailing zeros already; it is compared as JavaScript writes it.
  if (typeof value === 'number') return { version: String(value) };
  return { missing: `the body names no version at ${path}` };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function lookUp(value: unknown, path: string): unknown {
  return path.split('.').reduce(member, value);
}

/** Own members only: a path must not find what every object inherits. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
