/** A health check as a whole: its kind, its moment, its texts, and how people call it. */
import type { HealthCheck, HealthKind, HealthMoment } from '../inventory.ts';

export function kindOf(check: HealthCheck): HealthKind {
  if ('http' in check) return 'http';
  if ('tcp' in check) return 'tcp';
  return 'process' in check ? 'process' : 'command';
}

/** A check and its place in the list it stands in, which people are told: `health/0`. */
export interface PlacedCheck {
  readonly check: HealthCheck;
  readonly index: number;
}

/** The checks of one moment, in the order of the list. */
export function checksOf(list: readonly HealthCheck[], moment: HealthMoment): readonly PlacedCheck[] {
  return list.map((check, index) => ({ check, index })).filter(({ check }) => (check.when ?? 'before-admit') === moment);
}

/** What is asked, as it stands in messages: `GET http://10.0.0.7:8080/health`, `port 10.0.0.7:5432`, `process`, `command ./probe --fast`. */
export function sayCheck(check: HealthCheck, address: string): string {
  const place = address.includes(':') ? `[${address}]` : address;
  if ('http' in check) return `${check.http.method} http://${place}:${check.http.port}${check.http.path}`;
  if ('tcp' in check) return `port ${place}:${check.tcp.port}`;
  return 'process' in check ? 'process' : `command ${check.command.command.join(' ')}`;
}

/**
 * The check with each of its texts that may hold `${name}` replaced by what `change` makes of it; `pointer` is the JSON pointer of the
 * text within the check. The one list of such texts: what is tried out when something is applied is what is filled in when it runs.
 */
export function mapTexts(check: HealthCheck, change: (text: string, pointer: string) => string): HealthCheck {
  if ('tcp' in check) return { ...check, tcp: { ...check.tcp, port: change(check.tcp.port, '/tcp/port') } };
  if ('process' in check) return check;
  if ('command' in check) {
    return { ...check, command: { ...check.command, command: check.command.command.map((word, index) => change(word, `/command/command/${index}`)) } };
  }
  const { http } = check;
  const changed = {
    ...(http.headers === undefined ? {} : { headers: Object.fromEntries(Object.entries(http.headers).map(([name, value]) => [name, change(value, `/http/headers/${name}`)])) }),
    ...(http.body == null ? {} : { body: change(http.body, '/http/body') }),
    ...(http.json == null ? {} : { json: { ...http.json, equals: change(http.json.equals, '/http/json/equals') } }),
  };
  return { ...check, http: { ...http, path: change(http.path, '/http/path'), port: change(http.port, '/http/port'), ...changed } };
}

/** Every text of a check that may hold `${name}`, with its pointer within the check. */
export function textsOf(check: HealthCheck): readonly (readonly [pointer: string, text: string])[] {
  const texts: [string, string][] = [];
  mapTexts(check, (text, pointer) => {
    texts.push([pointer, text]);
    return text;
  });
  return texts;
}
