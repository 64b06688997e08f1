/** What applying documents changes, one line per object and per changed field. */
import { paint, printable } from './glyphs.ts';
import type { Tone } from './glyphs.ts';

/** One object of an apply: what happens to it, and which of its fields change. */
export interface AppliedDocument {
  readonly kind: string;
  readonly name: string;
  readonly action: 'created' | 'updated' | 'unchanged';
  readonly changes?: readonly FieldChange[];
}

/** `pointer` is a JSON pointer into the object; an absent side means the field is added or removed. */
export interface FieldChange {
  readonly pointer: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

const SIGNS: Readonly<Record<AppliedDocument['action'], readonly [string, Tone]>> = { created: ['+', 'good'], updated: ['~', 'held'], unchanged: ['=', 'quiet'] };

export function diffLines(documents: readonly AppliedDocument[], color: boolean): string[] {
  return documents.flatMap(({ kind, name, action, changes = [] }) => {
    const [sign, tone] = SIGNS[action];
    const head = paint(`${sign} ${kind} ${name}`, tone, color);
    return [head, ...(action === 'updated' ? changes.map((change) => `    ${changeText(change)}`) : [])];
  });
}

/** `2 created, 1 updated, 9 unchanged` */
export function diffSummary(documents: readonly AppliedDocument[]): string {
  const counted = (action: AppliedDocument['action']): number => documents.filter((document) => document.action === action).length;
  return `${counted('created')} created, ${counted('updated')} updated, ${counted('unchanged')} unchanged`;
}

/** `/bakeSeconds: 2 → 10` */
export function changeText({ pointer, from, to }: FieldChange): string {
  return printable(`${pointer}: ${from === undefined ? '(none)' : JSON.stringify(from)} → ${to === undefined ? '(none)' : JSON.stringify(to)}`);
}
