/**
 * A strict reader of JSON text that runs before JSON.parse. JSON.parse takes the last of two equal keys, any depth and any number;
 * a request that means different things to different readers must be refused, not guessed at.
 */
import type { Complaint } from './problem.ts';

export const DEPTH_MAX = 20;
const COMPLAINTS_MAX = 100;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERAL = /true|false|null/y;
// Lone surrogates cannot be stored as UTF-8; C0, DEL and C1 reach terminals, sockets and logs.
const UNWANTED = /[\u0000-\u001f\u007f-\u009f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** `unparsable`: the text has no single meaning (400). `wrong`: it parses, but holds values nothing here may hold (422). */
export interface Scan {
  readonly unparsable: readonly Complaint[];
  readonly wrong: readonly Complaint[];
}

interface Reader {
  readonly text: string;
  at: number;
  readonly unparsable: Complaint[];
  readonly wrong: Complaint[];
}

/** Reads the whole text once; never throws. A syntax error ends the reading, everything else is collected. */
export function scanJson(text: string): Scan {
  const reader: Reader = { text, at: 0, unparsable: [], wrong: [] };
  try {
    readValue(reader, '', 1);
    skipSpace(reader);
    if (reader.at < text.length) fail(reader, '', 'text goes on after the end of the document');
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  return { unparsable: reader.unparsable.slice(0, COMPLAINTS_MAX), wrong: reader.wrong.slice(0, COMPLAINTS_MAX) };
}

/** Appends one member to a JSON pointer (RFC 6901). */
export function pointerTo(parent: string, member: string | number): string {
  return `${parent}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

class Unreadable extends Error {}

function fail(reader: Reader, pointer: string, message: string): never {
  reader.unparsable.push({ in: 'body', pointer, message: `${message} (character ${reader.at})` });
  throw new Unreadable();
}

function skipSpace(reader: Reader): void {
  SPACE.lastIndex = reader.at;
  SPACE.test(reader.text);
  reader.at = SPACE.lastIndex;
}

function take(reader: Reader, pattern: RegExp): string | null {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return null;
  reader.at = pattern.lastIndex;
  return found[0];
}

function readValue(reader: Reader, pointer: string, depth: number): void {
  skipSpace(reader);
  const next = reader.text[reader.at];
  if (next === '{') return readObject(reader, pointer, depth);
  if (next === '[') return readArray(reader, pointer, depth);
  if (next === '"') {
    readString(reader, pointer);
    return;
  }
  if (take(reader, LITERAL) !== null) return;
  const number = take(reader, NUMBER);
  if (number === null) fail(reader, pointer, next === undefined ? 'the document ends too early' : 'a JSON value is expected here');
  if (!(Math.abs(Number(number)) <= Number.MAX_SAFE_INTEGER)) {
    reader.wrong.push({ in: 'body', pointer, message: 'the number is out of bounds (±9007199254740991)' });
  }
}

function readObject(reader: Reader, pointer: string, depth: number): void {
  enter(reader, pointer, depth);
  const seen = new Set<string>();
  skipSpace(reader);
  if (closes(reader, '}')) return;
  do {
    skipSpace(reader);
    if (reader.text[reader.at] !== '"') fail(reader, pointer, 'a member name in double quotes is expected here');
    const key = readString(reader, pointer);
    const member = pointerTo(pointer, key);
    if (FORBIDDEN_KEYS.has(key)) reader.unparsable.push({ in: 'body', pointer: member, message: `the name ${key} is not allowed` });
    if (seen.has(key)) reader.unparsable.push({ in: 'body', pointer: member, message: 'the name appears twice in one object' });
    seen.add(key);
    skipSpace(reader);
    if (!closes(reader, ':')) fail(reader, member, 'a colon is expected here');
    readValue(reader, member, depth + 1);
    skipSpace(reader);
  } while (closes(reader, ','));
  if (!closes(reader, '}')) fail(reader, pointer, 'a comma or the end of the object is expected here');
}

function readArray(reader: Reader, pointer: string, depth: number): void {
  enter(reader, pointer, depth);
  skipSpace(reader);
  if (closes(reader, ']')) return;
  let index = 0;
  do {
    readValue(reader, pointerTo(pointer, index), depth + 1);
    index += 1;
    skipSpace(reader);
  } while (closes(reader, ','));
  if (!closes(reader, ']')) fail(reader, pointer, 'a comma or the end of the array is expected here');
}

function readString(reader: Reader, pointer: string): string {
  const quoted = take(reader, STRING);
  if (quoted === null) fail(reader, pointer, 'the string is not closed, or holds a raw control character or an unknown escape');
  const value = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (UNWANTED.test(value)) reader.wrong.push({ in: 'body', pointer, message: 'control characters and lone surrogates are not allowed in text' });
  return value;
}

function enter(reader: Reader, pointer: string, depth: number): void {
  if (depth > DEPTH_MAX) fail(reader, pointer, `the document is nested more than ${DEPTH_MAX} levels deep`);
  reader.at += 1;
}

function closes(reader: Reader, character: string): boolean {
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}
