import { expect, test } from 'vitest';
import { DEPTH_MAX, scanJson } from '../../api/json-scan.ts';

const fatal = (text: string): string[] => scanJson(text).unparsable.map(({ pointer }) => pointer);
const wrong = (text: string): string[] => scanJson(text).wrong.map(({ pointer }) => pointer);

test('whatever JSON.parse takes and has one meaning passes', () => {
  for (const text of ['null', ' {"a" : [1, -2.5e3, true, "x\\u00e9\\n".length] } '.replace('.length', ''), '[]', '{}', '"😀"', '{"a":{"a":1},"b":{"a":1}}']) {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(scanJson(text).unparsable).toEqual([]);
  }
});

test('whatever JSON.parse refuses is refused', () => {
  for (const text of ['', ' ', '{', '[1,]', '{,}', '{"a"}', '{"a":}', "{'a':1}", '01', '1.', '.5', '+1', 'NaN', 'Infinity', '"a', '"\n"', '"\\x41"', '"\\u12"', 'tru', '{"a":1}x', '[1 2]', '\u00a0null', '{"a":1,}']) {
    expect(() => JSON.parse(text)).toThrow();
    expect(fatal(text).length).toBeGreaterThan(0);
  }
});

test('a name that stands twice in one object is refused wherever it is, however it is spelt', () => {
  expect(fatal('{"a":1,"a":2}')).toEqual(['/a']);
  expect(fatal('[{"x":{"a~/b":1,"\\u0061~/b":2}}]')).toEqual(['/0/x/a~0~1b']);
});

test('names that reach the prototype are refused at every depth', () => {
  for (const name of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) expect(fatal(`{"a":[{"${name}":{}}]}`).length).toBe(1);
});

test('nesting is allowed to the limit and refused beyond it', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  expect(fatal(nested(DEPTH_MAX))).toEqual([]);
  expect(fatal(nested(DEPTH_MAX + 1)).length).toBe(1);
  expect(fatal('['.repeat(100_000)).length).toBe(1);
});

test('control characters, lone surrogates and numbers out of bounds are pointed at', () => {
  expect(wrong('{"a":["\\u0000","ok","\\u001b[31m","\\u007f","\\u0085"]}')).toEqual(['/a/0', '/a/2', '/a/3', '/a/4']);
  expect(wrong('["\\ud800","\\udc00","\\ud83d\\ude00"]')).toEqual(['/0', '/1']);
  expect(wrong('[1e400, -1e400, 9007199254740993, 9007199254740991]')).toEqual(['/0', '/1', '/2']);
  expect(wrong('{"a\\nb":1}')).toEqual(['']);
});

test('a quarter of a megabyte in one string, or in many complaints, is read in a moment', () => {
  expect(scanJson(JSON.stringify('x'.repeat(260_000)))).toEqual({ unparsable: [], wrong: [] });
  expect(scanJson(JSON.stringify('\\"'.repeat(60_000)))).toEqual({ unparsable: [], wrong: [] });
  const many = scanJson(`[${'"\\u0000",'.repeat(20_000)}1]`);
  expect(many.wrong.length).toBe(100);
});
