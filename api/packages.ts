/** POST and GET of packages. A package is registered once and never changes: the same again is the same, anything else a conflict. */
import { z } from 'zod';
import { canonicalJson } from '../domain/canonical-json.ts';
import { VersionConflict } from '../db/errors.ts';
import { getInventory, listInventory, putInventory } from '../db/inventory.ts';
import { quarantineOf } from './blocks.ts';
import { etagOf } from './etag.ts';
import { checkPackageUri } from './package-uri.ts';
import { Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { callerOf, operation } from './route.ts';
import { Package, PackageRead, PackageRequest, packageOf } from './schemas/package.ts';
import { Name, PackageId } from './schemas/text.ts';
import type { PackageSpec } from '../domain/inventory.ts';
import type { ApiDeps } from './deps.ts';
import type { Complaint } from './problem.ts';
import type { Operation } from './route.ts';

export function registerPackage(deps: ApiDeps): Operation {
  return operation({
    summary: 'Register a version of an application',
    description: 'The file itself stays where its URI says; hosts fetch it and check its SHA-256. Registering the same content again answers 200.',
    tag: 'packages',
    body: { kind: 'json', schema: PackageRequest, later: 'Package' },
    answers: { 200: { description: 'registered before, with the same content', schema: Package }, 201: { description: 'registered', schema: Package, headers: { Location: 'its path' } } },
    problems: [409],
    async handle(call) {
      const complaints: Complaint[] = [];
      const checked = checkPackageUri(call.body.uri, deps.config);
      if ('complaint' in checked) complaints.push({ in: 'body', pointer: '/uri', message: checked.complaint });
      const { application } = call.body;
      if ((await getInventory(deps.db, 'application', application)) === null) complaints.push({ in: 'body', pointer: '/application', message: `application ${application} does not exist` });
      if ('complaint' in checked || complaints.length > 0) throw invalid(complaints);
      const spec = packageOf(call.body, checked.uri);
      const created = await register(deps, spec, callerOf(call).actor);
      return { status: created ? 201 : 200, body: spec, headers: { Location: `/v1/packages/${encodeURIComponent(spec.id)}` } };
    },
  });
}

export function getPackage(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a package',
    tag: 'packages',
    path: { id: PackageId },
    answers: { 200: { description: 'the package', schema: PackageRead, headers: { ETag: 'its version' } } },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const found = await getInventory(deps.db, 'package', id);
      if (found === null) throw notFound('package', id);
      const quarantine = await quarantineOf(deps.db, id);
      return { status: 200, body: { ...found.spec, ...(quarantine === null ? {} : { quarantine }) }, headers: { ETag: etagOf(found.version) } };
    },
  });
}

export function listPackages(deps: ApiDeps): Operation {
  return operation({
    summary: 'List packages, of one application or all',
    tag: 'packages',
    query: z.strictObject({ application: Name.optional(), limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page', schema: pageOf(Package, 'PackagePage'), headers: { Link: 'rel=next when there is more' } } },
    async handle(call) {
      const { application, limit, cursor } = call.query;
      const found = await packagesAfter(deps, application, readCursor(cursor, z.string()), limit + 1);
      const items = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(items.at(-1)?.id) : null;
      return { status: 200, body: { items, next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}

/** True when new. Throws a 409 Problem when the version is registered with other content. */
async function register(deps: ApiDeps, spec: PackageSpec, actor: Parameters<typeof putInventory>[1]['actor']): Promise<boolean> {
  try {
    await putInventory(deps.db, { kind: 'package', name: spec.id, spec, expectedVersion: null, actor });
    return true;
  } catch (error) {
    if (!(error instanceof VersionConflict)) throw error;
  }
  const found = await getInventory(deps.db, 'package', spec.id);
  if (found !== null && canonicalJson(found.spec) === canonicalJson(spec)) return false;
  throw new Problem('conflict', `Package ${spec.id} is registered with other content, and a registered version never changes. Give the new build a new version.`);
}

async function packagesAfter(deps: ApiDeps, application: string | undefined, start: string | undefined, count: number): Promise<PackageSpec[]> {
  const found: PackageSpec[] = [];
  for (let after = start; ; ) {
    const page = await listInventory(deps.db, 'package', { limit: count, ...(after === undefined ? {} : { after }) });
    found.push(...page.map(({ spec }) => spec as PackageSpec).filter((spec) => application === undefined || spec.application === application));
    after = page.at(-1)?.name;
    if (after === undefined || page.length < count || found.length >= count) return found.slice(0, count);
  }
}
