/** Tells how releases end, as soon as the database says so. */
import { setTimeout as delay } from 'node:timers/promises';
import { listen } from '../db/notifications.ts';
import { getRelease } from '../db/queries.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import type { Database } from '../db/client.ts';
import type { AskedRelease } from './no-op-release.ts';

const RELEASE_MS_MAX = 300_000;

export interface Endings {
  /** the final status of a release; ask before the release is requested */
  readonly of: (release: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

export function watchEndings(db: Database, databaseUrl: string): Endings {
  const waiting = new Map<string, (status: string) => void>();
  const look = async (release: string): Promise<void> => {
    const row = await db.kysely.selectFrom('releases').select('status').where('id', '=', release).executeTakeFirst();
    if (row !== undefined && isTerminal(row.status)) waiting.get(release)?.(row.status);
  };
  const listener = listen(databaseUrl, (release) => void look(release).catch(() => undefined));
  return {
    of: (release) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.set(release, resolve);
      const late = delay(RELEASE_MS_MAX, null, { ref: false }).then(async () => {
        throw new Error(`Release ${release} did not end within ${RELEASE_MS_MAX / 1000} s; it is ${(await getRelease(db, release))?.core.situation.status ?? 'unknown'}.`);
      });
      return Promise.race([promise, late]).finally(() => waiting.delete(release));
    },
    close: async () => listener.close(),
  };
}

/** Asks for the release and waits for its end: how long it took, in milliseconds. Throws when it did not end well, for then it measures nothing. */
export async function timeRelease(db: Database, endings: Endings, asked: AskedRelease): Promise<number> {
  const ending = endings.of(asked.id);
  const startedMs = performance.now();
  await createReleaseRequest(db, asked);
  const status = await ending;
  const wallMs = performance.now() - startedMs;
  if (status !== 'succeeded') throw new Error(`Release ${asked.id} over no-op drivers ended ${status}; a bench measures only releases that go well.`);
  return wallMs;
}
