/** PUT, GET and DELETE of one object, and the list of a kind. Versions are ETags; a change names the version it means. */
import { z } from 'zod';
import { holdsOf } from '../db/blocks.ts';
import { deleteInventory, getInventory, listInventory, putInventory } from '../db/inventory.ts';
import { blockView } from './blocks.ts';
import { etagOf, expectedVersion, isUnchanged, mismatch, preconditionOf } from './etag.ts';
import { VersionConflict } from '../db/errors.ts';
import { storedDocument } from './kinds.ts';
import { Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { referenceComplaints } from './references.ts';
import { callerOf, operation } from './route.ts';
import { Name } from './schemas/text.ts';
import type { ApiDeps } from './deps.ts';
import type { InventoryKind, StoredSpec } from './kinds.ts';
import type { Operation } from './route.ts';

const PRECONDITIONS = {
  'If-Match': 'ETag of the version you read; required when the object exists',
  'If-None-Match': '`*`: only create',
};

/** 201 with the new object, 200 with the changed one, both with its ETag. The same content again changes nothing. */
export function putObject(deps: ApiDeps, kind: InventoryKind): Operation {
  return operation({
    summary: `Create or change ${article(kind)} ${kind.stored}`,
    tag: kind.collection,
    path: { name: Name },
    headers: PRECONDITIONS,
    body: { kind: 'json', schema: kind.body, later: kind.word },
    answers: { 200: changed(kind, 'changed'), 201: changed(kind, 'created') },
    problems: [409, 412, 428],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const spec = specOf(kind, name, call.body);
      const current = await getInventory(deps.db, kind.stored, name);
      const expected = expectedVersion(preconditionOf(call.request), current?.version ?? null, `${kind.word} ${name}`);
      const complaints = await referenceComplaints(deps.db, [{ base: '', document: storedDocument(kind, spec), given: call.body as Readonly<Record<string, unknown>> }]);
      if (complaints.length > 0) throw invalid(complaints);
      const { version, created, spec: stored } = await putInventory(deps.db, { ...storedDocument(kind, spec), expectedVersion: expected, actor: callerOf(call).actor }).catch((error: unknown) => {
        throw lateConflict(error, expected, `${kind.word} ${name}`);
      });
      return { status: created ? 201 : 200, body: { kind: kind.word, ...stored }, headers: { ETag: etagOf(version) } };
    },
  });
}

export function getObject(deps: ApiDeps, kind: InventoryKind): Operation {
  return operation({
    summary: `Read ${article(kind)} ${kind.stored}`,
    tag: kind.collection,
    path: { name: Name },
    headers: { 'If-None-Match': 'ETag of the version you have' },
    answers: { 200: { ...changed(kind, 'as it is'), schema: kind.read }, 304: { description: 'unchanged' } },
    problems: [404],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const found = await getInventory(deps.db, kind.stored, name);
      if (found === null) throw notFound(kind.stored, name);
      const headers = { ETag: etagOf(found.version) };
      const holds = kind.stored === 'application' ? await holdsOf(deps.db, name) : [];
      // Holds come and go without a new version of the application.
      if (holds.length === 0 && isUnchanged(call.request, headers.ETag)) return { status: 304, headers };
      const standing = holds.filter(({ lifted }) => lifted === null).map((hold) => ({ pool: hold.pool, ...blockView(hold) }));
      return { status: 200, body: { kind: kind.word, ...(found.spec as object), ...(standing.length === 0 ? {} : { holds: standing }) }, headers };
    },
  });
}

export function listObjects(deps: ApiDeps, kind: InventoryKind): Operation {
  return operation({
    summary: `List ${kind.collection} by name`,
    tag: kind.collection,
    query: z.strictObject({ limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page', schema: pageOf(objectOf(kind), `${kind.word}Page`), headers: { Link: 'rel=next when there is more' } } },
    async handle(call) {
      const { limit, cursor } = call.query;
      const after = readCursor(cursor, z.string());
      const found = await listInventory(deps.db, kind.stored, { limit: limit + 1, ...(after === undefined ? {} : { after }) });
      const items = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(items.at(-1)?.name) : null;
      return { status: 200, body: { items: items.map(({ spec }) => ({ kind: kind.word, ...(spec as object) })), next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}

export function deleteObject(deps: ApiDeps, kind: InventoryKind): Operation {
  return operation({
    summary: `Delete ${article(kind)} ${kind.stored}`,
    tag: kind.collection,
    path: { name: Name },
    headers: { 'If-Match': 'ETag of the version you read; required' },
    answers: { 204: { description: 'deleted' } },
    problems: [404, 409, 412, 428],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const current = await getInventory(deps.db, kind.stored, name);
      if (current === null) throw notFound(kind.stored, name);
      const expected = expectedVersion(preconditionOf(call.request), current.version, `${kind.word} ${name}`) ?? current.version;
      await deleteInventory(deps.db, { kind: kind.stored, name, expectedVersion: expected, actor: callerOf(call).actor });
      return { status: 204 };
    },
  });
}

/** Kind and name may be left out of a body sent to the object's own path; if they are there, they must say the same. */
function specOf(kind: InventoryKind, name: string, body: unknown): StoredSpec {
  const { kind: _kind, name: said, ...rest } = body as Record<string, unknown>;
  if (said !== undefined && said !== name) throw invalid([{ in: 'body', pointer: '/name', message: `must be "${name}", as in the path` }]);
  return kind.spec.parse({ ...rest, name });
}

/** Somebody created the object between our look and our write: without If-Match that is 428, as if we had seen it. */
function lateConflict(error: unknown, expected: number | null, what: string): unknown {
  if (!(error instanceof VersionConflict)) return error;
  if (expected === null && error.current !== null) {
    return new Problem('version-required', { detail: `${what} was created meanwhile. Read it, then send its ETag as If-Match.`, headers: { ETag: etagOf(error.current) } });
  }
  return mismatch(error.message, error.current);
}

function changed(kind: InventoryKind, how: string) {
  return { description: `the ${kind.stored}, ${how}`, schema: objectOf(kind), headers: { ETag: 'its version' } };
}

function objectOf(kind: InventoryKind): z.ZodType {
  return kind.document;
}

function article(kind: InventoryKind): string {
  return kind.stored === 'application' ? 'an' : 'a';
}

