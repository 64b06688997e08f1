/** What changed between two plain JSON values, member by member. */
import { canonicalJson } from './canonical-json.ts';

/** An absent side means the member was added or removed. */
export interface FieldChange {
  readonly pointer: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** Objects are compared member by member; lists and plain values as a whole. */
export function differences(from: unknown, to: unknown, pointer = ''): readonly FieldChange[] {
  if (!isObject(from) || !isObject(to)) return same(from, to) ? [] : [{ pointer, ...side('from', from), ...side('to', to) }];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.flatMap((name) => differences(from[name], to[name], `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function same(from: unknown, to: unknown): boolean {
  return from === undefined || to === undefined ? from === to : canonicalJson(from) === canonicalJson(to);
}

function side(name: 'from' | 'to', value: unknown): Partial<FieldChange> {
  return value === undefined ? {} : { [name]: value };
}
