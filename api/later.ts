/**
 * What a later version brings. Such a field is refused with its pointer and `not available yet`: never accepted and ignored, and
 * never called unknown. Each entry names where it stands, when it is later, and what stands in for it while the rest is checked.
 */
import { pointerTo } from './json-scan.ts';
import type { Complaint } from './problem.ts';

export const NOT_AVAILABLE_YET = 'not available yet';

export type LaterKind = 'Application' | 'Host' | 'Pool' | 'Strategy' | 'Recipe' | 'Package' | 'Release' | 'Command';

interface Later {
  /** `*` stands for every entry of a list */
  readonly path: readonly string[];
  readonly when?: (value: unknown) => boolean;
  /** replaces the value for the rest of the checks; without it the member is left out */
  readonly instead?: unknown;
}

const oneOf = (...words: readonly string[]) => (value: unknown): boolean => typeof value === 'string' && words.includes(value);
const startsWith = (...prefixes: readonly string[]) => (value: unknown): boolean => typeof value === 'string' && prefixes.some((prefix) => value.startsWith(prefix));
const hasDriver = (...drivers: readonly string[]) => (value: unknown): boolean => oneOf(...drivers)(member(value, 'driver'));
const hasEntries = (value: unknown): boolean => !(Array.isArray(value) && value.length === 0);
const hasMembers = (value: unknown): boolean => !(typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0);

const RECIPES = ['container', 'database'];

/** Stands in a list for an entry that goes once all pointers are made; nothing a request can hold is equal to it. */
const REMOVED = Symbol('removed');

const LATER: Readonly<Record<LaterKind, readonly Later[]>> = {
  Application: [
    { path: ['recipe'], when: oneOf(...RECIPES) },
    { path: ['keepAlive'] },
  ],
  Host: [{ path: ['executor'], when: hasDriver('salt', 'kubernetes', 'container'), instead: { driver: 'local', root: '/later' } }],
  Pool: [
    { path: ['traffic'], when: hasDriver('kubernetes'), instead: { driver: 'none' } },
    { path: ['variables'], when: hasMembers },
    { path: ['rollback'] },
    { path: ['windows'], when: hasEntries },
  ],
  Strategy: [
    { path: ['gates'], when: hasEntries },
    { path: ['hooks'], when: hasEntries },
    { path: ['windows'], when: hasEntries },
    { path: ['signOff'], when: oneOf('before-start') },
    { path: ['rollback', 'on', '*'], when: oneOf('hard-gate'), instead: REMOVED },
  ],
  Recipe: [],
  Package: [
    { path: ['kind'], when: oneOf('incremental') },
    { path: ['base'] },
    { path: ['signature'] },
    { path: ['uri'], when: startsWith('s3://', 'oci://'), instead: 'later://package' },
  ],
  Release: [
    { path: ['template'] },
    { path: ['train'] },
    { path: ['changes', '*', 'config'] },
  ],
  Command: [
    { path: ['gate'] },
  ],
};

/** Empty lists and maps of later fields mean nothing and are left out silently. */
export function withoutLater(kind: LaterKind, raw: unknown, base = ''): { readonly value: unknown; readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = [];
  const value = structuredClone(raw);
  for (const later of LATER[kind]) strip(value, later, later.path, base, complaints);
  dropRemoved(value, kind);
  return { value, complaints };
}

const LATER_KINDS: ReadonlySet<string> = new Set(['Template', 'ConfigProfile', 'Train', 'Freeze', 'Window', 'Webhook']);

/** The same for every document of an apply, each by its own kind. */
export function documentsWithoutLater(raw: unknown): { readonly value: unknown; readonly complaints: readonly Complaint[] } {
  const documents = member(raw, 'documents');
  if (!Array.isArray(documents)) return { value: raw, complaints: [] };
  const complaints: Complaint[] = [];
  const values = documents.map((document: unknown, index) => {
    const base = pointerTo('/documents', index);
    const kind = member(document, 'kind');
    if (typeof kind === 'string' && LATER_KINDS.has(kind)) {
      complaints.push({ in: 'body', pointer: `${base}/kind`, message: NOT_AVAILABLE_YET });
      return { kind: 'Application', name: 'later', run: { command: ['later'] } };
    }
    if (typeof kind !== 'string' || !Object.hasOwn(LATER, kind)) return document;
    const stripped = withoutLater(kind as LaterKind, document, base);
    complaints.push(...stripped.complaints);
    return stripped.value;
  });
  return { value: { ...(raw as object), documents: values }, complaints };
}

function strip(value: unknown, later: Later, path: readonly string[], pointer: string, complaints: Complaint[]): void {
  const [head, ...rest] = path;
  if (head === undefined || typeof value !== 'object' || value === null) return;
  const members = value as Record<string, unknown>;
  for (const key of head === '*' ? (Array.isArray(value) ? Object.keys(value) : []) : [head]) {
    if (!Object.hasOwn(members, key)) continue;
    if (rest.length > 0) strip(members[key], later, rest, pointerTo(pointer, key), complaints);
    else stripMember(members, key, later, pointerTo(pointer, key), complaints);
  }
}

function stripMember(members: Record<string, unknown>, key: string, later: Later, pointer: string, complaints: Complaint[]): void {
  const found = members[key];
  if (later.when === undefined || later.when(found)) {
    complaints.push({ in: 'body', pointer, message: NOT_AVAILABLE_YET });
    if (later.instead === undefined) delete members[key];
    else members[key] = later.instead;
  } else if (later.when === hasEntries || later.when === hasMembers) {
    delete members[key];
  }
}

function dropRemoved(value: unknown, kind: LaterKind): void {
  if (kind !== 'Strategy') return;
  const rollback = member(value, 'rollback');
  const on = member(rollback, 'on');
  if (Array.isArray(on)) (rollback as Record<string, unknown>)['on'] = on.filter((entry) => entry !== REMOVED);
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
