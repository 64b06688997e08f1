/** One process that answers agents: hears for which hosts work came, and says in the database that it is there. */
import { randomUUID } from 'node:crypto';
import { DESK_SIGN_MS, closeDesk, signDesk } from '../db/agents.ts';
import { createBells } from '../db/bells.ts';
import { listenOn } from '../db/notifications.ts';
import type { Bells } from '../db/bells.ts';
import type { Database } from '../db/client.ts';
import type { ApiDeps } from './deps.ts';

export interface AgentDesk {
  readonly bells: Bells;
  /** Agents may come: says so now, and every second from now on. */
  open(): void;
  close(): Promise<void>;
}

/** Listens from the start; `open` only once agents can reach the process. */
export function createAgentDesk({ db, log }: { readonly db: Database; readonly log: ApiDeps['log'] }): AgentDesk {
  const id = randomUUID();
  const bells = createBells();
  const listener = listenOn({ url: db.url, channel: 'signalbox_call', onId: bells.ring, onGap: bells.ringAll });
  let timer: NodeJS.Timeout | null = null;
  let signing: Promise<void> = Promise.resolve();
  let isSigning = false;
  const sign = (): void => {
    if (isSigning) return;
    isSigning = true;
    signing = signDesk(db, id)
      .catch((error: unknown) => log.debug({ err: error }, 'the desk for agents could not be signed'))
      .finally(() => {
        isSigning = false;
      });
  };
  return {
    bells,
    open: () => {
      sign();
      timer ??= setInterval(sign, DESK_SIGN_MS);
    },
    close: async () => {
      if (timer !== null) clearInterval(timer);
      await Promise.all([signing, listener.close()]);
      await closeDesk(db, id).catch((error: unknown) => log.debug({ err: error }, 'the desk for agents could not be closed'));
    },
  };
}
