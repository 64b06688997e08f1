/** Unknown → request value, or all complaints at once. The one place that speaks with zod about a request. */
import type { z } from 'zod';
import { pointerTo } from './json-scan.ts';
import type { Complaint } from './problem.ts';

export type Parsed<T> = { readonly value: T } | { readonly complaints: readonly Complaint[] };

const COMPLAINTS_MAX = 100;

/** `value` has every default filled in; complaints carry pointers beginning with `base`. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, where: Complaint['in'], base = ''): Parsed<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  return { complaints: distinct(parsed.error.issues.flatMap((issue) => complaintsOf(issue, where, base))).slice(0, COMPLAINTS_MAX) };
}

/** A pattern and the rule behind it may say the same sentence twice. */
function distinct(complaints: readonly Complaint[]): readonly Complaint[] {
  return [...new Map(complaints.map((complaint) => [`${complaint.pointer} ${complaint.message}`, complaint])).values()];
}

function complaintsOf(issue: z.core.$ZodIssue, where: Complaint['in'], base: string): readonly Complaint[] {
  const at = issue.path.reduce((pointer: string, member) => pointerTo(pointer, String(member)), base);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ in: where, pointer: pointerTo(at, key), message: 'unknown field' }));
  }
  if (issue.code === 'invalid_key') {
    return [{ in: where, pointer: at, message: `the name is not allowed here: ${issue.issues[0]?.message ?? issue.message}` }];
  }
  const meant = issue.code === 'invalid_union' ? meantBranch(issue.errors) : undefined;
  if (meant !== undefined) return meant.flatMap((inner) => complaintsOf(inner, where, at));
  return [{ in: where, pointer: at, message: messageOf(issue) }];
}

/** Of several forms the one that was meant, where that is plain: only members of it are wrong, not the form itself. */
function meantBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const [meant, ...others] = branches.filter((issues) => issues.length > 0 && issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'));
  return others.length === 0 ? meant : undefined;
}

/** zod's own sentences say what was expected; a missing member is said to be missing. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined')) return `missing: ${issue.expected} is required`;
  return issue.message;
}
