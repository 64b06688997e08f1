/** Whether hosts are there, as the last looks told. Nothing is asked of a host here: that is the workers' part. */
import { z } from 'zod';
import { pageLiveness } from '../db/liveness.ts';
import { standingNow } from '../domain/liveness.ts';
import { Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { notFound } from './problem.ts';
import { operation } from './route.ts';
import { HostLiveness } from './schemas/liveness.ts';
import { Name } from './schemas/text.ts';
import type { ListedLiveness } from '../db/liveness.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

export function listLiveness(deps: ApiDeps): Operation {
  return operation({
    summary: 'Whether each host is there, by name',
    description: 'Up, dead since when, or unknown, and when it was last seen; with disk, clock and what runs there as of its last answer.',
    tag: 'hosts',
    query: z.strictObject({ limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page', schema: pageOf(HostLiveness, 'HostLivenessPage'), headers: { Link: 'rel=next when there is more' } } },
    async handle(call) {
      const { limit, cursor } = call.query;
      const after = readCursor(cursor, z.string());
      const found = await pageLiveness(deps.db, { limit: limit + 1, ...(after === undefined ? {} : { after }) });
      const items = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(items.at(-1)?.host) : null;
      const nowMs = nowMsOf(deps);
      return { status: 200, body: { items: items.map((one) => livenessView(one, nowMs)), next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}

export function getLiveness(deps: ApiDeps): Operation {
  return operation({
    summary: 'Whether a host is there',
    tag: 'hosts',
    path: { name: Name },
    answers: { 200: { description: 'as the last look told', schema: HostLiveness } },
    problems: [404],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const [found] = await pageLiveness(deps.db, { only: name, limit: 1 });
      if (found === undefined) throw notFound('host', name);
      return { status: 200, body: livenessView(found, nowMsOf(deps)) };
    },
  });
}

function livenessView({ host, known, startedAgain }: ListedLiveness, nowMs: number): z.output<typeof HostLiveness> {
  const { seenAt = null, checkedAt = null, deadSince = null, message = null, vitals = null, applications = [] } = known ?? {};
  const state = standingNow(known, nowMs);
  return { host, state, seenAt, checkedAt, deadSince: state === 'dead' ? deadSince : null, message: state === 'dead' ? message : null, vitals, applications: [...applications], startedAgain: [...startedAgain] };
}

function nowMsOf({ now }: ApiDeps): number {
  return (now?.() ?? new Date()).getTime();
}
