/** Tells how releases end, as soon as the database says so. */
import { setTimeout as delay } from 'node:timers/promises';
import { listen } from '../db/notifications.ts';
import { getRelease } from '../db/queries.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import type { Database } from '../db/client.ts';

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
