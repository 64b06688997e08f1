/** GET /v1/releases/{id}/refusals: what workers still had in hand for a release when its hosts obeyed somebody newer already. */
import { z } from 'zod';
import { readRefusals } from '../db/refusals.ts';
import { Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { releaseOf } from './releases.ts';
import { operation } from './route.ts';
import { Refusal } from './schemas/refusal.ts';
import { ReleaseId } from './schemas/text.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

export function getRefusals(deps: ApiDeps): Operation {
  return operation({
    summary: 'Commands of a release that came too late',
    description: 'A worker that was frozen or cut off may still act when its release was rolled back, adopted or ended. Host or lock refuse it then, nothing happens, and it is written down here.',
    tag: 'releases',
    path: { id: ReleaseId },
    query: z.strictObject({ limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page, oldest first', schema: pageOf(Refusal, 'LateCommandPage'), headers: { Link: 'rel=next when there is more' } } },
    problems: [404],
    async handle(call) {
      const release = call.path['id'] ?? '';
      await releaseOf(deps, release);
      const { limit, cursor } = call.query;
      const after = readCursor(cursor, z.strictObject({ position: z.int().min(0) }))?.position ?? 0;
      const found = await readRefusals(deps.db, { release, after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const next = found.length > limit ? cursorOf({ position: page.at(-1)?.position ?? 0 }) : null;
      const items = page.map(({ at, host, epoch, direction, round, step, sentence }) => ({ at, host, epoch, direction, round, step, sentence }));
      return { status: 200, body: { items, next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}
