/** GET /v1/releases/{id}/events: a page of JSON, or a stream that follows the release to its end. */
import { z } from 'zod';
import { readReleaseEvents } from '../db/events.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import { Count, Limit, nextLink } from './pages.ts';
import { invalid } from './problem.ts';
import { releaseOf } from './releases.ts';
import { ANSWERED, operation } from './route.ts';
import { ReleaseEvents } from './schemas/release.ts';
import { ReleaseId } from './schemas/text.ts';
import { streamEvents } from './sse.ts';
import type { IncomingMessage } from 'node:http';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const Query = z.strictObject({ after: Count.optional().meta({ description: 'only events after this stream version' }), limit: Limit });

export function getEvents(deps: ApiDeps): Operation {
  return operation({
    summary: 'Events of a release, as a page or as a stream',
    description:
      'With `Accept: text/event-stream` every event after `Last-Event-ID` (or `after`) is sent as a message whose id is its stream version; then the stream follows the release and ends with a message `end`. A comment every 15 s keeps it alive.',
    tag: 'releases',
    path: { id: ReleaseId },
    query: Query,
    headers: { Accept: 'application/json or text/event-stream', 'Last-Event-ID': 'stream version of the last event seen' },
    answers: { 200: { description: 'the events', schema: ReleaseEvents, contentTypes: ['application/json', 'text/event-stream'], headers: { Link: 'rel=next when there is more' } } },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const { core } = await releaseOf(deps, id);
      const after = call.query.after ?? 0;
      if (wantsStream(call.request)) {
        await streamEvents(deps, { release: id, after: lastEventId(call.request) ?? after, ended: isTerminal(core.situation.status), response: call.response, signal: call.signal });
        return ANSWERED;
      }
      const events = await readReleaseEvents(deps.db, { release: id, after, limit: call.query.limit });
      const last = events.at(-1);
      const next = last !== undefined && events.length === call.query.limit ? String(last.version) : null;
      return { status: 200, body: { items: events, next }, headers: nextLink(call.request.url ?? '', next, 'after') };
    },
  });
}

function wantsStream(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept ?? '').split(',').some((type) => type.split(';')[0]?.trim().toLowerCase() === 'text/event-stream');
}

function lastEventId(request: IncomingMessage): number | null {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return null;
  if (typeof header !== 'string' || !/^[0-9]{1,9}$/.test(header)) throw invalid([{ in: 'header', pointer: '/Last-Event-ID', message: 'must be the stream version of an event' }]);
  return Number(header);
}
