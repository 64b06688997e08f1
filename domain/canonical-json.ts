/**
 * RFC 8785 (JSON Canonicalization Scheme): one value, one text, so that a hash over it means the value. ECMAScript's own writing of
 * numbers and strings is what the RFC prescribes; only member order and the refusals are ours.
 */

/** Deeper than any event; also ends the walk through a value that contains itself. */
const DEPTH_MAX = 256;

/**
 * The canonical text of a plain JSON value. Members that are `undefined` are dropped, as JSON does.
 * Throws a TypeError naming the member for what JSON cannot say: NaN and infinities, lone surrogates, `undefined` outside a member,
 * functions, symbols, bigints, dates, maps and other objects that are not plain, and nesting deeper than 256.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 'the value', 0);
}

function write(value: unknown, where: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, where);
    case 'number':
      if (!Number.isFinite(value)) throw notJson(where, `is ${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= DEPTH_MAX) throw notJson(where, `is nested deeper than ${DEPTH_MAX} levels or contains itself`);
      return Array.isArray(value) ? writeArray(value, where, depth) : writeObject(value, where, depth);
    default:
      throw notJson(where, `is of type ${typeof value}`);
  }
}

function writeString(text: string, where: string): string {
  if (!text.isWellFormed()) throw notJson(where, 'holds a lone surrogate');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], where: string, depth: number): string {
  let written = '';
  for (let index = 0; index < items.length; index += 1) {
    written += (index === 0 ? '' : ',') + write(items[index], where, depth + 1);
  }
  return `[${written}]`;
}

function writeObject(object: object, where: string, depth: number): string {
  const kind = Object.prototype.toString.call(object);
  if (kind !== '[object Object]') throw notJson(where, `is ${kind}, which is no plain object`);
  const members = object as Readonly<Record<string, unknown>>;
  let written = '';
  // The default sort compares UTF-16 code units, which is the order the RFC asks for.
  for (const name of Object.keys(members).sort()) {
    const value = members[name];
    if (value === undefined) continue;
    written += `${written === '' ? '' : ','}${writeString(name, where)}:${write(value, name, depth + 1)}`;
  }
  return `{${written}}`;
}

function notJson(where: string, what: string): TypeError {
  const place = where === 'the value' ? where : `member ${JSON.stringify(where)}`;
  return new TypeError(`No canonical JSON can be written: ${place} ${what}. Store plain JSON values only.`);
}
