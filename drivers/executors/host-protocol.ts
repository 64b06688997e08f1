/** The host program's two sides of a call as text: input lines, and the one JSON line of its answer. Same for every executor. */
import { HostUnreachable } from './port.ts';
import type { HostAnswer, HostInput, HostVerb } from './port.ts';

const INPUT_NAME = /^(?:[a-z][A-Za-z0-9]*|command\.(?:0|[1-9][0-9]{0,2})|env\.[A-Za-z_][A-Za-z0-9_]*)$/;

/**
 * Lines `name value`, closed by `end`. A value keeps its printable ASCII and has every other byte, and `%`, percent-encoded; the
 * host decodes only what holds a `%`. Throws TypeError on a name the host could never take, or a NUL in a value.
 */
export function encodeHostInput(input: HostInput): string {
  const lines = Object.entries(input).map(([name, value]) => {
    if (!INPUT_NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a name of an input of the host program`);
    if (value.includes('\0')) throw new TypeError(`The value of ${name} holds a NUL, which no host can take`);
    return `${name} ${percentEncode(value)}\n`;
  });
  return `${lines.join('')}end\n`;
}

/** Throws HostUnreachable when the output is not one answer. */
export function parseHostAnswer(host: string, verb: HostVerb, output: string): HostAnswer {
  const garbage = (): HostUnreachable => new HostUnreachable(host, `${host} answered ${verb} with something else than one JSON line: ${JSON.stringify(output.slice(0, 200))}`);
  if (!/^[\x20-\x7e]+\n$/.test(output)) throw garbage();
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    throw garbage();
  }
  if (!isHostAnswer(answer)) throw garbage();
  return answer;
}

function isHostAnswer(value: unknown): value is HostAnswer {
  if (!isObject(value)) return false;
  if (value['ok'] === true) return typeof value['repeated'] === 'boolean' && isObject(value['result']);
  return value['ok'] === false && typeof value['error'] === 'string' && typeof value['message'] === 'string' && isObject(value['detail']);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function percentEncode(value: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(value)) return value;
  let text = '';
  for (const byte of Buffer.from(value, 'utf8')) {
    text += byte >= 0x20 && byte < 0x7f && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
