/**
 * Delivers what was committed to the outbox to Temporal: starts, commands, wake-ups. Nothing acknowledged is lost while Temporal is
 * away; each message is delivered at least once and every receiver takes a repeated one as the same.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { claimOutbox, markDelivered, markFailed } from '../db/outbox.ts';
import { listenOutbox } from '../db/notifications.ts';
import { deliver } from './deliver.ts';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { ClaimedMessage } from '../db/outbox.ts';

export interface DispatcherDeps {
  readonly db: Database;
  readonly client: Client;
  readonly taskQueue: string;
  readonly databaseUrl: string;
  readonly log: Logger;
}

/** A lost notification costs at most this. */
const POLL_MS = 1000;
const RETRY_MAX_MS = 5000;
const AT_ONCE = 50;

export interface Loop {
  readonly stop: () => Promise<void>;
}

export function startDispatcher(deps: DispatcherDeps): Loop {
  const { db, log } = deps;
  let stopping = false;
  let ring: () => void = () => undefined;
  const bell = listenOutbox(deps.databaseUrl, () => ring());
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const underWay = new Set<Promise<void>>();
  // One release that does not answer must not hold up the others: what is due is claimed while earlier messages are still on their way.
  const send = (message: ClaimedMessage): void => {
    const sending = attempt(deps, message).finally(() => {
      if (underWay.size === AT_ONCE) ring();
      underWay.delete(sending);
    });
    underWay.add(sending);
  };
  const loop = (async () => {
    while (!stopping) {
      const rung = wait();
      try {
        const room = AT_ONCE - underWay.size;
        const claimed = room > 0 ? await claimOutbox(db, { limit: room }) : [];
        claimed.forEach(send);
        if (room > 0 && claimed.length === room) ring();
      } catch (err) {
        log.warn({ err: String(err) }, 'The outbox cannot be read; trying again');
        await delay(POLL_MS);
      }
      await rung;
    }
    await Promise.all(underWay);
  })();
  return {
    stop: async () => {
      stopping = true;
      ring();
      await loop;
      await bell.close();
    },
  };
}

async function attempt(deps: DispatcherDeps, message: ClaimedMessage): Promise<void> {
  try {
    await deliver(deps, message);
    await markDelivered(deps.db, message.id);
  } catch (err) {
    deps.log.warn({ err: String(err), kind: message.kind, release: message.release, attempts: message.attempts }, 'A message for Temporal is not delivered yet');
    await markFailed(deps.db, message.id, String(err), Math.min(RETRY_MAX_MS, 200 * 2 ** Math.min(message.attempts, 10))).catch(() => undefined);
  }
}
