/** Tells the database every few seconds that this service can work: a worker is up, and Temporal and Postgres answer it. */
import { setTimeout as delay } from 'node:timers/promises';
import { givePulse, PULSE_MS } from '../db/outages.ts';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { Loop } from './dispatcher.ts';

export interface PulseDeps {
  readonly db: Database;
  readonly client: Client;
  readonly taskQueue: string;
  readonly log: Logger;
  /** does this worker take work now; default: it does */
  readonly takesWork?: () => boolean;
  /** default: as often as the database expects it */
  readonly everyMs?: number;
}

const ANSWER_MS = 3_000;

export function startPulse({ db, client, taskQueue, log, takesWork = () => true, everyMs = PULSE_MS }: PulseDeps): Loop {
  const stopping = new AbortController();
  const beat = async (): Promise<void> => {
    if (!takesWork()) return;
    // The part of Temporal that hands out work, not only its front door.
    await client.connection.withDeadline(Date.now() + ANSWER_MS, () => client.workflowService.describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name: taskQueue } }));
    const gap = await givePulse(db);
    if (gap !== null) log.warn({ fromMs: gap.fromMs, toMs: gap.toMs }, 'Signalbox could not work for a while; releases do not count that time against their deadlines');
  };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await beat().catch((err: unknown) => log.debug({ err: String(err) }, 'No pulse was given: Temporal or the database does not answer'));
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}
