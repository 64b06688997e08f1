/** What is closed for a site stays closed to everybody else, and cannot be changed or moved. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotOpened, seal, siteKeys, unseal } from '../../activities/sealed-call.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const key = newKey();
const keys = siteKeys([key]);

describe('a sealed call', () => {
  test('opens to what was sealed, whatever it is', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.string(), (value, about) => {
      expect(JSON.stringify(unseal(keys, about, seal(keys, about, value)))).toBe(JSON.stringify(value));
    }));
  });

  test('shows nothing of its content, and twice the same is never the same', () => {
    const sealed = Buffer.from(seal(keys, 'call', { env: { PASSWORD: 'hunter2-hunter2' } }));
    for (const text of ['hunter2', 'PASSWORD', 'env']) expect(sealed.includes(text)).toBe(false);
    expect(sealed.equals(Buffer.from(seal(keys, 'call', { env: { PASSWORD: 'hunter2-hunter2' } })))).toBe(false);
  });

  test('opens no more once a single bit of it is another, or some of it is missing', () => {
    const sealed = seal(keys, 'call', { verb: 'start' });
    fc.assert(
      fc.property(fc.nat({ max: sealed.length - 1 }), fc.nat({ max: 7 }), (index, bit) => {
        const changed = Uint8Array.from(sealed);
        changed[index] = (changed[index] ?? 0) ^ (1 << bit);
        expect(() => unseal(keys, 'call', changed)).toThrow(NotOpened);
        expect(() => unseal(keys, 'call', sealed.subarray(0, index))).toThrow(NotOpened);
      }),
    );
  });

  test('opens only as what it was sealed for', () => {
    expect(() => unseal(keys, 'call east a', seal(keys, 'call west a', 1))).toThrow('it is not what was sent, or was sent for another call');
  });

  test('opens with any key that is known, names the one that is not, and tells nothing of either', () => {
    const other = newKey();
    expect(unseal(siteKeys([other, key]), 'x', seal(keys, 'x', 1))).toBe(1);
    expect(() => unseal(siteKeys([other]), 'x', seal(keys, 'x', 1))).toThrow(/^it was closed with key [0-9a-f]{8}, and here are only [0-9a-f]{8}$/);
    for (const wrong of [null, 'text', new Uint8Array(0), new Uint8Array(100)]) expect(() => unseal(keys, 'x', wrong)).toThrow(NotOpened);
  });

  test('needs a key of 32 bytes', () => {
    expect(() => siteKeys([])).toThrow(RangeError);
    expect(() => siteKeys(['c2hvcnQ='])).toThrow(RangeError);
  });
});
