/** POST /v1/releases and everything that reads a release. Answers come from the database alone, so they hold while Temporal is away. */
import { z } from 'zod';
import { findingsHindering } from '../db/findings.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { recentPaces } from '../db/paces.ts';
import { getRelease, getReleaseAt, listReleases } from '../db/queries.ts';
import { releaseView } from '../domain/release/view.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import { waitingWith } from '../domain/watchdog/hindrance.ts';
import { mayBeBlocked } from '../domain/blocks.ts';
import { refuseBlocked } from './blocks.ts';
import { etagOf, isUnchanged } from './etag.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { Count, Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { notFound } from './problem.ts';
import { newReleaseId } from './release-id.ts';
import { assertStillFits } from './plan-id.ts';
import { captureInventory, releaseRequested } from './release-request.ts';
import { callerOf, operation } from './route.ts';
import { HostLogs, Release, ReleaseAccepted, ReleaseRequest, ReleaseSummary, STATUSES } from './schemas/release.ts';
import { Name, ReleaseId } from './schemas/text.ts';
import { goalsAhead } from './strategy-way-back.ts';
import type { Folded } from '../domain/release/fold.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const AS_IS = { description: 'the release', schema: Release, headers: { ETag: 'its version' } };

export function postRelease(deps: ApiDeps): Operation {
  return operation({
    summary: 'Ask for a release',
    description: 'Answers as soon as the request is stored; a worker takes it up. Follow it by its id. With `plan`, the id of a plan that was read, it starts only if it would still do what that plan says: otherwise 409 with what has changed.',
    tag: 'releases',
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: ReleaseRequest, later: 'Release' },
    answers: { 202: { description: 'stored; the release will be made', schema: ReleaseAccepted, headers: { Location: 'the release' } } },
    problems: [409],
    async handle(call) {
      const caller = callerOf(call);
      const answer = await once(deps, { request: call.request, caller, route: 'POST /v1/releases', body: call.body }, async (tx) => {
        const captured = await captureInventory(tx, call.body);
        if (call.body.plan != null) await assertStillFits(tx, call.body.plan, captured);
        const { inventory } = captured;
        if (mayBeBlocked(call.body.kind)) await refuseBlocked(tx, { pool: inventory.pool.name, changes: inventory.packages });
        await goalsAhead(tx, inventory);
        const id = newReleaseId(new Date());
        const paces = await recentPaces(tx, { pool: inventory.pool.name, applications: inventory.pool.applications });
        const request = releaseRequested(id, call.body, inventory, { requestedBy: caller.actor.name, paces });
        await createReleaseRequest(tx, { id, request, inventory, actor: caller.actor });
        return { status: 202, body: { id, status: 'queued', pool: request.pool, version: 0, url: `/v1/releases/${id}` } };
      });
      const { url } = answer.body as z.output<typeof ReleaseAccepted>;
      return { status: answer.status, body: answer.body, headers: { Location: url } };
    },
  });
}

export function getOneRelease(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a release',
    description: 'While a finding keeps it from going on (no worker takes work, its workflow was lost), `waiting` says so, and the ETag changes with it.',
    tag: 'releases',
    path: { id: ReleaseId },
    headers: { 'If-None-Match': 'ETag of the version you have' },
    answers: { 200: AS_IS, 304: { description: 'unchanged' } },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const folded = await releaseOf(deps, id);
      const hindrances = isTerminal(folded.core.situation.status) ? [] : await findingsHindering(deps.db, id);
      const headers = { ETag: etagOf(folded.version, hindrances.map((finding) => `${finding.id}@${finding.openedAt}`)) };
      if (isUnchanged(call.request, headers.ETag)) return { status: 304, headers };
      const view = releaseView(folded);
      return { status: 200, body: { ...view, waiting: waitingWith(view.waiting, hindrances) }, headers };
    },
  });
}

export function getReleaseThen(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a release as it was at a version',
    description: 'Exactly what GET answered when the release stood at that version.',
    tag: 'releases',
    path: { id: ReleaseId },
    query: z.strictObject({ version: Count }),
    answers: { 200: AS_IS },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const now = await releaseOf(deps, id);
      const { version } = call.query;
      const then = version > now.version ? null : await getReleaseAt(deps.db, id, version);
      if (then === null) throw notFound(`version of release ${id} (it stands at ${now.version})`, String(version));
      return { status: 200, body: releaseView(then), headers: { ETag: etagOf(then.version) } };
    },
  });
}

export function listAllReleases(deps: ApiDeps): Operation {
  const since = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
  return operation({
    summary: 'List releases, newest first',
    tag: 'releases',
    query: z.strictObject({ pool: Name.optional(), application: Name.optional(), status: z.enum(STATUSES).optional(), since: since.optional(), limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page', schema: pageOf(ReleaseSummary, 'ReleasePage'), headers: { Link: 'rel=next when there is more' } } },
    async handle(call) {
      const { limit, cursor, ...filters } = call.query;
      const after = readCursor(cursor, z.string());
      const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
      const found = await listReleases(deps.db, { ...given, limit: limit + 1, ...(after === undefined ? {} : { after }) });
      const items = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(items.at(-1)?.id) : null;
      return { status: 200, body: { items, next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}

/** The lines kept with a failure, at most 50 per failure; the whole log stays on the host. */
export function getLogs(deps: ApiDeps): Operation {
  return operation({
    summary: "Log lines kept with one host's failures",
    tag: 'releases',
    path: { id: ReleaseId },
    query: z.strictObject({ host: Name }),
    answers: { 200: { description: 'the lines, forward first', schema: HostLogs } },
    problems: [404],
    async handle(call) {
      const { targets } = await releaseOf(deps, call.path['id'] ?? '');
      const { host } = call.query;
      const target = targets[host];
      if (target === undefined || !Object.hasOwn(targets, host)) throw notFound('host of this release', host);
      const entries = (['forward', 'back'] as const).flatMap((direction) => {
        const failed = target[direction].failure;
        if (failed === null) return [];
        const { code, message, log } = failed.failure;
        return [{ direction, step: failed.step, code, message, lines: log === undefined ? [] : log.split('\n') }];
      });
      return { status: 200, body: { host, entries } };
    },
  });
}

/** Throws a 404 Problem when there is no such release. */
export async function releaseOf(deps: Pick<ApiDeps, 'db'>, id: string): Promise<Folded> {
  const folded = await getRelease(deps.db, id);
  if (folded === null) throw notFound('release', id);
  return folded;
}
