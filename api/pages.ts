/** Keyset pages: a cursor names the last thing seen, so that no page repeats or skips one while others are added. */
import { z } from 'zod';
import { Problem } from './problem.ts';

export const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
// Digits only: Number('') and Number('0x10') would be numbers too.
const digits = z.string().regex(/^[0-9]{1,9}$/, 'must be a whole number of at most 9 digits');
/** Versions are 32-bit integers in the store. */
export const VERSION_MAX = 999_999_999;

export const Limit = digits
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= LIMIT_MAX, `must be from 1 to ${LIMIT_MAX}`)
  .default(LIMIT_DEFAULT)
  .meta({ description: `entries per page, at most ${LIMIT_MAX}`, override: asInteger({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT }) });

export const Cursor = z.string().max(512).regex(/^[A-Za-z0-9_-]+$/, 'must be the cursor of an earlier answer').optional().meta({ description: '`next` of the page before' });

/** A stream version in a query. */
export const Count = digits.transform(Number).meta({ override: asInteger({ minimum: 0, maximum: VERSION_MAX }) });

export function cursorOf(key: unknown): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Throws a 422 Problem for a cursor that was not made here. */
export function readCursor<T>(cursor: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new Problem('invalid', { detail: 'The cursor is not one of ours.', errors: [{ in: 'query', pointer: '/cursor', message: 'must be the cursor of an earlier answer' }] });
  }
}

/** `Link: <…>; rel="next"` beside the same cursor in the body. Every other parameter of the request is kept. */
export function nextLink(requestUrl: string, next: string | null, parameter = 'cursor'): Record<string, string> {
  if (next === null) return {};
  const url = new URL(requestUrl, 'http://localhost');
  url.searchParams.set(parameter, next);
  return { Link: `<${url.pathname}${url.search}>; rel="next"` };
}

/** A page's schema for the documents. */
export function pageOf<T extends z.ZodType>(item: T, id: string) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() }).meta({ id });
}

/** Queries are text, but readers of the document should see the number that is meant. */
export function asInteger(rules: { readonly minimum: number; readonly maximum: number; readonly default?: number }) {
  return ({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void => {
    delete jsonSchema['pattern'];
    Object.assign(jsonSchema, { type: 'integer', ...rules });
  };
}
