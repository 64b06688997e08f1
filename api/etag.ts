/** Strong ETags from versions, and the preconditions of changes to the inventory. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** `beside`: what is told besides the version, so that the tag changes with it. */
export function etagOf(version: number, beside: readonly string[] = []): string {
  if (beside.length === 0) return `"${version}"`;
  return `"${version}-${createHash('sha256').update(JSON.stringify(beside)).digest('hex').slice(0, 12)}"`;
}

/** What a PUT or DELETE says about the version it means. */
export interface Precondition {
  readonly ifMatch: readonly string[] | '*' | null;
  readonly ifNoneMatchAny: boolean;
}

export function preconditionOf(request: IncomingMessage): Precondition {
  const match = request.headers['if-match'];
  return { ifMatch: match === undefined ? null : tagsOf(match), ifNoneMatchAny: request.headers['if-none-match']?.trim() === '*' };
}

/** True when a conditional GET may be answered 304. */
export function isUnchanged(request: IncomingMessage, etag: string): boolean {
  const given = request.headers['if-none-match'];
  if (given === undefined) return false;
  const tags = tagsOf(given);
  return tags === '*' || tags.some((tag) => tag.replace(/^W\//, '') === etag);
}

/**
 * The version to change, null to create. Throws 428 when an existing object is changed without If-Match, 412 when another version
 * (or none) is there. `current` is null when there is no such object.
 */
export function expectedVersion(precondition: Precondition, current: number | null, what: string): number | null {
  if (precondition.ifNoneMatchAny && current !== null) throw mismatch(`${what} exists already, at version ${current}.`, current);
  if (precondition.ifMatch === null) {
    if (current === null) return null;
    throw new Problem('version-required', {
      detail: `${what} exists. Read it, then send its ETag (now ${etagOf(current)}) as If-Match, so that nobody's change is overwritten unseen.`,
      headers: { ETag: etagOf(current) },
    });
  }
  if (current === null) throw mismatch(`${what} does not exist, so If-Match cannot hold.`, null);
  if (precondition.ifMatch !== '*' && !precondition.ifMatch.includes(etagOf(current))) throw mismatch(`${what} is at version ${current} now. Read it again and repeat the change.`, current);
  return current;
}

/** The same answer when the store finds the conflict later than we did. */
export function mismatch(detail: string, current: number | null): Problem {
  return new Problem('version-mismatch', { detail, ...(current === null ? {} : { headers: { ETag: etagOf(current) } }) });
}

function tagsOf(header: string): readonly string[] | '*' {
  if (header.trim() === '*') return '*';
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}
