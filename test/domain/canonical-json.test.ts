import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { canonicalJson } from '../../domain/canonical-json.ts';

/** The double with these bits, as the tables of RFC 8785 give them. */
function double(hex: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${hex}`));
  return view.getFloat64(0);
}

describe('RFC 8785', () => {
  test('the example of section 3.2.2 is written as the RFC prints it', () => {
    const source = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(JSON.parse(source))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test('members are sorted by UTF-16 code units as in section 3.2.3', () => {
    const source = String.raw`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`;
    const values = [...canonicalJson(JSON.parse(source)).matchAll(/:"([^"]*)"/g)].map(([, value]) => value);
    expect(values).toEqual(['Carriage Return', 'One', 'Control', 'Latin Small Letter O With Diaeresis', 'Euro Sign', 'Emoji: Grinning Face', 'Hebrew Letter Dalet With Dagesh']);
  });

  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('the number with the bits %s is %s', (bits, text) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  test.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('the number with the bits %s is refused', (bits) => {
    expect(() => canonicalJson(double(bits))).toThrow(TypeError);
  });
});

describe('canonical JSON', () => {
  test.each([
    [[], '[]'],
    [{}, '{}'],
    [[1, [2, {}], 'x'], '[1,[2,{}],"x"]'],
    [{ b: 1, a: { d: [], c: null } }, '{"a":{"c":null,"d":[]},"b":1}'],
    [{ b: undefined, a: 1 }, '{"a":1}'],
    [{ a: undefined, b: 1, c: 2 }, '{"b":1,"c":2}'],
    [{ 10: 'x', 9: 'y' }, '{"10":"x","9":"y"}'],
    [Object.create(null), '{}'],
    [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
    [true, 'true'],
    [false, 'false'],
    [null, 'null'],
    ['😀', '"😀"'],
    ['\b\t\n\f\r\u0000\u001f\u007f', '"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f"'],
  ])('%j is written as %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test.each([
    { value: undefined, why: 'the value is of type undefined' },
    { value: [undefined], why: 'the value is of type undefined' },
    { value: { a: [1, undefined] }, why: 'member "a" is of type undefined' },
    { value: { a: () => 1 }, why: 'member "a" is of type function' },
    { value: { a: Symbol('s') }, why: 'member "a" is of type symbol' },
    { value: { a: 1n }, why: 'member "a" is of type bigint' },
    { value: { a: { b: Number.NaN } }, why: 'member "b" is NaN' },
    { value: { a: Number.NEGATIVE_INFINITY }, why: 'member "a" is -Infinity' },
    { value: { a: '\ud800' }, why: 'member "a" holds a lone surrogate' },
    { value: ['\udc00x'], why: 'the value holds a lone surrogate' },
    { value: { o: { '\ud800': 1 } }, why: 'member "o" holds a lone surrogate' },
    { value: { at: new Date(0) }, why: 'member "at" is [object Date], which is no plain object' },
    { value: new Map(), why: 'the value is [object Map], which is no plain object' },
  ])('$why: refused', ({ value, why }) => {
    expect(() => canonicalJson(value)).toThrow(new TypeError(`No canonical JSON can be written: ${why}. Store plain JSON values only.`));
  });

  test('a hole in an array is refused like undefined', () => {
    expect(() => canonicalJson(new Array(1))).toThrow('is of type undefined');
  });

  test('256 levels are written, one more is refused, and so is a value that contains itself', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    const chained = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels));
    expect(canonicalJson(nested(256))).toHaveLength(512);
    expect(canonicalJson(chained(256))).toHaveLength(256 * 6 + 1);
    expect(() => canonicalJson(nested(257))).toThrow('is nested deeper than 256 levels or contains itself');
    expect(() => canonicalJson(chained(257))).toThrow('is nested deeper than 256 levels or contains itself');
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(() => canonicalJson(loop)).toThrow('contains itself');
  });

  test('it says the same as JSON and does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        fc.pre(JSON.stringify(value).isWellFormed());
        const plain: unknown = JSON.parse(JSON.stringify(value));
        const text = canonicalJson(plain);
        expect(JSON.parse(text)).toEqual(plain);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(canonicalJson(reversed(plain))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

/** The same value with the members of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reversed(member)]));
}
